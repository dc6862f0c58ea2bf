"""Nearest-neighbour search, for latents and for bit strings (the only module that imports faiss).

One thread always: faiss's OpenMP pool and torch's otherwise fight over the same cores.
"""

from __future__ import annotations

from dataclasses import dataclass

import faiss
import numpy as np
from numpy.typing import NDArray

# faiss switches to a BLAS expansion of the distance at 20 queries, which cancels badly near zero and makes a
# row's neighbours depend on how many other rows were asked about.
EXACT_SEARCH_ROWS = 16

EXACT_BANK_ROWS = 50_000  # 8 ms a query at 512 numbers; the time grows with the rows
EXPLAINED = 0.99
CANDIDATES = 200
MOST_APPROXIMATE_NEIGHBOURS = 50
_SAMPLE_ROWS = 65_536
_LEVEL_ROWS = 16_384
_STEP = 20_000
_BITS = 4


@dataclass(frozen=True)
class CompressedRows:
    """A bank in four bits a coordinate, for scanning all of it quickly.

    Coordinates are those along the principal axes that carry 99 % of the bank's variance: 64 to 96 of 512
    for sketches of faces, all of them for white noise.
    """

    mean: NDArray[np.float32]  # (D,) float32
    axes: NDArray[np.float32]  # (A, D) float32: orthonormal, largest variance first
    levels: NDArray[np.float32]  # (A, 16) float32: the values that a coordinate is rounded to
    codes: NDArray[np.uint8]  # (N, ceil(A / 2)) uint8: two coordinates a byte, the even one in the lower half

    def check(self, rows: int, width: int) -> None:
        """Refuse what cannot belong to a bank of ``rows`` latents of ``width`` numbers.

        Raises
        ------
        ValueError
            If a shape or a dtype does not fit, or a number is not finite.
        """
        axes = len(self.axes)
        expected: dict[str, tuple[tuple[int, ...], type]] = {
            "mean": ((width,), np.float32),
            "axes": ((axes, width), np.float32),
            "levels": ((axes, 1 << _BITS), np.float32),
            "codes": ((rows, (axes + 1) // 2), np.uint8),
        }
        for name, (shape, dtype) in expected.items():
            array = getattr(self, name)
            if array.shape != shape or array.dtype != dtype or not 1 <= axes <= width:
                raise ValueError(
                    f"the search index's {name} must be {shape} {dtype.__name__}, "
                    f"got {array.shape} {array.dtype}."
                )
            if dtype is np.float32 and not np.isfinite(array).all():
                raise ValueError(f"the search index's {name} holds NaN or infinity.")

    def coordinates(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """(B, A) float32: rows (B, D) along the axes."""
        return np.ascontiguousarray((rows - self.mean) @ self.axes.T)


def compress(bank: NDArray[np.float32]) -> CompressedRows:
    """Prepare a bank (N, D) float32 for approximate search; the same bank gives the same codes.

    Takes about ten seconds a million rows on one core.
    """
    _use_one_thread()
    sample = bank[np.linspace(0, len(bank) - 1, min(len(bank), _SAMPLE_ROWS)).astype(np.int64)]
    mean = sample.mean(axis=0, dtype=np.float64).astype(np.float32)
    centred = sample - mean
    variances, vectors = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    variances, vectors = np.clip(variances[::-1], 0, None), vectors[:, ::-1]
    share = np.cumsum(variances) / max(variances.sum(), 1e-30)
    needed = int(np.searchsorted(share, EXPLAINED)) + 1
    count = min(-(-needed // 32) * 32, bank.shape[1])  # faiss scans 32 codes at a time
    axes = np.ascontiguousarray(vectors[:, :count].T.astype(np.float32))
    rounding = faiss.ProductQuantizer(count, count, _BITS)
    rounding.verbose = False
    rounding.train(np.ascontiguousarray((centred[:: max(1, len(centred) // _LEVEL_ROWS)]) @ axes.T))
    levels = faiss.vector_to_array(rounding.centroids).reshape(count, 1 << _BITS)
    plain = CompressedRows(mean, axes, levels, np.empty((len(bank), (count + 1) // 2), np.uint8))
    for start in range(0, len(bank), _STEP):
        part = plain.coordinates(bank[start : start + _STEP])
        plain.codes[start : start + _STEP] = rounding.compute_codes(part)
    return plain


class NearestRows:
    """Rows of a bank by euclidean distance.

    Up to 50 000 rows every distance is computed. In a larger bank all rows are scanned as four-bit codes
    (`faiss.IndexPQFastScan`) and the 200 best are measured exactly. No lists or graphs: a scan of the
    codes has no row that it cannot reach, gives the same answer after every build, and takes 2 ms for
    a million rows. Its time grows with the rows, though: from some millions on cells (IVF) would pay.

    Parameters
    ----------
    bank : (N, D) float32
        Contiguous; kept, not copied.
    compressed
        What `compress` made of this bank, if it is known already; made here otherwise, where it is needed.
    is_exact
        Overrides the choice by size.
    """

    def __init__(
        self,
        bank: NDArray[np.float32],
        compressed: CompressedRows | None = None,
        *,
        is_exact: bool | None = None,
    ) -> None:
        self._bank = bank
        self.is_exact = len(bank) <= EXACT_BANK_ROWS if is_exact is None else is_exact
        self.compressed: CompressedRows | None = None
        if not self.is_exact:
            self.compressed = compress(bank) if compressed is None else compressed
            self.compressed.check(len(bank), bank.shape[1])
            self._scan = _scan_index(self.compressed)

    def search(self, queries: NDArray[np.float32], count: int) -> NDArray[np.int64]:
        """Ids (B, count) of the rows nearest to each query (B, D) float32, nearest first.

        More than 50 neighbours are always searched exactly.
        """
        _use_one_thread()
        if self.compressed is None or count > MOST_APPROXIMATE_NEIGHBOURS:
            return self._search_exactly(queries, count)
        wanted = min(max(CANDIDATES, 10 * count), len(self._bank))
        found = np.empty((len(queries), count), dtype=np.int64)
        for row, query in enumerate(queries):  # one by one, so that an answer does not depend on the others
            _, ids = self._scan.search(self.compressed.coordinates(query[None]), wanted)
            candidates = np.sort(ids[0][ids[0] >= 0])  # in the order of the memory
            offsets = self._bank[candidates] - query
            distances = np.einsum("nd,nd->n", offsets, offsets)
            found[row] = candidates[np.argsort(distances, kind="stable")[:count]]
        return found

    def _search_exactly(self, queries: NDArray[np.float32], count: int) -> NDArray[np.int64]:
        found = [
            faiss.knn(queries[start : start + EXACT_SEARCH_ROWS], self._bank, count)[1]
            for start in range(0, len(queries), EXACT_SEARCH_ROWS)
        ]
        return np.concatenate(found) if found else np.empty((0, count), dtype=np.int64)


def _scan_index(compressed: CompressedRows) -> faiss.IndexPQFastScan:
    """The codes in the order in which faiss scans them."""
    count = len(compressed.axes)
    plain = faiss.IndexPQ(count, count, _BITS)
    faiss.copy_array_to_vector(np.ascontiguousarray(compressed.levels).ravel(), plain.pq.centroids)
    faiss.copy_array_to_vector(np.ascontiguousarray(compressed.codes).ravel(), plain.codes)
    plain.ntotal, plain.is_trained = len(compressed.codes), True
    return faiss.IndexPQFastScan(plain)  # type: ignore[arg-type]  # the stub knows one of two constructors


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
