"""Kernel distance (KID; Binkowski et al. 2018): unbiased at any N, so small sets may be compared by it.

The squared maximum mean discrepancy with the kernel ``(x . y / D + 1)^3``, as the full U-statistic over all
samples and not as a mean over random subsets: nothing depends on a seed, and no sample is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eval.feature_stats import checked_features

Matrix = NDArray[np.float64]
BLOCK = 1024


@dataclass(frozen=True)
class KernelDistance:
    """The kernel distance of two sets, and how sure it is."""

    # Around 0 for equal distributions, and then as often below zero as above; usually shown x 1000.
    value: float
    # Standard error over both sets' samples. It is the leading term of the U-statistic's variance, which between equal
    # distributions overstates the error by up to 1.4.
    error: float


def kernel_distance(real: ArrayLike, fake: ArrayLike) -> KernelDistance:
    """Unbiased kernel distance of two sets of features.

    Parameters
    ----------
    real, fake : (N, D), (M, D)
        N, M >= 2; they may differ.

    Raises
    ------
    ValueError
        On unequal widths, fewer than two samples, NaN or infinity.
    """
    ours = checked_features(real, "real")
    theirs = checked_features(fake, "fake", dimensions=ours.shape[1])
    own_sums, _ = _sums(ours, ours)
    their_sums, _ = _sums(theirs, theirs)
    cross_rows, cross_columns = _sums(ours, theirs)
    own_sums -= cubic_kernel((ours**2).sum(axis=1), ours.shape[1])
    their_sums -= cubic_kernel((theirs**2).sum(axis=1), ours.shape[1])
    return _from_sums(own_sums, their_sums, cross_rows, cross_columns)


def cubic_kernel(products: Matrix, dimensions: int) -> Matrix:
    """Kernel values of inner products: ``(p / D + 1)^3``."""
    base = products / dimensions + 1
    cubed: Matrix = base * base * base
    return cubed


def _sums(rows: Matrix, columns: Matrix) -> tuple[Matrix, Matrix]:
    """Kernel values summed along both axes, a block at a time: (len(rows),), (len(columns),)."""
    by_row, by_column = np.empty(len(rows)), np.zeros(len(columns))
    for start in range(0, len(rows), BLOCK):
        block = cubic_kernel(rows[start : start + BLOCK] @ columns.T, rows.shape[1])
        by_row[start : start + BLOCK] = block.sum(axis=1)
        by_column += block.sum(axis=0)
    return by_row, by_column


def _from_sums(own: Matrix, their: Matrix, cross_rows: Matrix, cross_columns: Matrix) -> KernelDistance:
    n, m = len(own), len(their)
    value = own.sum() / (n * (n - 1)) + their.sum() / (m * (m - 1)) - 2 * cross_rows.sum() / (n * m)
    # How much each sample takes part (the first projection of the U-statistic; Hoeffding 1948).
    ours = own / (n - 1) - cross_rows / m
    theirs = their / (m - 1) - cross_columns / n
    variance = 4 * (ours.var(ddof=1) / n + theirs.var(ddof=1) / m)
    return KernelDistance(float(value), float(np.sqrt(variance)))
