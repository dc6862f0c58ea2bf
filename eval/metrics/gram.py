"""Inner products of all samples at once: Frechet and kernel distances of any subsets, without the features.

Permutations, subsampling, the real-against-real floor and curves over N ask for thousands of distances
between subsets of the same few hundred samples. Each needs only a block of this matrix.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eval.feature_stats import checked_features
from eval.metrics.fid import nuclear_norm
from eval.metrics.kid import KernelDistance, cubic_kernel, from_kernel_blocks

Matrix = NDArray[np.float64]
Rows = NDArray[np.integer] | slice


class PooledGram:
    """Inner products of the samples of several sets, one after the other.

    Meant for fewer samples than dimensions; above that `eval.metrics.fid` is faster and more exact.

    Parameters
    ----------
    sets : sequence of (N_i, D)
        Features of one extractor and protocol. The matrix takes ``8 * (sum N_i)^2`` bytes.

    Attributes
    ----------
    rows : tuple of slice
        Where each set lies.
    """

    def __init__(self, sets: Sequence[ArrayLike]) -> None:
        if not sets:
            raise ValueError("expected at least one set of features, got none.")
        first = checked_features(sets[0], "set 0")
        checked = [first] + [
            checked_features(values, f"set {i}", dimensions=first.shape[1])
            for i, values in enumerate(sets[1:], start=1)
        ]
        ends = np.cumsum([0, *(len(values) for values in checked)]).tolist()
        self.rows = tuple(slice(start, end) for start, end in zip(ends[:-1], ends[1:], strict=True))
        self.dimensions = first.shape[1]
        pooled = np.concatenate(checked)
        self.products: Matrix = pooled @ pooled.T

    def frechet(self, real: Rows, fake: Rows) -> float:
        """Frechet distance of two subsets, equal to `eval.metrics.fid.frechet_distance` of their features.

        Parameters
        ----------
        real, fake
            Rows of the pooled samples, at least two each; as a slice, or as ids, which may repeat.
        """
        ours, theirs, cross = self._blocks(real, fake)
        n, m = len(ours), len(theirs)
        shift = float(ours.mean() + theirs.mean() - 2 * cross.mean())
        trace = float(np.trace(ours) - n * ours.mean()) / (n - 1)
        trace += float(np.trace(theirs) - m * theirs.mean()) / (m - 1)
        centred = cross - cross.mean(axis=0) - cross.mean(axis=1, keepdims=True) + cross.mean()
        return max(shift + trace - 2 * nuclear_norm(centred) / np.sqrt((n - 1) * (m - 1)), 0.0)

    def kernel(self, real: Rows, fake: Rows) -> KernelDistance:
        """Kernel distance of two subsets, equal to `eval.metrics.kid.kernel_distance` of their features."""
        blocks = [cubic_kernel(block, self.dimensions) for block in self._blocks(real, fake)]
        return from_kernel_blocks(*blocks)

    def _blocks(self, real: Rows, fake: Rows) -> tuple[Matrix, Matrix, Matrix]:
        every = np.arange(len(self.products))
        a, b = every[real], every[fake]
        if min(len(a), len(b)) < 2:
            raise ValueError(f"expected at least 2 rows on each side, got {len(a)} and {len(b)}.")
        return self.products[np.ix_(a, a)], self.products[np.ix_(b, b)], self.products[np.ix_(a, b)]
