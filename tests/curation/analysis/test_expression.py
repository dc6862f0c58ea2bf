"""Eyes and mouth: open and closed ones differ, and the turn of the head does not matter."""

from __future__ import annotations

import numpy as np
import pytest

from core import face_mesh
from core.landmarks import FaceLandmarker
from curation.analysis.measure import EYES, LIPS_INNER_MIDDLE, measure_eyes_open, measure_mouth_open
from curation.pose import HeadPose
from tests.curation.analysis.measured_face import MeasuredFace, measure_photo


def close_eye(points: np.ndarray, number: int) -> np.ndarray:
    shut = points.copy()
    for upper, lower in EYES[number][1]:
        shut[upper] = shut[lower]
    return shut


def open_mouth(points: np.ndarray, by: float) -> np.ndarray:
    open_ = points.copy()
    open_[[lower for _, lower in LIPS_INNER_MIDDLE], 1] += by * face_mesh.eye_distance(points)
    return open_


def test_open_eyes_are_open(face: MeasuredFace) -> None:
    assert measure_eyes_open(face.found.points, face.found.pose) > 0.4


@pytest.mark.parametrize("number", [0, 1])
def test_one_closed_eye_is_enough(face: MeasuredFace, number: int) -> None:
    assert measure_eyes_open(close_eye(face.found.points, number), face.found.pose) < 0.1


def test_a_mouth_opens_step_by_step(face: MeasuredFace) -> None:
    values = [
        measure_mouth_open(open_mouth(face.found.points, by), face.found.pose) for by in (0, 0.2, 0.4, 0.6)
    ]
    assert values == sorted(values)
    assert values[-1] > values[0] + 0.3


@pytest.mark.parametrize("scale", [0.25, 3])
def test_size_does_not_matter(face: MeasuredFace, scale: float) -> None:
    points, pose = face.found.points, face.found.pose
    assert measure_eyes_open(points * scale, pose) == pytest.approx(measure_eyes_open(points, pose), abs=1e-4)
    assert measure_mouth_open(points * scale, pose) == pytest.approx(
        measure_mouth_open(points, pose), abs=1e-4
    )


def test_turned_away_an_eye_looks_narrower_but_not_more_open() -> None:
    points = np.zeros((478, 3))
    for (inner, outer), lids in EYES:
        points[outer, 0] = 100
        for upper, lower in lids:
            points[[upper, lower], 0] = 50
            points[lower, 1] = 20
        points[inner] = 0
    turned = points * (np.cos(np.radians(30)), 1, 1)
    ahead = measure_eyes_open(points, HeadPose(0, 0, 0))
    assert measure_eyes_open(turned, HeadPose(30, 0, 0)) == pytest.approx(ahead)
    assert measure_eyes_open(turned, HeadPose(-30, 0, 0)) == pytest.approx(ahead)
    assert measure_eyes_open(turned, HeadPose(0, 0, 0)) > ahead


def test_mirroring_changes_little(face: MeasuredFace, face_landmarker: FaceLandmarker) -> None:
    mirrored = measure_photo(np.ascontiguousarray(face.photo[:, ::-1]), face_landmarker).measurements
    assert mirrored.eyes_open == pytest.approx(face.measurements.eyes_open, abs=0.15)
    assert mirrored.mouth_open == pytest.approx(face.measurements.mouth_open, abs=0.1)
