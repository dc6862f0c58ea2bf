"""Landmark distance, faces found, and the shuffled control."""

import numpy as np
import pytest

from core.face_mesh import FACE_POINTS, POINTS
from eval.metrics.faithfulness import (
    EYE_CORNERS_LEFT,
    EYE_CORNERS_RIGHT,
    eye_distance,
    face_found_rate,
    faithfulness,
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
    assert eye_distance(face()) == pytest.approx(140)
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


@pytest.mark.parametrize("broken", [face()[:468], face()[None], np.full((POINTS, 2), np.nan)])
def test_landmarks_of_another_shape_or_with_nan_are_refused(broken: np.ndarray) -> None:
    with pytest.raises(ValueError, match="output"):
        landmark_distance(broken, face())


def test_coinciding_eyes_are_refused() -> None:
    with pytest.raises(ValueError, match="coincide"):
        landmark_distance(face(), np.ones((POINTS, 2)))


def test_the_rate_is_the_share_of_outputs_with_a_face() -> None:
    assert face_found_rate([face(), None, face(), None]) == 0.5
    with pytest.raises(ValueError, match="at least one"):
        face_found_rate([])


@pytest.mark.parametrize("count", [2, 3, 10, 101])
def test_shuffling_gives_everybody_a_stranger(count: int) -> None:
    partners = shuffled_partners(count, seed=count)
    assert sorted(partners) == list(range(count))
    assert all(i != j for i, j in enumerate(partners))


def test_faithful_outputs_are_far_below_the_shuffled_control() -> None:
    truths = [face(seed) for seed in range(12)]
    outputs = [true + np.random.default_rng(9).normal(0, 1, true.shape) for true in truths]
    score = faithfulness(outputs, truths)
    assert (score.n, score.face_found) == (12, 1.0)
    assert score.mean < score.p95 < 2
    assert score.shuffled_mean > 20 * score.mean


def test_an_output_that_ignores_the_sketch_is_no_better_than_the_control() -> None:
    truths = [face(seed) for seed in range(30)]
    score = faithfulness([face(99)] * 30, truths)
    assert score.mean == pytest.approx(score.shuffled_mean, rel=1e-6)


def test_missing_faces_lower_the_rate_and_leave_the_distance_alone() -> None:
    truths = [face(seed) for seed in range(4)]
    score = faithfulness([truths[0], None, truths[2], None], truths)
    assert (score.face_found, score.mean) == (0.5, 0.0)


def test_without_any_face_there_is_no_distance() -> None:
    score = faithfulness([None, None], [face(1), face(2)])
    assert score.face_found == 0
    assert all(np.isnan(value) for value in (score.mean, score.p95, score.shuffled_mean))


def test_outputs_and_photos_must_be_as_many() -> None:
    with pytest.raises(ValueError, match="as many"):
        faithfulness([face()], [])
