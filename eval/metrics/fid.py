"""Fréchet distance between two sets of features (Heusel et al. 2017), without a square root of a matrix.

``|m1 - m2|^2 + tr S1 + tr S2 - 2 tr sqrt(S1 S2)``. With roots ``S = R' R`` the last trace is the nuclear
norm (sum of the singular values) of ``R1 R2'``. Below the dimension the centred samples themselves are a
root, so the matrix is only N1 x N2; above it the pivoted Cholesky factor is, which takes singular
covariances. Singular values are never complex and never negative.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import eigvalsh, svdvals
from scipy.linalg.lapack import dpstrf

from eval.feature_stats import Moments, checked_features, moments_of

Matrix = NDArray[np.float64]

# Above this (full-rank roots of Inception features only) eigenvalues give them, three times as fast; what is
# lost is far below 1e-6. Singular matrices must not go there: each zero would come out as 1e-8 of the largest.
LARGEST_SVD = 2047


def frechet_distance(real: ArrayLike, fake: ArrayLike) -> float:
    """Fréchet distance of two sets of features.

    Parameters
    ----------
    real, fake : (N, D), (M, D)
        N, M >= 2; they may differ.

    Returns
    -------
    distance
        At least 0. It is biased upwards by an amount that falls with N and differs between models:
        compare it only at the same N, and see `eval` on the floor.

    Raises
    ------
    ValueError
        On unequal widths, fewer than two samples, NaN or infinity.
    """
    ours, theirs = _parts(real, "real"), _parts(fake, "fake")
    if ours.mean.shape != theirs.mean.shape:
        raise ValueError(
            f"real has {ours.mean.size} dimensions and fake {theirs.mean.size}, expected the same."
        )
    return _combine(ours, theirs)


def frechet_distance_of_moments(real: Moments, fake: Moments) -> float:
    """Fréchet distance of two sets of which only mean and covariance are known.

    See `frechet_distance`; where the samples are at hand and fewer than the dimensions, that is faster.
    """
    if real.mean.shape != fake.mean.shape:
        raise ValueError(
            f"the sets have {real.mean.size} and {fake.mean.size} dimensions, expected the same."
        )
    return _combine(_parts_of_moments(real), _parts_of_moments(fake))


def nuclear_norm(matrix: Matrix) -> float:
    """Sum of the singular values of a matrix (A, B)."""
    if 0 in matrix.shape:
        return 0.0
    if min(matrix.shape) <= LARGEST_SVD:
        return float(svdvals(matrix, check_finite=False).sum())
    square = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    eigenvalues = eigvalsh(square, driver="evd", overwrite_a=True, check_finite=False)
    return float(np.sqrt(np.maximum(eigenvalues, 0)).sum())


def covariance_root(covariance: Matrix) -> Matrix:
    """``R`` (rank, D) with ``R' R = covariance``: Cholesky with pivoting, for singular ones too (Higham 1990)."""
    factor, pivots, rank, info = dpstrf(covariance, lower=0)
    if info < 0:
        raise ValueError("the covariance holds NaN or is not square.")
    root = np.empty((rank, covariance.shape[0]))
    root[:, pivots - 1] = np.triu(factor[:rank])
    return root


@dataclass(frozen=True)
class _Parts:
    """One set: mean (D,), trace of the covariance, and a root of it (R, D)."""

    mean: Matrix
    trace: float
    root: Matrix


def _parts(features: ArrayLike, what: str) -> _Parts:
    values = np.asanyarray(features)  # not float64 yet: a large set stays as it lies on disk
    if values.ndim == 2 and len(values) > values.shape[1]:
        return _parts_of_moments(moments_of(values))
    samples = checked_features(values, what)
    mean = samples.mean(axis=0)
    root = (samples - mean) / np.sqrt(len(samples) - 1)
    return _Parts(mean, float((root**2).sum()), root)


def _parts_of_moments(moments: Moments) -> _Parts:
    return _Parts(moments.mean, float(np.trace(moments.covariance)), covariance_root(moments.covariance))


def _combine(real: _Parts, fake: _Parts) -> float:
    """Rounding may take the difference of two equal traces a hair below zero; nothing else can."""
    shift = real.mean - fake.mean
    cross = nuclear_norm(real.root @ fake.root.T)
    return max(float(shift @ shift) + real.trace + fake.trace - 2 * cross, 0.0)
