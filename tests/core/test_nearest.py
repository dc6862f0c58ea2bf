"""Search: by euclidean distance, exact and approximate, and by bits."""

from __future__ import annotations

import threading

import faiss
import numpy as np
import pytest

from core.nearest import EXACT_BANK_ROWS, BitRows, CompressedRows, NearestRows, compress


def bits(count: int, seed: int = 0, width: int = 32) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, width), dtype=np.uint8)


def faces(count: int, seed: int = 0, width: int = 48) -> np.ndarray:
    """Rows near a curved surface of eight dimensions, as latents of faces are."""
    lift = np.random.default_rng(99).normal(size=(8, width))
    random = np.random.default_rng(seed)
    rows = np.tanh(random.normal(size=(count, 8)) @ lift) + 0.1 * random.normal(size=(count, width))
    return rows.astype(np.float32)


def recall(found: np.ndarray, true: np.ndarray) -> float:
    return float(np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found, true, strict=True)]))


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


def test_a_bank_is_searched_exactly_up_to_a_size_and_approximately_above():
    rows = np.random.default_rng(0).normal(size=(EXACT_BANK_ROWS + 1, 4)).astype(np.float32)
    assert NearestRows(rows[:-1]).is_exact and NearestRows(rows[:-1]).compressed is None
    large = NearestRows(rows)
    assert not large.is_exact and large.compressed is not None


@pytest.mark.parametrize("width", [7, 48, 130])
@pytest.mark.parametrize("count", [1, 10, 50])
def test_approximate_search_finds_the_true_rows(width, count):
    rows, queries = faces(4000, width=width), faces(25, seed=1, width=width)
    found = NearestRows(rows, is_exact=False).search(queries, count)
    assert recall(found, NearestRows(rows).search(queries, count)) >= 0.99


def test_approximate_search_copes_with_noise_that_has_no_structure():
    random = np.random.default_rng(5)
    rows = random.normal(size=(4000, 64)).astype(np.float32)
    queries = random.normal(size=(25, 64)).astype(np.float32)
    nearest = NearestRows(rows, is_exact=False)
    assert nearest.compressed is not None and len(nearest.compressed.axes) == 64
    assert recall(nearest.search(queries, 10), NearestRows(rows).search(queries, 10)) >= 0.99


def test_approximate_search_finds_the_true_rows_far_from_the_bank():
    rows, queries = faces(4000), 50 * faces(25, seed=1)
    found = NearestRows(rows, is_exact=False).search(queries, 10)
    assert recall(found, NearestRows(rows).search(queries, 10)) >= 0.95


def test_what_approximate_search_finds_comes_nearest_first():
    rows, queries = faces(4000), faces(5, seed=1)
    found = NearestRows(rows, is_exact=False).search(queries, 20)
    apart = np.linalg.norm(rows[found] - queries[:, None], axis=2)
    assert (np.diff(apart, axis=1) >= 0).all()


def test_an_approximate_answer_does_not_depend_on_what_else_is_asked():
    nearest, queries = NearestRows(faces(4000), is_exact=False), faces(30, seed=1)
    together = nearest.search(queries, 10)
    alone = np.concatenate([nearest.search(queries[row : row + 1], 10) for row in range(30)])
    assert np.array_equal(together, alone)
    assert nearest.search(queries[:0], 10).shape == (0, 10)


def test_many_neighbours_are_searched_exactly_even_in_a_large_bank():
    rows, queries = faces(2000), faces(5, seed=1)
    approximate, exact = NearestRows(rows, is_exact=False), NearestRows(rows)
    assert np.array_equal(approximate.search(queries, 2000), exact.search(queries, 2000))


def test_copies_of_one_row_are_told_apart_by_their_number():
    nearest = NearestRows(np.ones((2000, 16), np.float32), is_exact=False)
    assert sorted(set(nearest.search(np.ones((1, 16), np.float32), 10)[0].tolist())) == sorted(
        nearest.search(np.ones((1, 16), np.float32), 10)[0].tolist()
    )


def test_the_same_bank_is_compressed_alike_every_time():
    rows = faces(3000)
    first, second = compress(rows), compress(rows)
    for name in ("mean", "axes", "levels", "codes"):
        assert np.array_equal(getattr(first, name), getattr(second, name)), name


def test_a_ready_index_answers_like_one_made_here():
    rows, queries = faces(3000), faces(9, seed=1)
    ready = NearestRows(rows, compress(rows), is_exact=False)
    assert np.array_equal(ready.search(queries, 10), NearestRows(rows, is_exact=False).search(queries, 10))


@pytest.mark.parametrize("change", [
    {"codes": np.zeros((2999, 16), np.uint8)},
    {"codes": np.zeros((3000, 16), np.int8)},
    {"mean": np.zeros(47, np.float32)},
    {"levels": np.zeros((32, 8), np.float32)},
    {"levels": np.full((32, 16), np.nan, np.float32)},
    {"axes": np.zeros((0, 48), np.float32)},
])  # fmt: skip
def test_an_index_that_does_not_fit_its_bank_is_refused(change):
    rows = faces(3000)
    wrong = CompressedRows(**{**vars(compress(rows)), **change})
    with pytest.raises(ValueError, match="search index"):
        NearestRows(rows, wrong, is_exact=False)


@pytest.mark.parametrize("is_exact", [True, False])
def test_a_bank_that_nobody_may_write_to_can_be_searched(is_exact):
    rows = faces(2000)
    rows.setflags(write=False)
    assert NearestRows(rows, is_exact=is_exact).search(rows[3:4], 1).tolist() == [[3]]


def test_several_threads_may_search_at_once():
    nearest, queries = NearestRows(faces(4000), is_exact=False), faces(40, seed=1)
    expected, answers = nearest.search(queries, 10), {}
    threads = [
        threading.Thread(target=lambda name=name: answers.update({name: nearest.search(queries, 10)}))
        for name in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(answers[name], expected) for name in range(4))


@pytest.mark.parametrize("search", [
    lambda: BitRows(bits(4)).within(bits(1), 3),
    lambda: NearestRows(np.ones((4, 2), np.float32)).search(np.ones((1, 2), np.float32), 1),
    lambda: NearestRows(faces(700), is_exact=False).search(faces(1), 1),
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
