"""Permutation tests: how often chance alone makes a difference as large as the one that was found."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from eval.trust.subsets import Rows, SubsetDistances

Progress = Callable[[int, int], None]
BATCH = 100


def swap_test(
    distances: SubsetDistances,
    count: int,
    *,
    is_paired: bool,
    permutations: int,
    rng: np.random.Generator,
    progress: Progress | None = None,
) -> float:
    """Two-sided p-value of two models' difference in distance from the real images.

    Under no difference it does not matter which of two outputs for the same input came from which model, so
    each pair is swapped or not by a coin; without pairs, the outputs are dealt out anew.

    Parameters
    ----------
    distances
        Of the real rows and a pool: the first model's rows, then the second's.
    count
        Rows of the first model; with ``is_paired`` row ``i`` belongs to row ``count + i``.
    permutations
        The smallest p-value is ``1 / (permutations + 1)``.

    Raises
    ------
    ValueError
        If pairs are asked for and the models have unequal numbers of rows.
    """
    total = len(distances.fake)
    if is_paired and total != 2 * count:
        raise ValueError(f"pairs need equal sets, got {count} and {total - count} rows.")
    found = distances.splits(np.arange(count)[None], np.arange(count, total)[None])[0]
    as_large = 0
    for start in range(0, permutations, BATCH):
        some = min(BATCH, permutations - start)
        deal = _swapped(some, count, rng) if is_paired else _dealt(some, total, rng)
        chance = distances.splits(deal[:, :count], deal[:, count:])
        as_large += int((np.abs(chance) >= abs(found) - distances.resolution).sum())
        if progress:
            progress(start + some, permutations)
    return (1 + as_large) / (1 + permutations)


def sign_flip_test(differences: NDArray[np.float64], *, permutations: int, rng: np.random.Generator) -> float:
    """Two-sided p-value of a mean difference between pairs: each sign is kept or turned by a coin.

    Parameters
    ----------
    differences : (N,)
        Without NaN.
    """
    found = abs(differences.mean())
    resolution = 1e-12 * float(np.abs(differences).max(initial=0.0))
    as_large = 0
    step = max(1, 2_000_000 // max(1, len(differences)))
    for start in range(0, permutations, step):
        some = min(step, permutations - start)
        signs = rng.integers(0, 2, (some, len(differences)), dtype=np.int8) * 2 - 1
        chance = np.abs(signs @ differences) / len(differences)
        as_large += int((chance >= found - resolution).sum())
    return (1 + as_large) / (1 + permutations)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """P-values adjusted for their number (Holm 1979): the chance of any false claim stays below alpha.

    None stays None and does not count.
    """
    known = [i for i, p in enumerate(p_values) if p is not None]
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, i in enumerate(sorted(known, key=lambda i: p_values[i] or 0.0)):
        largest = max(largest, min(1.0, (len(known) - rank) * (p_values[i] or 0.0)))
        adjusted[i] = largest
    return adjusted


def _swapped(times: int, count: int, rng: np.random.Generator) -> Rows:
    """Row ids of both models, pairs swapped at random: (times, 2 * count)."""
    first = np.arange(count) + count * rng.integers(0, 2, (times, count))
    return np.hstack([first, np.where(first < count, first + count, first - count)])


def _dealt(times: int, total: int, rng: np.random.Generator) -> Rows:
    """All row ids in random order: (times, total)."""
    return rng.permuted(np.tile(np.arange(total), (times, 1)), axis=1)
