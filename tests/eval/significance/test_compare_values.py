"""What a column of per-case values says about its models."""

import math

import numpy as np
import pytest
from scipy.stats import binom

from eval.significance.value_trust import (
    NO_BOUNDS,
    Trusted,
    compare_values,
    exact_share,
    mean_interval,
    share_difference,
)

INPUTS = np.random.default_rng(0).normal(10, 3, 50)


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.5, 50)


def compare(values: dict, **how: object) -> Trusted:
    settings: dict = {"column": "l1", "higher_is_better": False, "permutations": 999, "resamples": 300} | how
    return compare_values(values, **settings)


def test_scores_are_means_with_an_interval_around_them() -> None:
    score = compare({"a": INPUTS}).scores["a"]
    assert score.value == pytest.approx(INPUTS.mean())
    assert score.low < score.value < score.high
    assert score.error == pytest.approx(INPUTS.std(ddof=1) / np.sqrt(50))


def test_a_small_difference_on_the_same_inputs_is_found() -> None:
    found = compare({"a": INPUTS + noise(1), "b": INPUTS + 0.6 + noise(2)})
    pair = found.pairs[0]
    assert pair.is_separated and pair.is_paired and pair.p == pytest.approx(1 / 1000)
    assert found.standings[0].model == "a" and found.standings[0].is_best


def test_higher_may_be_better() -> None:
    found = compare({"a": INPUTS + noise(1), "b": INPUTS + 0.6 + noise(2)}, higher_is_better=True)
    assert (found.standings[0].model, found.standings[0].rank, found.standings[1].rank) == ("b", 1, 2)


def test_the_best_of_three_must_be_separated_from_both() -> None:
    found = compare({"a": INPUTS, "a too": INPUTS + 0.05 * noise(3), "bad": INPUTS + 3 + noise(2)})
    assert [(one.rank, one.is_best) for one in found.standings] == [(1, False), (1, False), (3, False)]


def test_cases_without_a_value_are_left_out_of_their_pairs_only() -> None:
    gaps = INPUTS.copy()
    gaps[:10] = math.nan
    found = compare({"a": INPUTS, "b": INPUTS + 1 + noise(1), "gaps": gaps})
    assert found.scores["gaps"].value == pytest.approx(INPUTS[10:].mean())
    assert found.pairs[1].difference.value == pytest.approx(0.0)  # a, gaps: equal where both are known


def test_none_is_a_missing_value_as_well() -> None:
    assert compare({"a": [1.0, None, 3.0]}).scores["a"].value == 2.0


def test_a_model_without_any_value_comes_last() -> None:
    found = compare({"none": [math.nan] * 50, "a": INPUTS, "b": INPUTS + 9})
    assert found.scores["none"].value is None
    assert [(one.model, one.rank) for one in found.standings] == [("a", 1), ("b", 2), ("none", 3)]
    assert found.pairs[0].p is None and found.pairs[0].difference.value is None


def test_equal_values_are_a_tie() -> None:
    pair = compare({"a": INPUTS, "b": INPUTS}).pairs[0]
    assert (pair.p, pair.is_separated, pair.difference.value, pair.needed) == (1.0, False, 0.0, None)


def test_a_constant_difference_is_certain() -> None:
    pair = compare({"a": INPUTS, "b": INPUTS - 1}).pairs[0]
    assert pair.is_separated and pair.difference.low == pytest.approx(1) == pair.difference.high


def test_few_values_are_never_separated() -> None:
    pair = compare({"a": [1.0, 2.0, 3.0], "b": [7.0, 8.0, 9.5]}).pairs[0]
    assert pair.p is None and not pair.is_separated


def test_what_would_separate_them_is_found_at_that_number() -> None:
    needed = compare({"a": INPUTS + noise(1), "b": INPUTS + 0.1 + noise(2)}).pairs[0].needed
    assert needed is not None and needed > 50
    rng, separated = np.random.default_rng(7), 0
    gap = (INPUTS + noise(1)).mean() - (INPUTS + 0.1 + noise(2)).mean()
    spread = float((noise(1) - noise(2)).std(ddof=1))
    for seed in range(60):
        values = {"a": rng.normal(gap, spread, needed), "b": np.zeros(needed)}
        separated += compare(values, permutations=199, seed=seed).pairs[0].is_separated
    assert 0.65 <= separated / 60 <= 0.95  # four times in five


