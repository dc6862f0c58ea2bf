"""Exact nearest-neighbour search, for latents and for bit strings (the only module that imports faiss).

One thread always: faiss's OpenMP pool and torch's otherwise fight over the same cores.
"""

from __future__ import annotations

import faiss
import numpy as np
from numpy.typing import NDArray

# faiss switches to a BLAS expansion of the distance at 20 queries, which cancels badly near zero and makes a
# row's neighbours depend on how many other rows were asked about.
EXACT_SEARCH_ROWS = 16


class NearestRows:
    """Rows of a bank by euclidean distance.

    Parameters
    ----------
    bank : (N, D) float32
        Contiguous.
    """

    def __init__(self, bank: NDArray[np.float32]) -> None:
        self._index = faiss.IndexFlatL2(bank.shape[1])
        self._index.add(bank)

    def search(self, queries: NDArray[np.float32], count: int) -> NDArray[np.int64]:
        """Ids (B, count) of the rows nearest to each query (B, D) float32, nearest first."""
        _use_one_thread()
        found = [
            self._index.search(queries[start : start + EXACT_SEARCH_ROWS], count)[1]
            for start in range(0, len(queries), EXACT_SEARCH_ROWS)
        ]
        return np.concatenate(found) if found else np.empty((0, count), dtype=np.int64)


class BitRows:
    """Rows of bits by the number of bits in which they differ from a query.

    All distances are computed (`faiss.IndexBinaryFlat`): 0.1 ms for a query among 100 000 rows of 256 bits.
    Hash tables are slower here, because at 32 of 256 bits the longest key that must be equal has 7 bits.

    Parameters
    ----------
    rows : (N, B) uint8
        B bytes each.
    """

    def __init__(self, rows: NDArray[np.uint8]) -> None:
        if rows.ndim != 2 or not rows.shape[1] or rows.dtype != np.uint8:
            raise ValueError(f"expected rows of bits (N, B) uint8, got {rows.shape} {rows.dtype}")
        self._width = rows.shape[1]
        self._index = faiss.IndexBinaryFlat(8 * self._width)
        self._index.add(np.ascontiguousarray(rows))

    def within(
        self, queries: NDArray[np.uint8], max_distance: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Every pair of a query and a row that differ in at most ``max_distance`` bits.

        Parameters
        ----------
        queries : (Q, B) uint8
            Hand over few at a time: a match takes 24 bytes on the way, and every row may match every query.

        Returns
        -------
        asked, found : (M,) int64
            Query and row of each pair, queries in order, the rows of each in no order.

        Raises
        ------
        ValueError
            If the queries have another length than the rows, or the distance is negative.
        """
        if queries.ndim != 2 or queries.shape[1] != self._width or queries.dtype != np.uint8:
            raise ValueError(
                f"expected queries (Q, {self._width}) uint8, got {queries.shape} {queries.dtype}"
            )
        if max_distance < 0:
            raise ValueError(f"expected a distance of 0 or more, got {max_distance}")
        _use_one_thread()
        # faiss finds what is nearer than the radius, not what lies on it.
        limits, _, found = self._index.range_search(np.ascontiguousarray(queries), max_distance + 1)
        matches = (limits[1:] - limits[:-1]).astype(np.int64)
        return np.repeat(np.arange(len(queries)), matches), found


def _use_one_thread() -> None:
    """OpenMP keeps the number for each calling thread, and a page's threads come and go."""
    faiss.omp_set_num_threads(1)
