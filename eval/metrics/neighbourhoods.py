"""Distances and neighbourhood radii that precision, recall, density and coverage are counted with."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eval.feature_stats import checked_features

Matrix = NDArray[np.float64]
BLOCK = 1024


def aligned_pair(real: ArrayLike, fake: ArrayLike, k: int) -> tuple[Matrix, Matrix]:
    """Both sets as float64, moved to their common mean, which keeps equal samples exactly equal.

    Raises
    ------
    ValueError
        If ``k`` is below 1 or a set has too few samples for it.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}.")
    ours = checked_features(real, "real", minimum=k + 1)
    theirs = checked_features(fake, "fake", dimensions=ours.shape[1], minimum=k + 1)
    centre = (ours.sum(axis=0) + theirs.sum(axis=0)) / (len(ours) + len(theirs))
    return ours - centre, theirs - centre


def squared_distances(rows: Matrix, columns: Matrix) -> Iterator[tuple[slice, Matrix]]:
    """Squared euclidean distances, a block of rows at a time."""
    norms = (columns**2).sum(axis=1)
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        found = (block**2).sum(axis=1)[:, None] + norms - 2 * (block @ columns.T)
        yield slice(start, start + len(block)), np.maximum(found, 0)


def squared_radii(samples: Matrix, k: int) -> Matrix:
    """Squared distance of each sample to its k-th nearest other one: (N,)."""
    radii = np.empty(len(samples))
    for rows, block in squared_distances(samples, samples):
        block[np.arange(len(block)), np.arange(rows.start, rows.stop)] = 0  # itself, whatever rounding says
        radii[rows] = np.partition(block, k, axis=1)[:, k]
    return radii
