"""A distance against the number of images: it falls with ever more of them, and models may cross."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from eval.trust.halves import Halves
from eval.trust.subsets import SubsetDistances


def means_by_count(
    distances: SubsetDistances,
    halves: Halves,
    *,
    is_matched: bool,
    is_reference: bool = False,
    draws: int,
    seed: int,
    also: Collection[int] = (),
) -> dict[int, float]:
    """Mean distance of subsets of an eighth, a quarter, half and three quarters of the images, and of all.

    Parameters
    ----------
    distances
        Of the sets that ``halves`` are halves of.
    is_matched
        Whether the k-th real image is the truth of the k-th output; then they are drawn together, else the
        real ones are drawn in the same share.
    is_reference
        Whether the real rows are taken whole, as they stand for a mean and a covariance.
    draws
        Subsets per size.
    also
        Further sizes below all images, such as those at which real images were held against real ones.
    """
    n, r = len(distances.fake), len(distances.real)
    rng = np.random.default_rng([seed, 6])
    means = {n: halves.whole, n // 2: float((halves.first.mean() + halves.second.mean()) / 2)}
    for size in sorted(({n // 8, n // 4, 3 * n // 4} | {one for one in also if one < n}) - {0, 1, n // 2}):
        fake = rng.permuted(np.tile(np.arange(n), (draws, 1)), axis=1)[:, :size]
        real = rng.permuted(np.tile(np.arange(r), (draws, 1)), axis=1)
        real = real if is_reference else real[:, : max(2, size * r // n)]
        means[size] = float(distances(fake if is_matched else real, fake).mean())
    return dict(sorted(means.items()))
