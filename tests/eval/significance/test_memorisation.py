"""Nearest training photos, and when they are too near."""

import numpy as np
import pytest

from eval.significance.memorisation import memorised, nearest_training


def draw(seed: int, count: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, (count, 12)).astype(np.float32)


NAMES = [f"train {i}" for i in range(700)]


def test_a_copy_is_found_at_no_distance() -> None:
    training = draw(1, 700)
    assert nearest_training(training[[650, 3]], training, NAMES) == [("train 650", 0.0), ("train 3", 0.0)]


def nearest_distances(samples: np.ndarray, training: np.ndarray) -> list[float]:
    return [distance for _, distance in nearest_training(samples, training, ["?"] * len(training))]


def test_it_is_the_smallest_of_all_distances(monkeypatch: pytest.MonkeyPatch) -> None:
    outputs, training = draw(2, 9), draw(1, 100)
    monkeypatch.setattr("eval.significance.memorisation.BLOCK", 17)
    distances = np.linalg.norm(outputs[:, None] - training, axis=2)
    found = nearest_training(outputs, training, NAMES[:100])
    assert [name for name, _ in found] == [NAMES[i] for i in distances.argmin(axis=1)]
    assert [distance for _, distance in found] == pytest.approx(distances.min(axis=1), rel=1e-5)


def test_new_faces_are_no_suspects() -> None:
    training = draw(1, 400)
    found = memorised(nearest_distances(draw(2, 90), training), nearest_distances(draw(3, 90), training))
    assert found.share <= 0.05 and found.p > 0.01


def test_copies_are_suspects() -> None:
    training = draw(1, 400)
    outputs = np.concatenate([draw(2, 30), training[:30] + 0.05 * draw(4, 30)])
    found = memorised(nearest_distances(outputs, training), nearest_distances(draw(3, 90), training))
    assert 0.5 <= found.share < 0.6
    assert found.p < 1e-6


def test_widths_must_agree() -> None:
    with pytest.raises(ValueError, match="training photos must be"):
        nearest_training(draw(1, 2), np.zeros((3, 5)), NAMES[:3])
