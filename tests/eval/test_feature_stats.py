"""Running mean and covariance: exact, whatever the batches."""

from pathlib import Path

import numpy as np
import pytest

from eval import feature_stats
from eval.feature_stats import Moments, load_moments, moments_of


def features(count: int = 300, dimensions: int = 7, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(count, dimensions)) @ rng.normal(size=(dimensions, dimensions))).astype(
        np.float32
    )


@pytest.mark.parametrize("batch", [1, 3, 64, 300, 5000])
def test_batches_do_not_matter(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_stats, "CHUNK", batch)
    values = features(3000)
    found = moments_of(values)
    exact = values.astype(np.float64)
    np.testing.assert_allclose(found.mean, exact.mean(axis=0), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(found.covariance, np.cov(exact, rowvar=False), rtol=1e-11, atol=1e-13)


def test_a_large_mean_does_not_cost_the_covariance_its_digits() -> None:
    values = features().astype(np.float64)
    moved = moments_of(values + 1e6).covariance
    np.testing.assert_allclose(moved, moments_of(values).covariance, rtol=1e-6)


def test_features_on_disk_are_read_in_parts(tmp_path: Path) -> None:
    np.save(tmp_path / "features.npy", features(2000))
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r")
    assert np.array_equal(moments_of(mapped).covariance, moments_of(features(2000)).covariance)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros(7), r"must be \(N, D\)"),
        (np.zeros((3, 0)), r"must be \(N, D\)"),
        (np.full((2, 7), np.nan), "NaN or infinity in 2 of 2"),
        (np.full((2, 7), np.inf), "NaN or infinity"),
    ],
)
def test_what_is_no_batch_of_features_is_refused(values: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        moments_of(values)


def test_one_sample_has_no_covariance() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        moments_of(features(1))


def test_moments_come_back_from_their_file(tmp_path: Path) -> None:
    found = moments_of(features())
    np.savez(tmp_path / "set.npz", mu=found.mean, sigma=found.covariance)
    again = load_moments(tmp_path / "set.npz")
    assert np.array_equal(again.mean, found.mean)
    assert np.array_equal(again.covariance, found.covariance)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 cut"])
def test_a_damaged_file_of_moments_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "cut.npz").write_bytes(data)
    with pytest.raises(ValueError, match="damaged"):
        load_moments(tmp_path / "cut.npz")


def test_mean_and_covariance_must_fit_each_other() -> None:
    with pytest.raises(ValueError, match="belong together"):
        Moments(np.zeros(3), np.eye(4))
