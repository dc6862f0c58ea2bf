"""Put faces that look alike beside one another: a chain from each to the nearest that is left."""

from __future__ import annotations

import numpy as np

from curation.proposals import principal_components

BLOCK = 5000  # faces that are chained together: 0.5 s on one core, and the time grows with their number alone


def order_by_similarity(embeddings: np.ndarray) -> np.ndarray:
    """Order faces so that neighbours look alike.

    Each face is followed by the most similar one that is left (nearest neighbours; cosine of the principal
    components). Of more than `BLOCK` faces those that lie near each other on the first component form a block.

    Parameters
    ----------
    embeddings : (N, D) float16 or float32
        NaN where an image has none.

    Returns
    -------
    order : (N,) int64
        Rows; those without an embedding come last, in their order.
    """
    seen = np.flatnonzero(np.isfinite(embeddings[:, 0]) & (embeddings != 0).any(1))
    missing = np.setdiff1d(np.arange(len(embeddings)), seen)
    components = principal_components(embeddings, np.empty(0, np.int64))[seen].astype(np.float32)
    if not components.size:
        return np.concatenate([seen, missing])
    along = np.argsort(components[:, 0], kind="stable")
    units = components / np.maximum(np.linalg.norm(components, axis=1, keepdims=True), 1e-9)
    order: list[int] = []
    for block in np.split(along, range(BLOCK, len(along), BLOCK)):
        before = units[order[-1]] if order else units[block[0]]
        order += block[_chain(units[block], before)].tolist()
    return np.concatenate([seen[order], missing])


def _chain(units: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Rows of (n, K) units, each the nearest to the one before it of those that are left."""
    order = np.empty(len(units), np.int64)
    taken = np.zeros(len(units), np.float32)
    for place in range(len(units)):
        nearest = int(np.argmax(units @ before - taken))
        order[place], before, taken[nearest] = nearest, units[nearest], np.inf
    return order
