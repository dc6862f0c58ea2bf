"""A flat map of features, to see which sets lie together and which outputs lie apart.

Principal components, and not a map of neighbourhoods (t-SNE, UMAP): distances on it mean something, a set that
collapsed is a small spot, and the same features always give the same map.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import eigh

from eval.feature_stats import checked_features

FITTED = 500  # rows per set that the axes are made from
BLOCK = 4096
DIGITS = 4


def map_2d(sets: Sequence[ArrayLike]) -> list[NDArray[np.float64]]:
    """Places of all samples on one map.

    Parameters
    ----------
    sets : (N_i, D) each
        Features of one protocol, the real ones first. Every set has the same say in the axes, however large it is.

    Returns
    -------
    places : (N_i, 2) float64 each
        In spreads of the first set around its middle, rounded to 4 digits so that a repetition is equal to the
        byte. Signs are fixed: the largest weight of an axis is positive.

    Raises
    ------
    ValueError
        On unequal widths, NaN, or no samples.
    """
    arrays = [np.asanyarray(values) for values in sets]
    if not arrays:
        raise ValueError("expected at least one set of features, got none.")
    width = arrays[0].shape[1] if arrays[0].ndim == 2 else None
    parts, weights = [], []
    for i, values in enumerate(arrays):
        rows = np.unique(np.linspace(0, len(values) - 1, min(FITTED, len(values))).astype(int))
        part = checked_features(values[rows], f"set {i}", dimensions=width, minimum=1)
        parts.append(part)
        weights.append(np.full(len(part), 1 / len(part)))
    pooled, weight = np.concatenate(parts), np.concatenate(weights)
    centre = np.average(pooled, axis=0, weights=weight)
    weighted = (pooled - centre) * np.sqrt(weight * len(weight) / weight.sum())[:, None]
    axes = _axes(weighted)
    first = (parts[0] - centre) @ axes.T
    middle, spread = first.mean(axis=0), float(np.sqrt((first.std(axis=0) ** 2).mean()))
    scale = spread if spread > 1e-12 * float(np.abs(pooled).max() + 1) else 1.0
    return [_place(values, centre, axes, middle, scale) for values in arrays]


def _axes(weighted: NDArray[np.float64]) -> NDArray[np.float64]:
    """Two principal axes (2, D) around the origin; zeros where there are none."""
    n, width = weighted.shape
    axes = np.zeros((2, width))
    is_tall = n > width
    square = weighted.T @ weighted if is_tall else weighted @ weighted.T
    count = min(2, len(square))
    values, vectors = eigh(square, subset_by_index=(len(square) - count, len(square) - 1))
    found = (vectors if is_tall else weighted.T @ vectors).T[::-1]
    lengths = np.linalg.norm(found, axis=1)
    is_there = (values[::-1] > 1e-12 * max(values[-1], 0.0)) & (lengths > 0)
    axes[:count][is_there] = found[is_there] / lengths[is_there, None]
    largest = np.abs(axes).argmax(axis=1)
    signs = np.sign(axes[np.arange(2), largest])
    return axes * np.where(signs == 0, 1, signs)[:, None]


def _place(
    values: NDArray[np.floating],
    centre: NDArray[np.float64],
    axes: NDArray[np.float64],
    middle: NDArray[np.float64],
    scale: float,
) -> NDArray[np.float64]:
    places = np.empty((len(values), 2))
    for start in range(0, len(values), BLOCK):
        block = np.asarray(values[start : start + BLOCK], dtype=np.float64)
        places[start : start + BLOCK] = ((block - centre) @ axes.T - middle) / scale
    rounded: NDArray[np.float64] = np.round(places, DIGITS) + 0.0
    return rounded
