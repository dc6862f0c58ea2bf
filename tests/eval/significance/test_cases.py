"""Which rows go together."""

import numpy as np
import pytest

from eval.significance.cases import Cases

NAMES = [f"{i:02}" for i in range(20)]


def cases(names: dict[str, list[str]], real_names: list[str] | None = None, **how: int) -> Cases:
    settings = {"real_count": len(real_names or NAMES), "limit": 300, "seed": 0} | how
    counts = {name: len(given) for name, given in names.items()}
    return Cases(counts=counts, names=names, real_names=real_names, **settings)


def test_models_share_the_inputs_they_have_in_common() -> None:
    found = cases({"a": NAMES[:15], "b": NAMES[4:]})
    assert found.shared("a", "b") == frozenset(NAMES[4:15])


def test_too_few_shared_inputs_are_none() -> None:
    assert cases({"a": NAMES[:13], "b": NAMES[7:]}).shared("a", "b") is None


def test_rows_follow_the_names() -> None:
    found = cases({"a": NAMES[::-1], "b": NAMES}, NAMES)
    ours, theirs = (found.sample(name, found.shared("a", "b")) for name in ("a", "b"))
    assert [NAMES[::-1][i] for i in ours.model] == [NAMES[i] for i in theirs.model]
    assert ours.is_matched and np.array_equal(ours.real, theirs.real)


def test_a_limited_sample_is_of_the_same_inputs_for_all_models() -> None:
    found = cases({"a": NAMES[::-1], "b": NAMES}, NAMES, limit=9)
    ours, theirs = (found.sample(name, found.shared("a", "b")) for name in ("a", "b"))
    assert len(ours.model) == len(ours.real) == 9
    assert [NAMES[::-1][i] for i in ours.model] == [NAMES[i] for i in theirs.model]


def test_a_real_set_of_other_photos_is_drawn_by_itself() -> None:
    sample = cases({"a": NAMES}, [f"other {i}" for i in range(50)]).sample("a", frozenset(NAMES))
    assert not sample.is_matched and len(sample.real) == 50


def test_a_sample_knows_what_part_of_all_images_it_is() -> None:
    found = cases({"a": NAMES}, NAMES, limit=10)
    assert found.share("a", found.sample("a", frozenset(NAMES))) == pytest.approx(0.5)
