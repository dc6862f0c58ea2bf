"""A comparison of only some of its cases."""

from pathlib import Path

import numpy as np
import pytest

from eval.comparison.kept_features import KeptFeatures, read_features, write_features
from eval.comparison.score_columns import Resampling
from eval.comparison.table import MIN_FOR_DISTANCE, filter_comparison
from tests.eval.comparison.comparison_material import comparison

FEW = Resampling(permutations=20, resamples=40)


def labelled(count: int) -> tuple[dict[str, tuple[float | None, ...]], list[dict[str, str]]]:
    """Model b fails on glasses."""
    glasses = [i % 2 == 0 for i in range(count)]
    rng = np.random.default_rng(0)
    a = tuple(0.1 + 0.01 * rng.standard_normal(count))
    b = tuple(
        0.1 + 0.3 * has + 0.01 * noise for has, noise in zip(glasses, rng.standard_normal(count), strict=True)
    )
    return {"a": a, "b": b}, [{"glasses": "yes" if has else "no"} for has in glasses]


def test_a_label_shows_where_a_model_fails() -> None:
    scores, labels = labelled(40)
    whole = comparison(scores, labels=labels)
    yes, no = (filter_comparison(whole, {"glasses": value}, options=FEW) for value in ("yes", "no"))
    assert len(yes.cases) == len(no.cases) == 20
    assert yes.models[1].scores["landmarks"].value == pytest.approx(0.4, abs=0.02)
    assert no.models[1].scores["landmarks"].value == pytest.approx(0.1, abs=0.02)
    assert yes.pairs[0].is_separated and not no.pairs[0].is_separated


def test_the_counts_are_those_of_the_cases() -> None:
    scores, labels = labelled(40)
    some = filter_comparison(comparison(scores, labels=labels), {"glasses": "yes"}, options=FEW)
    assert {some.real.count, *(model.set.count for model in some.models)} == {20}


def test_distances_of_sets_need_enough_cases_and_features() -> None:
    count = 2 * MIN_FOR_DISTANCE
    scores, labels = labelled(count)
    whole = comparison(scores, labels=labels)
    names = [case.name for case in whole.cases]
    rng = np.random.default_rng(0)
    sets = {name: rng.standard_normal((count, 4)).astype(np.float32) for name in ("real", "a", "b")}
    sets["b"] += 3
    kept = KeptFeatures(sets, dict.fromkeys(sets, names))
    found = filter_comparison(whole, {"glasses": "yes"}, features=kept, options=FEW)
    assert found.models[1].scores["fd_effnet_lite0"].value > found.models[0].scores["fd_effnet_lite0"].value
    without = filter_comparison(whole, {"glasses": "yes"}, options=FEW)
    assert [one.key for one in without.columns] == ["landmarks"]


def test_too_few_cases_are_refused() -> None:
    scores, labels = labelled(4)
    with pytest.raises(ValueError, match="0 case"):
        filter_comparison(comparison(scores, labels=labels), {"glasses": "sometimes"})


def test_features_come_back_as_they_were_kept(tmp_path: Path) -> None:
    values = np.random.default_rng(0).standard_normal((3, 5)).astype(np.float32)
    write_features(
        tmp_path, KeptFeatures({"real": values, "a/b": values * 2}, {"real": list("xyz"), "a/b": list("xyz")})
    )
    kept = read_features(tmp_path)
    assert kept is not None
    np.testing.assert_array_equal(kept.rows("a/b", ["z", "x"]), values[[2, 0]] * 2)
    assert kept.rows("real", ["w"]) is None


def test_damaged_features_are_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / "features.npz").write_bytes(b"PK\x03\x04cut")
    assert read_features(tmp_path) is None
