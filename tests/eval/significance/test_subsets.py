"""Distances of many subsets at once equal those of their features."""

import numpy as np
import pytest

from eval.metrics.fid import frechet_distance
from eval.metrics.kid import kernel_distance
from eval.significance.subsets import subset_distances


def draw(count: int, width: int, seed: int, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(3 + shift, 1 + shift, (count, width))


def subsets(total: int, size: int, times: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.array([rng.permutation(total)[:size] for _ in range(times)])


@pytest.mark.parametrize("width", [1, 5, 24, 90])
@pytest.mark.parametrize(("n", "m"), [(20, 20), (30, 12), (2, 9)])
def test_frechet_distances_are_those_of_the_features(width: int, n: int, m: int) -> None:
    real, fake = draw(40, width, 1), draw(30, width, 2, shift=0.4)
    real_rows, fake_rows = subsets(40, n, 4, 3), subsets(30, m, 4, 4)
    found = subset_distances("fid", real, fake)(real_rows, fake_rows)
    expected = [frechet_distance(real[r], fake[f]) for r, f in zip(real_rows, fake_rows, strict=True)]
    assert found == pytest.approx(expected, abs=1e-6 * float(real.var(axis=0).sum()))


def test_kernel_distances_are_those_of_the_features() -> None:
    real, fake = draw(40, 7, 1), draw(30, 7, 2, shift=0.4)
    real_rows, fake_rows = subsets(40, 12, 4, 3), subsets(30, 9, 4, 4)
    found = subset_distances("kid", real, fake)(real_rows, fake_rows)
    expected = [kernel_distance(real[r], fake[f]).value for r, f in zip(real_rows, fake_rows, strict=True)]
    assert found == pytest.approx(expected, rel=1e-9)


def test_batches_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    distances = subset_distances("fid", draw(20, 30, 1), draw(20, 30, 2))
    rows = subsets(20, 9, 11, 3)
    whole = distances(rows, rows)
    monkeypatch.setattr("eval.significance.subsets.CHUNK", 200)
    assert distances(rows, rows) == pytest.approx(whole, rel=1e-9)


@pytest.mark.parametrize("metric", ["fid", "kid"])
@pytest.mark.parametrize(("real_count", "width"), [(20, 60), (20, 5), (60, 60), (12, 60)])
def test_a_split_is_the_difference_of_both_sides(metric: str, real_count: int, width: int) -> None:
    real, pool = draw(real_count, width, 1), draw(40, width, 2, shift=0.2)
    order = subsets(40, 40, 5, 3)
    found = subset_distances(metric, real, pool).splits(order[:, :18], order[:, 18:])
    value = frechet_distance if metric == "fid" else lambda a, b: kernel_distance(a, b).value
    expected = [value(real, pool[rows[:18]]) - value(real, pool[rows[18:]]) for rows in order]
    assert found == pytest.approx(expected, abs=1e-6 * float(real.var(axis=0).sum()), rel=1e-6)


def test_images_that_are_all_the_same_are_no_trouble() -> None:
    distances = subset_distances("fid", draw(10, 16, 1), np.ones((10, 16)))
    rows = subsets(10, 5, 3, 2)
    expected = [frechet_distance(draw(10, 16, 1)[r], np.ones((5, 16))) for r in rows]
    assert distances(rows, rows) == pytest.approx(expected, rel=1e-6)
