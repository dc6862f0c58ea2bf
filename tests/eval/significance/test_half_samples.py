"""Errors and bias from halves."""

import numpy as np
import pytest

from eval.significance.real_baseline import HalfSamples, cuts, interval, needed_count


def halves_of(samples: np.ndarray, statistic, times: int = 400) -> HalfSamples:  # type: ignore[no-untyped-def]
    first, second = cuts(len(samples), times, np.random.default_rng(0))
    values = [np.array([statistic(samples[rows]) for rows in half]) for half in (first, second)]
    return HalfSamples(len(samples), statistic(samples), *values)


def test_cuts_share_no_row() -> None:
    first, second = cuts(11, 20, np.random.default_rng(0))
    assert first.shape == second.shape == (20, 5)
    assert all(not set(a) & set(b) for a, b in zip(first, second, strict=True))


def test_the_error_of_a_mean_is_known() -> None:
    samples = np.random.default_rng(1).normal(0, 2, 100)
    assert halves_of(samples, np.mean).error() == pytest.approx(samples.std(ddof=1) / 10, rel=0.1)


def test_the_error_of_a_square_near_zero_is_not_overstated() -> None:
    rng = np.random.default_rng(2)
    found = [halves_of(rng.normal(0, 1, 40), lambda x: x.mean() ** 2, 60) for _ in range(200)]
    variance = np.var([one.whole for one in found])
    assert np.mean([one.error() ** 2 for one in found]) == pytest.approx(variance, rel=0.6)


def test_the_error_falls_with_the_root_of_the_number() -> None:
    samples = np.random.default_rng(1).normal(0, 2, 100)
    found = halves_of(samples, np.mean)
    assert found.error(1 / 4) == pytest.approx(found.error() / 2, rel=0.01)


def test_the_bias_of_a_variance_without_correction_is_found() -> None:
    samples = np.random.default_rng(3).normal(0, 1, 50)
    found = halves_of(samples, np.var, 3000)
    assert found.bias(1.0) == pytest.approx(-samples.var(ddof=1) / 50, rel=0.15)
    assert found.bias(1.0, 1 / 2) == pytest.approx(found.bias(1.0) / 2)


def test_differences_are_taken_cut_by_cut() -> None:
    samples = np.random.default_rng(1).normal(0, 2, 60)
    one = halves_of(samples, np.mean)
    other = halves_of(samples, lambda x: x.mean() + 1)
    assert (one - other).error() == pytest.approx(0, abs=1e-12)
    assert (one - other).whole == pytest.approx(-1)


def test_an_interval_is_wider_for_few_images() -> None:
    few, many = (interval(0, 1, count=count) for count in (8, 1000))
    assert many.high == pytest.approx(1.96, abs=0.01)
    assert few.high == pytest.approx(2.365, abs=0.001)


def test_half_the_difference_needs_four_times_the_images() -> None:
    once, twice = (needed_count(gap, 1.0, 100, alpha=0.05) for gap in (0.5, 0.25))
    assert twice == pytest.approx(4 * once, abs=4)


@pytest.mark.parametrize(("difference", "error"), [(0.0, 1.0), (1e-9, 1.0), (float("nan"), 1.0)])
def test_out_of_reach_is_none(difference: float, error: float) -> None:
    assert needed_count(difference, error, 100, alpha=0.05) is None
