"""Density and coverage (Naeem et al. 2020): precision and recall that one outlier cannot inflate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from eval.metrics.neighbourhoods import aligned_pair, squared_distances, squared_radii


@dataclass(frozen=True)
class DensityCoverage:
    """Attributes
    ----------
    density
        Real neighbourhoods that a fake lies in, over ``k``: about 1 for equal distributions, may exceed it.
    coverage
        Share of real images with a fake in their neighbourhood, in [0, 1].
    """

    density: float
    coverage: float


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
