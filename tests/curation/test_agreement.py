"""Agreement beyond chance is scikit-learn's figure, for every pair of reviewers."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from curation.agreement import cohen_kappa, compare_reviewers

WORDS = ["keep", "reject", "unsure"]


@pytest.mark.parametrize("seed", range(8))
def test_kappa_is_that_of_scikit_learn(seed: int) -> None:
    random = np.random.default_rng(seed)
    first = random.choice(WORDS, 50).tolist()
    second = [word if random.random() < 0.1 * seed else str(random.choice(WORDS)) for word in first]
    assert cohen_kappa(first, second) == pytest.approx(cohen_kappa_score(first, second))


def test_full_agreement_is_one_and_full_contradiction_is_minus_one() -> None:
    first = ["keep", "reject"] * 5
    assert cohen_kappa(first, first) == pytest.approx(1)
    assert cohen_kappa(first, first[::-1]) == pytest.approx(-1)


def test_kappa_is_unknown_where_chance_explains_everything() -> None:
    assert cohen_kappa(["keep"] * 3, ["keep"] * 3) is None
    assert cohen_kappa([], []) is None


def test_ratings_must_be_about_the_same_things() -> None:
    with pytest.raises(ValueError, match="got 1 and 2"):
        cohen_kappa(["keep"], ["keep", "keep"])


def test_each_pair_is_compared_on_what_both_have_seen() -> None:
    ratings = [(n, "ann", WORDS[n % 2]) for n in range(10)]
    ratings += [(n, "bob", "keep") for n in range(4, 8)]
    ratings += [(n, "cid", WORDS[n % 2]) for n in range(6, 12)]
    ratings += [(99, "dan", "keep")]
    found = compare_reviewers(ratings)
    assert [(p.first, p.second, p.images, p.percent) for p in found.pairs] == [
        ("ann", "bob", 4, 50), ("ann", "cid", 4, 100), ("bob", "cid", 2, 50),
    ]  # fmt: skip
    assert [pair.kappa for pair in found.pairs] == [0, 1, 0]
    assert (found.images, found.percent, found.kappa) == (10, 70, 0.4)


def test_nobody_to_compare_is_no_error() -> None:
    found = compare_reviewers([(1, "ann", "keep")])
    assert (found.pairs, found.images, found.percent, found.kappa) == ((), 0, None, None)
