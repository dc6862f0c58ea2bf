"""Find outputs that are training photos remembered: their nearest training photo, and how near is too near.

A distance says nothing by itself. True photos that were never trained on have a nearest training photo as well;
outputs that lie nearer than those do are copies more often than faces (Meehan et al. 2020 test this by ranks).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import mannwhitneyu

from eval.feature_stats import checked_features

BLOCK = 512
TOO_NEAR = 0.01  # share of unseen true photos that lie as near to a training photo


@dataclass(frozen=True)
class Memorised:
    """Outputs' distances to their nearest training photo, against those of unseen true photos."""

    # Share of the outputs that lie nearer than 99 of 100 unseen true photos: than all, where they are fewer than 100.
    share: float
    p: float  # chance that outputs no nearer than true photos lie this near (Mann-Whitney, one-sided)


def nearest_training(
    outputs: ArrayLike, training: ArrayLike, names: Sequence[str]
) -> list[tuple[str, float]]:
    """Find the nearest training photo of each output.

    Parameters
    ----------
    outputs : (N, D)
    training : (M, D)
        Features of the same protocol; may be memory-mapped.
    names
        M names.

    Returns
    -------
    nearest
        For each output its nearest photo's name and the Euclidean distance, at least 0. To judge it, see `memorised`.

    Raises
    ------
    ValueError
        On unequal widths or NaN.
    """
    ids, distances = _nearest(outputs, training)
    return [(names[i], float(distance)) for i, distance in zip(ids, distances, strict=True)]


def memorised(output_distances: Sequence[float], unseen_distances: Sequence[float]) -> Memorised:
    """Judge outputs' distances by those of true photos that were not trained on.

    Parameters
    ----------
    output_distances : (N,)
        Of `nearest_training`, N >= 1.
    unseen_distances : (K,)
        The same for true photos outside the training set, K >= 1. The outputs' own
        truths are the fairest.
    """
    threshold = np.quantile(unseen_distances, TOO_NEAR, method="lower")
    share = float((np.asarray(output_distances) < threshold).mean())
    p = float(mannwhitneyu(output_distances, unseen_distances, alternative="less").pvalue)
    return Memorised(share, p)


def _nearest(samples: ArrayLike, training: ArrayLike) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    ours = checked_features(samples, "outputs", minimum=1)
    photos = np.asanyarray(training)
    best = np.full(len(ours), np.inf)
    ids = np.zeros(len(ours), dtype=np.intp)
    for start in range(0, len(photos), BLOCK):
        block = checked_features(
            photos[start : start + BLOCK], "training photos", dimensions=ours.shape[1], minimum=1
        )
        squares = (ours**2).sum(axis=1)[:, None] + (block**2).sum(axis=1) - 2 * ours @ block.T
        nearest = squares.argmin(axis=1)
        found = squares[np.arange(len(ours)), nearest]
        closer = found < best
        best[closer], ids[closer] = found[closer], nearest[closer] + start
    # Squares lose digits where both are alike; a copy shall have distance 0.
    exact = np.array(
        [np.linalg.norm(row - np.asarray(photos[i], np.float64)) for row, i in zip(ours, ids, strict=True)]
    )
    return ids, exact
