"""Distances of subsets from inner products alone."""

import numpy as np
import pytest

from eval.metrics.fid import frechet_distance
from eval.metrics.gram import PooledGram
from eval.metrics.kid import kernel_distance


def features(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(seed, 1 + seed / 4, (count, 40)).astype(np.float32)


@pytest.fixture
def sets() -> list[np.ndarray]:
    return [features(20, 1), features(15, 2), features(20, 3)]


def test_whole_sets_are_as_far_apart_as_their_features_say(sets: list[np.ndarray]) -> None:
    gram = PooledGram(sets)
    for i, j in ((0, 1), (1, 2), (2, 0)):
        real, fake = gram.rows[i], gram.rows[j]
        assert gram.frechet(real, fake) == pytest.approx(frechet_distance(sets[i], sets[j]), rel=1e-9)
        expected = kernel_distance(sets[i], sets[j])
        assert gram.kernel(real, fake).value == pytest.approx(expected.value, rel=1e-9)
        assert gram.kernel(real, fake).error == pytest.approx(expected.error, rel=1e-9)


def test_so_are_subsets_with_repeats(sets: list[np.ndarray]) -> None:
    gram, pooled = PooledGram(sets), np.concatenate(sets)
    real, fake = np.array([0, 0, 4, 21, 54]), np.array([9, 33, 33, 33])
    assert gram.frechet(real, fake) == pytest.approx(frechet_distance(pooled[real], pooled[fake]), rel=1e-9)
    assert gram.kernel(real, fake).value == pytest.approx(kernel_distance(pooled[real], pooled[fake]).value)


def test_a_set_is_no_distance_from_itself(sets: list[np.ndarray]) -> None:
    gram = PooledGram(sets)
    assert gram.frechet(gram.rows[0], gram.rows[0]) < 1e-9 * float(sets[0].var(axis=0).sum())


def test_one_row_is_too_few(sets: list[np.ndarray]) -> None:
    with pytest.raises(ValueError, match="at least 2 rows"):
        PooledGram(sets).frechet(np.array([0]), slice(0, 5))


def test_sets_must_have_one_width(sets: list[np.ndarray]) -> None:
    with pytest.raises(ValueError, match="set 1 must be"):
        PooledGram([sets[0], sets[1][:, :5]])
