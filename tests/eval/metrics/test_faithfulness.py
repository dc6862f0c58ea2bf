"""Landmark distance and shuffled partners."""

import numpy as np
import pytest

from core.face_mesh import FACE_POINTS, POINTS
from eval.metrics.faithfulness import (
    EYE_CORNERS_LEFT,
    EYE_CORNERS_RIGHT,
    landmark_distance,
    shuffled_partners,
)


def face(seed: int = 0, eyes: float = 140.0) -> np.ndarray:
    """Random landmarks whose eye centres lie ``eyes`` pixels apart: (478, 3)."""
    points = np.random.default_rng(seed).uniform(100, 400, (POINTS, 3)).astype(np.float32)
    for corners, centre in ((EYE_CORNERS_LEFT, 256 - eyes / 2), (EYE_CORNERS_RIGHT, 256 + eyes / 2)):
        points[list(corners), :2] = [[centre - 20, 244], [centre + 20, 244]]
    return points


def test_a_face_is_no_distance_from_itself() -> None:
    assert landmark_distance(face(), face()) == 0


def test_a_shift_counts_in_eye_distances() -> None:
    moved = face() + np.float32([3, 4, 99])
    assert landmark_distance(moved, face()) == pytest.approx(5 / 140, rel=1e-5)


def test_the_distance_does_not_depend_on_the_pictures_size() -> None:
    output, true = face(1), face(2)
    assert landmark_distance(output / 2, true / 2) == pytest.approx(landmark_distance(output, true), rel=1e-5)


def test_the_true_faces_eyes_are_the_measure_not_the_outputs() -> None:
    output, true = face(1, eyes=140), face(1, eyes=70)
    assert landmark_distance(output, true) == pytest.approx(2 * landmark_distance(true, output), rel=1e-5)


def test_the_gaze_does_not_count() -> None:
    looking_aside = face()
    looking_aside[FACE_POINTS:] += 50
    assert landmark_distance(looking_aside, face()) == 0


def test_one_moved_point_counts_as_its_share() -> None:
    output = face()
    output[10, 0] += 14
    assert landmark_distance(output, face()) == pytest.approx(14 / 140 / FACE_POINTS, rel=1e-4)


@pytest.mark.parametrize("count", [2, 3, 10, 101])
def test_shuffling_gives_everybody_a_stranger(count: int) -> None:
    partners = shuffled_partners(count, seed=count)
    assert sorted(partners) == list(range(count))
    assert all(i != j for i, j in enumerate(partners))
