"""Real against real, and how fast it falls."""

import numpy as np
import pytest

from eval.metrics.fid import frechet_distance
from eval.significance.real_baseline import RealAgainstReal, real_against_real

SPREADS = np.arange(1, 81) ** -0.6


def draw(seed: int, count: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, (count, 80)) * SPREADS


def measure(real: np.ndarray, count: int, **how: object) -> RealAgainstReal:
    settings: dict = {"column": "fid", "metric": "fid", "rows": 300, "draws": 60, "seed": 0} | how
    return real_against_real(real, count=count, **settings)


@pytest.fixture(scope="module")
def known() -> dict[int, float]:
    """Mean distance between two samples of a size."""
    return {
        count: float(
            np.mean([frechet_distance(draw(2 * i, count), draw(2 * i + 1, count)) for i in range(30)])
        )
        for count in (24, 48)
    }


def test_with_enough_real_images_it_is_measured(known: dict[int, float]) -> None:
    found = measure(draw(99, 300), 48)
    assert found.floor is not None and found.floor.note == ""
    assert found.floor.estimate.value == pytest.approx(known[48], rel=0.1)
    assert found.exponent == pytest.approx(np.log2(known[24] / known[48]), abs=0.1)


def test_with_as_many_real_images_as_outputs_it_is_extended_from_halves(known: dict[int, float]) -> None:
    found = [measure(draw(99 + seed, 48), 48, seed=seed) for seed in range(8)]
    values = [one.floor.estimate.value for one in found if one.floor is not None]
    assert np.mean(values) == pytest.approx(known[48], rel=0.15)
    assert np.mean([one.exponent for one in found]) == pytest.approx(np.log2(known[24] / known[48]), abs=0.15)
    assert found[0].floor is not None and "between 24 and 24 of 48 real images" in found[0].floor.note


def test_more_images_than_are_looked_at_are_reached_by_the_exponent() -> None:
    few, many = (measure(draw(99, 400), 150, rows=rows).floor for rows in (60, 150))
    assert few is not None and many is not None and few.note
    assert few.estimate.value == pytest.approx(many.estimate.value, rel=0.2)


def test_the_floor_of_kernel_distances_is_around_zero() -> None:
    floor = measure(draw(99, 200), 60, metric="kid").floor
    assert floor is not None and floor.estimate.low < 0 < floor.estimate.high
    assert abs(floor.estimate.value) < floor.estimate.high


def test_equal_photos_have_a_floor_of_nothing() -> None:
    floor = measure(np.ones((40, 5)), 20).floor
    assert floor is not None and floor.estimate.value == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("count", [2, 7])
def test_few_real_images_have_no_floor(count: int) -> None:
    assert measure(draw(1, count), 50) == RealAgainstReal(None, 1.0)
