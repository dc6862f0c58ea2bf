"""Running mean and covariance: exact, whatever the batches."""

from pathlib import Path

import numpy as np
import pytest

from eval.feature_stats import FeatureStats, Moments, load_moments, moments_of


def features(count: int = 300, dimensions: int = 7, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(count, dimensions)) @ rng.normal(size=(dimensions, dimensions))).astype(
        np.float32
    )


@pytest.mark.parametrize("batch", [1, 3, 64, 300, 5000])
def test_batches_do_not_matter(batch: int) -> None:
    values = features(3000)
    stats = FeatureStats(7)
    for start in range(0, len(values), batch):
        stats.update(values[start : start + batch])
    found = stats.moments()
    exact = values.astype(np.float64)
    assert found.count == 3000
    np.testing.assert_allclose(found.mean, exact.mean(axis=0), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(found.covariance, np.cov(exact, rowvar=False), rtol=1e-11, atol=1e-13)


def test_a_large_mean_does_not_cost_the_covariance_its_digits() -> None:
    values = features().astype(np.float64)
    moved = moments_of(values + 1e6).covariance
    np.testing.assert_allclose(moved, moments_of(values).covariance, rtol=1e-6)


def test_an_empty_batch_changes_nothing() -> None:
    stats = FeatureStats(7)
    stats.update(np.empty((0, 7)))
    stats.update(features())
    stats.update(np.empty((0, 7), np.float32))
    assert stats.moments().count == 300


def test_features_on_disk_are_read_in_parts(tmp_path: Path) -> None:
    np.save(tmp_path / "features.npy", features(2000))
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r")
    assert np.array_equal(moments_of(mapped).covariance, moments_of(features(2000)).covariance)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((3, 6)), r"must be \(N, 7\)"),
        (np.zeros(7), r"must be \(N, 7\)"),
        (np.full((2, 7), np.nan), "NaN or infinity in 2 of 2"),
        (np.full((2, 7), np.inf), "NaN or infinity"),
    ],
)
def test_what_is_no_batch_of_features_is_refused(values: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FeatureStats(7).update(values)


def test_one_sample_has_no_covariance() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        moments_of(features(1))


def test_moments_come_back_from_their_file(tmp_path: Path) -> None:
    found = moments_of(features())
    np.savez(tmp_path / "set.npz", mu=found.mean, sigma=found.covariance, count=found.count)
    again = load_moments(tmp_path / "set.npz")
    assert again.count == 300
    assert np.array_equal(again.mean, found.mean)
    assert np.array_equal(again.covariance, found.covariance)


def test_pytorch_fids_files_are_read_once_their_number_of_images_is_given(tmp_path: Path) -> None:
    np.savez(tmp_path / "theirs.npz", mu=np.zeros(3), sigma=np.eye(3))
    assert load_moments(tmp_path / "theirs.npz", count=50_000).count == 50_000
    with pytest.raises(ValueError, match="how many images"):
        load_moments(tmp_path / "theirs.npz")


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 cut"])
def test_a_damaged_file_of_moments_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "cut.npz").write_bytes(data)
    with pytest.raises(ValueError, match="damaged"):
        load_moments(tmp_path / "cut.npz")


def test_mean_and_covariance_must_fit_each_other() -> None:
    with pytest.raises(ValueError, match="belong together"):
        Moments(5, np.zeros(3), np.eye(4))
