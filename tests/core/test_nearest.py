"""Exact search: by euclidean distance and by bits."""

from __future__ import annotations

import threading

import faiss
import numpy as np
import pytest

from core.nearest import BitRows, NearestRows


def bits(count: int, seed: int = 0, width: int = 32) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, width), dtype=np.uint8)


def distances(queries: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return np.unpackbits(queries[:, None] ^ rows[None], axis=2).sum(axis=2)


def test_all_pairs_up_to_the_distance_and_no_others_are_found():
    rows = bits(300, width=4)
    queries = bits(40, seed=1, width=4)
    asked, found = BitRows(rows).within(queries, 9)
    expected = distances(queries, rows) <= 9
    assert expected.sum() > 20
    assert set(zip(asked.tolist(), found.tolist(), strict=True)) == set(
        zip(*np.nonzero(expected), strict=True)
    )


@pytest.mark.parametrize("apart", [31, 32, 33])
def test_a_distance_of_exactly_the_limit_still_counts(apart):
    row = np.zeros((1, 32), np.uint8)
    query = np.packbits(np.arange(256) < apart)[None]
    _, found = BitRows(row).within(query, 32)
    assert len(found) == (1 if apart <= 32 else 0)


def test_queries_come_in_order():
    asked, _ = BitRows(np.zeros((5, 32), np.uint8)).within(np.zeros((3, 32), np.uint8), 0)
    assert asked.tolist() == [0] * 5 + [1] * 5 + [2] * 5


def test_no_rows_and_no_queries_give_no_pairs():
    assert BitRows(bits(0)).within(bits(3), 256)[0].size == 0
    assert BitRows(bits(3)).within(bits(0), 256)[0].size == 0


@pytest.mark.parametrize(
    "bad", [np.zeros((2, 31), np.uint8), np.zeros(32, np.uint8), np.zeros((2, 32), np.int64)]
)
def test_queries_of_another_kind_are_refused(bad):
    with pytest.raises(ValueError, match="expected queries"):
        BitRows(bits(2)).within(bad, 3)


def test_a_negative_distance_is_refused():
    with pytest.raises(ValueError, match="0 or more"):
        BitRows(bits(2)).within(bits(1), -1)


def test_rows_of_another_kind_are_refused():
    with pytest.raises(ValueError, match="expected rows of bits"):
        BitRows(np.zeros((2, 3), np.float32))


def test_nearest_rows_are_the_true_ones_whatever_else_is_asked():
    random = np.random.default_rng(3)
    bank = random.normal(size=(200, 8)).astype(np.float32)
    queries = random.normal(size=(50, 8)).astype(np.float32)
    exact = np.argsort(np.linalg.norm(queries[:, None] - bank[None], axis=2), axis=1)[:, :5]
    nearest = NearestRows(bank)
    assert np.array_equal(nearest.search(queries, 5), exact)
    assert np.array_equal(nearest.search(queries[17:18], 5), exact[17:18])
    assert nearest.search(queries[:0], 5).shape == (0, 5)


@pytest.mark.parametrize("search", [
    lambda: BitRows(bits(4)).within(bits(1), 3),
    lambda: NearestRows(np.ones((4, 2), np.float32)).search(np.ones((1, 2), np.float32), 1),
])  # fmt: skip
def test_every_thread_that_searches_uses_one_core(search):
    """OpenMP keeps its setting for each thread, so setting it at import is not enough."""
    seen = []

    def look() -> None:
        faiss.omp_set_num_threads(2)
        search()
        seen.append(faiss.omp_get_max_threads())

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [1]
