"""The Fréchet distance: against the definition, at the edges where other tools turn complex, and its symmetries."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from eval.feature_stats import moments_of
from eval.metrics.fid import covariance_root, frechet_distance, frechet_distance_of_moments, nuclear_norm

SHAPES = [(2, 2, 8), (2, 30, 8), (5, 6, 8), (8, 8, 8), (9, 9, 8), (30, 7, 8), (200, 90, 8)]


def features(count: int, dimensions: int, seed: int, shift: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).normal(size=(dimensions, dimensions))
    return (rng.normal(size=(count, dimensions)) @ mixing + shift).astype(np.float32)


def by_definition(real: np.ndarray, fake: np.ndarray) -> float:
    means = [x.astype(np.float64).mean(axis=0) for x in (real, fake)]
    covariances = [np.cov(x.astype(np.float64), rowvar=False) for x in (real, fake)]
    root = np.real(np.trace(sqrtm(covariances[0] @ covariances[1])))
    return float(((means[0] - means[1]) ** 2).sum() + sum(np.trace(c) for c in covariances) - 2 * root)


@pytest.mark.parametrize("shape", [(9, 9, 8), (40, 11, 8), (300, 200, 32)])
def test_it_is_the_definition(shape: tuple[int, int, int]) -> None:
    real, fake = features(shape[0], shape[2], 1), features(shape[1], shape[2], 2, shift=0.5)
    assert frechet_distance(real, fake) == pytest.approx(by_definition(real, fake), rel=1e-6)


def test_shifted_sets_are_their_squared_shift_apart() -> None:
    real = features(50, 8, 1).astype(np.float64)
    shift = np.arange(8) / 3
    assert frechet_distance(real, real + shift) == pytest.approx(float(shift @ shift), rel=1e-9)


def test_scaled_sets_are_as_far_apart_as_their_deviations() -> None:
    real = features(50, 8, 1).astype(np.float64)
    real -= real.mean(axis=0)
    trace = float(np.trace(np.cov(real, rowvar=False)))
    assert frechet_distance(real, 3 * real) == pytest.approx(4 * trace, rel=1e-9)


@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_a_finite_real_number_at_any_counts(shape: tuple[int, int, int]) -> None:
    value = frechet_distance(features(shape[0], shape[2], 1), features(shape[1], shape[2], 2))
    assert isinstance(value, float)
    assert 0 <= value < np.inf


@pytest.mark.parametrize("count", [2, 5, 8, 9, 300])
def test_a_set_is_no_distance_from_itself(count: int) -> None:
    values = features(count, 8, 1)
    scale = float(values.var(axis=0).sum())
    assert frechet_distance(values, values) < 1e-6 * scale
    assert frechet_distance(values, values[::-1]) < 1e-6 * scale


@pytest.mark.parametrize("shape", SHAPES)
def test_swapping_the_sets_changes_nothing(shape: tuple[int, int, int]) -> None:
    real, fake = features(shape[0], shape[2], 1), features(shape[1], shape[2], 2)
    assert frechet_distance(real, fake) == pytest.approx(frechet_distance(fake, real), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("shape", SHAPES)
def test_samples_and_their_moments_give_the_same_distance(shape: tuple[int, int, int]) -> None:
    real, fake = features(shape[0], shape[2], 1), features(shape[1], shape[2], 2)
    of_moments = frechet_distance_of_moments(moments_of(real), moments_of(fake))
    assert of_moments == pytest.approx(frechet_distance(real, fake), rel=1e-6)


@pytest.mark.parametrize("count", [4, 40])
def test_constant_features_are_their_squared_difference_apart(count: int) -> None:
    assert frechet_distance(np.full((count, 8), 2.0), np.full((count, 8), 5.0)) == pytest.approx(
        72, rel=1e-12
    )


@pytest.mark.parametrize("count", [4, 40])
def test_dead_dimensions_change_nothing(count: int) -> None:
    real, fake = features(count, 8, 1), features(count, 8, 2)
    dead = np.full((count, 5), 0.25, np.float32)
    with_dead = frechet_distance(np.hstack([real, dead]), np.hstack([fake, dead]))
    assert with_dead == pytest.approx(frechet_distance(real, fake), rel=1e-6)


def test_repeated_samples_make_no_complex_number() -> None:
    real, fake = np.repeat(features(6, 8, 1), 20, axis=0), np.repeat(features(5, 8, 2), 30, axis=0)
    assert frechet_distance(real, fake) == pytest.approx(by_definition(real, fake), rel=1e-3)


def test_large_nuclear_norms_come_from_eigenvalues(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = features(60, 40, 3).astype(np.float64)
    exact = float(np.linalg.svd(matrix, compute_uv=False).sum())
    monkeypatch.setattr("eval.metrics.fid.LARGEST_SVD", 10)
    assert nuclear_norm(matrix) == pytest.approx(exact, rel=1e-9)
    assert nuclear_norm(matrix.T) == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize("rank", [1, 5, 8])
def test_a_covariances_root_gives_it_back(rank: int) -> None:
    half = np.random.default_rng(0).normal(size=(rank, 8))
    covariance = half.T @ half
    root = covariance_root(covariance)
    assert len(root) == rank
    np.testing.assert_allclose(root.T @ root, covariance, atol=1e-12)


def test_a_covariance_of_zeros_has_an_empty_root() -> None:
    assert covariance_root(np.zeros((3, 3))).shape == (0, 3)


@pytest.mark.parametrize(
    ("fake", "message"),
    [
        (np.zeros((5, 7)), "dimensions"),
        (np.zeros((1, 8)), "at least 2"),
        (np.full((5, 8), np.nan), "NaN"),
        (np.zeros(8), r"\(N, D\)"),
    ],
)
def test_what_is_no_second_set_is_refused(fake: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        frechet_distance(features(5, 8, 1), fake)