def test_it_is_the_same_again() -> None:
    values = {"a": INPUTS + noise(1), "b": INPUTS + noise(2)}
    assert compare(values) == compare(values)
    assert compare(values, seed=1).pairs != compare(values).pairs


def test_a_skewed_mean_reaches_further_up() -> None:
    skewed = mean_interval(np.random.default_rng(3).exponential(1, 30))
    assert skewed.high - skewed.value > skewed.value - skewed.low


def shares(found: int, count: int) -> list[float]:
    return [1.0] * found + [0.0] * (count - found)


@pytest.mark.parametrize(
    ("found", "low", "high"), [(97, 0.9627, 1.0), (96, 0.9439, 0.9997), (0, 0.0, 0.0373)]
)
def test_a_share_has_its_exact_interval(found: int, low: float, high: float) -> None:
    """R: binom.test(found, 97)."""
    score = compare({"a": shares(found, 97)}, is_share=True).scores["a"]
    assert (score.low, score.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


@pytest.mark.parametrize("count", [40, 97, 300])
@pytest.mark.parametrize("share", [0.5, 0.9, 0.97, 0.99])
def test_intervals_of_shares_cover_the_true_one_at_least_as_often_as_they_say(
    count: int, share: float
) -> None:
    """Every outcome with its chance, instead of drawing some."""
    outcomes = np.arange(count + 1)
    ends = np.array([exact_share(int(k), count) for k in outcomes])
    covers = (ends[:, 0] <= share) & (share <= ends[:, 1])
    assert binom.pmf(outcomes, count, share)[covers].sum() >= 0.95


@pytest.mark.parametrize("count", [40, 97, 300])
def test_intervals_of_a_difference_of_shares_cover_it(count: int) -> None:
    """Two models that find .97 and .90 of the faces, mostly the same ones."""
    rng = np.random.default_rng(count)
    hard = rng.random((400, count))
    first, second = ((hard + rng.normal(0, 0.02, hard.shape) < share) * 1.0 for share in (0.97, 0.90))
    true = float(first.mean() - second.mean())
    found = [share_difference(*both) for both in zip(first, second, strict=True)]
    assert np.mean([one.low <= true <= one.high for one in found]) >= 0.95


def test_equal_shares_are_a_tie_with_an_interval_that_says_how_sure() -> None:
    pair = compare({"a": shares(97, 97), "b": shares(97, 97)}, is_share=True).pairs[0]
    assert pair.difference.value == 0 and not pair.is_separated
    assert pair.difference.low == pytest.approx(-0.037, abs=1e-3)


def test_no_interval_leaves_what_there_can_be() -> None:
    values = np.random.default_rng(4).beta(0.2, 0.1, 8).tolist()
    free, kept = (compare({"a": values}, bounds=ends).scores["a"] for ends in (NO_BOUNDS, (0.0, 1.0)))
    assert free.high > 1
    assert 0 <= kept.low < kept.value < kept.high == 1


def test_equal_values_of_a_bounded_metric_are_not_certain() -> None:
    score = mean_interval(np.full(97, 1.0), bounds=(0.0, 1.0))
    assert (score.low, score.high) == (pytest.approx(0.9627, abs=1e-4), 1.0)
    assert mean_interval(np.full(97, 0.25)).low == 0.25


def test_models_that_differ_plainly_are_told_apart_however_many_they_are() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, (12, 30))
    values = {f"model {i}": list(i + noise[i]) for i in range(12)}
    found = compare(values, permutations=200)
    assert len(found.pairs) == 66
    assert all(pair.is_separated for pair in found.pairs)
    assert found.settings["permutations"] == 1320


def test_no_permutations_are_no_test() -> None:
    found = compare({"a": [1.0] * 8, "b": [2.0] * 8}, permutations=0)
    assert [pair.p for pair in found.pairs] == [None]
