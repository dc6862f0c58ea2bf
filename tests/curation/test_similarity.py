"""Faces that look alike lie beside one another."""

import numpy as np
import pytest

from curation import similarity
from curation.similarity import order_by_similarity

GROUPS, EACH, SIZE = 6, 8, 64


def faces() -> tuple[np.ndarray, np.ndarray]:
    """Embeddings of some people, shuffled, and whose each is; the first image has none."""
    rng = np.random.default_rng(0)
    people = rng.permutation(np.repeat(np.arange(GROUPS), EACH))
    found = rng.normal(size=(GROUPS, SIZE))[people] + 0.1 * rng.normal(size=(len(people), SIZE))
    return np.vstack([np.full(SIZE, np.nan), found]).astype(np.float16), people


@pytest.mark.parametrize("block", [similarity.BLOCK, 20])
def test_every_face_is_there_once_and_those_of_one_kind_lie_together(
    monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(similarity, "BLOCK", block)
    embeddings, people = faces()
    order = order_by_similarity(embeddings)
    assert sorted(order) == list(range(len(embeddings))) and order[-1] == 0
    changes = int((np.diff(people[order[:-1] - 1]) != 0).sum())
    blocks = -(-len(people) // block)
    assert changes <= GROUPS - 1 + 2 * (blocks - 1)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_few_faces_and_those_without_an_embedding_keep_their_order(count: int) -> None:
    assert order_by_similarity(np.full((count, SIZE), np.nan, np.float16)).tolist() == list(range(count))
    assert sorted(order_by_similarity(np.ones((count, SIZE), np.float16))) == list(range(count))
