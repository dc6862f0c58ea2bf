"""Sum features up: mean and covariance in constant memory, exact whatever the batches, and a map in 2-D."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile, ZipFile, is_zipfile

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import eigh
from scipy.linalg.blas import dsyrk

Matrix = NDArray[np.float64]

CHUNK = 512  # samples converted to float64 at a time


MAX_MOMENTS_BYTES = 500_000_000  # a covariance of 2 048 dimensions has 34 MB


@dataclass(frozen=True)
class Moments:
    """What the Fréchet distance needs to know of a set."""

    mean: Matrix  # (D,) float64
    covariance: Matrix  # (D, D) float64: unbiased: divided by N - 1

    def __post_init__(self) -> None:
        dimensions = self.mean.size
        if self.mean.ndim != 1 or self.covariance.shape != (dimensions, dimensions):
            raise ValueError(
                f"mean {self.mean.shape} and covariance {self.covariance.shape} do not belong together."
            )
        if not (np.isfinite(self.mean).all() and np.isfinite(self.covariance).all()):
            raise ValueError("mean or covariance holds NaN or infinity.")


def moments_of(features: ArrayLike) -> Moments:
    """Mean and unbiased covariance of features (N, D), N >= 2 (Chan et al. 1983).

    Memory holds one (D, D) matrix, however many samples; of a file on disk only a part is read at a time.

    Raises
    ------
    ValueError
        On another shape, fewer than two samples, which have no covariance, NaN or infinity.
    """
    values = np.asanyarray(features)
    if values.ndim != 2 or not values.shape[1]:
        raise ValueError(f"features must be (N, D), got {values.shape}.")
    if len(values) < 2:
        raise ValueError(f"a covariance needs at least 2 samples, got {len(values)}. Add images.")
    mean = np.zeros(values.shape[1])
    scatter = np.zeros((mean.size, mean.size), order="F")  # upper triangle only
    for count in range(0, len(values), CHUNK):
        batch = checked_features(values[count : count + CHUNK], "features", minimum=1)
        total = count + len(batch)
        batch_mean = batch.mean(axis=0)
        shift = batch_mean - mean
        # One symmetric update holds the samples around their mean and, as one more row, the move of the mean.
        rows = np.vstack([batch - batch_mean, shift * np.sqrt(count * len(batch) / total)])
        scatter = dsyrk(1.0, rows.T, beta=1.0, c=scatter, overwrite_c=True)
        mean += shift * (len(batch) / total)
    covariance = np.array(scatter)
    covariance += np.triu(scatter, 1).T
    covariance /= len(values) - 1
    return Moments(mean, covariance)


def load_moments(path: Path) -> Moments:
    """Read moments (``mu``, ``sigma``) that pytorch-fid or clean-fid wrote."""
    try:
        _refuse_packed_bytes_without_end(path)
        with np.load(path, allow_pickle=False) as file:
            mean, covariance = file["mu"].astype(np.float64), file["sigma"].astype(np.float64)
    except (KeyError, ValueError, EOFError, OSError, BadZipFile) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise ValueError(f"{path} holds no statistics (mu, sigma), or is damaged.") from error
    return Moments(mean, covariance)


def samples_of(moments: Moments) -> Matrix:
    """Samples (2 D, D) with these very moments: one at either side of the mean along each root of the covariance."""
    values, vectors = np.linalg.eigh(moments.covariance)
    roots = (vectors * np.sqrt(np.maximum(values, 0))).T
    reach = np.sqrt((2 * len(roots) - 1) / 2)
    return np.concatenate([moments.mean + reach * roots, moments.mean - reach * roots])


def _refuse_packed_bytes_without_end(path: Path) -> None:
    if is_zipfile(path):
        with ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MAX_MOMENTS_BYTES:
                raise ValueError(f"it unpacks to more than {MAX_MOMENTS_BYTES / 1e6:.0f} MB")


def checked_features(
    features: ArrayLike, what: str, *, dimensions: int | None = None, minimum: int = 2
) -> Matrix:
    """Features as (N, D) float64, checked.

    Raises
    ------
    ValueError
        On another number of axes, another width, fewer rows than ``minimum``, NaN or infinity.
    """
    values = np.asarray(features, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] == 0 or dimensions not in (None, values.shape[1]):
        wanted = f"(N, {dimensions})" if dimensions else "(N, D)"
        raise ValueError(f"{what} must be {wanted}, got {values.shape}.")
    if len(values) < minimum:
        raise ValueError(f"{what}: expected at least {minimum} samples, got {len(values)}. Add images.")
    if not np.isfinite(values).all():
        bad = int((~np.isfinite(values).all(axis=1)).sum())
        raise ValueError(f"{what} hold NaN or infinity in {bad} of {len(values)} samples.")
    return values


FITTED = 500  # rows per set that the axes are made from
BLOCK = 4096
DIGITS = 4


def map_2d(sets: Sequence[ArrayLike]) -> list[NDArray[np.float64]]:
    """Places of all samples on one map.

    Parameters
    ----------
    sets : (N_i, D) each
        Features of one protocol, the real ones first. Every set has the same say in the axes, however large it is.

    Returns
    -------
    places : (N_i, 2) float64 each
        In spreads of the first set around its middle, rounded to 4 digits so that a repetition is equal to the
        byte. Signs are fixed: the largest weight of an axis is positive.

    Raises
    ------
    ValueError
        On unequal widths, NaN, or no samples.
    """
    arrays = [np.asanyarray(values) for values in sets]
    if not arrays:
        raise ValueError("expected at least one set of features, got none.")
    width = arrays[0].shape[1] if arrays[0].ndim == 2 else None
    parts, weights = [], []
    for i, values in enumerate(arrays):
        rows = np.unique(np.linspace(0, len(values) - 1, min(FITTED, len(values))).astype(int))
        part = checked_features(values[rows], f"set {i}", dimensions=width, minimum=1)
        parts.append(part)
        weights.append(np.full(len(part), 1 / len(part)))
    pooled, weight = np.concatenate(parts), np.concatenate(weights)
    centre = np.average(pooled, axis=0, weights=weight)
    weighted = (pooled - centre) * np.sqrt(weight * len(weight) / weight.sum())[:, None]
    axes = _axes(weighted)
    first = (parts[0] - centre) @ axes.T
    middle, spread = first.mean(axis=0), float(np.sqrt((first.std(axis=0) ** 2).mean()))
    scale = spread if spread > 1e-12 * float(np.abs(pooled).max() + 1) else 1.0
    return [_place(values, centre, axes, middle, scale) for values in arrays]


def _axes(weighted: NDArray[np.float64]) -> NDArray[np.float64]:
    """Two principal axes (2, D) around the origin; zeros where there are none."""
    n, width = weighted.shape
    axes = np.zeros((2, width))
    is_tall = n > width
    square = weighted.T @ weighted if is_tall else weighted @ weighted.T
    count = min(2, len(square))
    values, vectors = eigh(square, subset_by_index=(len(square) - count, len(square) - 1))
    found = (vectors if is_tall else weighted.T @ vectors).T[::-1]
    lengths = np.linalg.norm(found, axis=1)
    is_there = (values[::-1] > 1e-12 * max(values[-1], 0.0)) & (lengths > 0)
    axes[:count][is_there] = found[is_there] / lengths[is_there, None]
    largest = np.abs(axes).argmax(axis=1)
    signs = np.sign(axes[np.arange(2), largest])
    return axes * np.where(signs == 0, 1, signs)[:, None]


def _place(
    values: NDArray[np.floating],
    centre: NDArray[np.float64],
    axes: NDArray[np.float64],
    middle: NDArray[np.float64],
    scale: float,
) -> NDArray[np.float64]:
    places = np.empty((len(values), 2))
    for start in range(0, len(values), BLOCK):
        block = np.asarray(values[start : start + BLOCK], dtype=np.float64)
        places[start : start + BLOCK] = ((block - centre) @ axes.T - middle) / scale
    rounded: NDArray[np.float64] = np.round(places, DIGITS) + 0.0
    return rounded
