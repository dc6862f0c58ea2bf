"""Precision and recall of generated images (Kynkaanniemi et al. 2019): how many are real, how much is covered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from eval.metrics.neighbourhoods import Matrix, aligned_pair, squared_distances, squared_radii


@dataclass(frozen=True)
class PrecisionRecall:
    """Attributes
    ----------
    precision
        Share of the fakes that lie among the real images, in [0, 1].
    recall
        Share of the real images that lie among the fakes, in [0, 1]; low when modes are missing.
    """

    precision: float
    recall: float


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
