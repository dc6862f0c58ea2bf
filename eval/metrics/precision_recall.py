"""Count precision, recall, density and coverage of features.

Precision and recall (Kynkaanniemi et al. 2019): how many outputs are real, how much of the real is covered. Density and
coverage (Naeem et al. 2020): the same so that one outlier cannot inflate them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

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


@dataclass(frozen=True)
class PrecisionRecall:
    """Precision and recall of a set of fakes."""

    precision: float  # share of the fakes that lie among the real images, in [0, 1]
    recall: float  # share of the real images that lie among the fakes, in [0, 1]; low when modes are missing


def precision_recall(real: ArrayLike, fake: ArrayLike, *, k: int = 3) -> PrecisionRecall:
    """Precision and recall of two sets of features.

    Parameters
    ----------
    real, fake : (N, D), (M, D)
        More than ``k`` samples each.
    k
        Each sample's neighbourhood reaches to its k-th nearest neighbour in its own set, inclusive.
    """
    ours, theirs = aligned_pair(real, fake, k)
    return PrecisionRecall(precision=_covered(theirs, ours, k), recall=_covered(ours, theirs, k))


def _covered(samples: Matrix, by: Matrix, k: int) -> float:
    """Share of ``samples`` inside a neighbourhood of any of ``by``."""
    radii = squared_radii(by, k)
    inside = sum(
        int(np.count_nonzero((block <= radii).any(axis=1))) for _, block in squared_distances(samples, by)
    )
    return inside / len(samples)


@dataclass(frozen=True)
class DensityCoverage:
    """Density and coverage of a set of fakes."""

    # Real neighbourhoods that a fake lies in, over ``k``: about 1 for equal distributions, may exceed it.
    density: float
    coverage: float  # share of real images with a fake in their neighbourhood, in [0, 1]


def density_coverage(real: ArrayLike, fake: ArrayLike, *, k: int = 5) -> DensityCoverage:
    """Density and coverage of two sets of features.

    Parameters
    ----------
    real, fake : (N, D), (M, D)
        More than ``k`` samples each.
    k
        A real sample's neighbourhood reaches to its k-th nearest real neighbour, exclusive (as in ``prdc``).
    """
    ours, theirs = aligned_pair(real, fake, k)
    radii = squared_radii(ours, k)
    hits, covered = 0, 0
    for rows, block in squared_distances(ours, theirs):
        inside = block < radii[rows, None]
        hits += int(np.count_nonzero(inside))
        covered += int(np.count_nonzero(inside.any(axis=1)))
    return DensityCoverage(density=hits / (k * len(theirs)), coverage=covered / len(ours))
