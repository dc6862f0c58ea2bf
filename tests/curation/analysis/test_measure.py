"""All readings together: complete, repeatable, of the aligned face."""

from __future__ import annotations

import dataclasses
import math

import cv2
import numpy as np
import pytest

from core.landmarks import FaceLandmarker
from curation.align import find_alignment, move_points, warp_photo
from curation.analysis.measure import AlignedFace, measure_face, measure_frame, turn_of
from curation.pose import head_pose
from tests.curation.analysis.measured_face import MeasuredFace, measure_photo

NOT_OURS = {"covered", "head_covered"}


def test_everything_but_the_covering_is_read(face: MeasuredFace) -> None:
    measured = dataclasses.asdict(face.measurements)
    assert {name for name, value in measured.items() if value is None} == NOT_OURS
    assert all(math.isfinite(value) for name, value in measured.items() if name not in NOT_OURS)
    assert (measured["width"], measured["height"], measured["faces"]) == (512, 512, 1)


def test_the_same_photo_gives_the_same_readings(face: MeasuredFace) -> None:
    assert face.measurements == face.with_photo(face.photo.copy())


def test_a_photo_twice_as_large_has_twice_the_eye_distance_and_else_the_same(
    face: MeasuredFace, face_landmarker: FaceLandmarker
) -> None:
    large = measure_photo(
        cv2.resize(face.photo, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), face_landmarker
    )
    before, after = face.measurements, large.measurements
    assert after.eye_distance_px == pytest.approx(2 * before.eye_distance_px, rel=0.02)
    for name in ("yaw", "pitch", "roll", "roll_aligned"):
        assert getattr(after, name) == pytest.approx(getattr(before, name), abs=1.5)
    for name in ("brightness", "dynamic_range", "shadow", "backlight", "eyes_open", "mouth_open"):
        assert getattr(after, name) == pytest.approx(getattr(before, name), abs=0.08)


@pytest.mark.parametrize("degrees", [-25, 0, 10, 40])
def test_the_turn_of_an_affine_is_read_back(degrees: float) -> None:
    rotation = cv2.getRotationMatrix2D((100, 50), degrees, 1.7)
    assert turn_of(rotation) == pytest.approx(degrees)
    stretched = np.diag([1.2, 1.0]) @ rotation[:, :2] if degrees == 0 else rotation[:, :2]
    assert turn_of(np.c_[stretched, [5, 6]]) == pytest.approx(degrees)


def test_a_photo_upside_down_reads_like_the_upright_one(
    face: MeasuredFace, face_landmarker: FaceLandmarker
) -> None:
    before = dataclasses.asdict(face.measurements)
    after = dataclasses.asdict(
        measure_photo(np.ascontiguousarray(face.photo[::-1, ::-1]), face_landmarker).measurements
    )
    for name in ("yaw", "pitch", "roll_aligned"):
        assert after[name] == pytest.approx(before[name], abs=1)
    for name in ("sharpness", "brightness", "shadow", "backlight", "eyes_open"):
        assert after[name] == pytest.approx(before[name], abs=0.05)


def test_alignment_takes_roll_away(face: MeasuredFace, face_landmarker: FaceLandmarker) -> None:
    matrix = cv2.getRotationMatrix2D((255.5, 255.5), 20, 1)
    turned = measure_photo(
        cv2.warpAffine(face.photo, matrix, (512, 512), borderMode=cv2.BORDER_REPLICATE), face_landmarker
    )
    measured = turned.measurements
    assert measured.roll == pytest.approx(face.measurements.roll + 20, abs=1.5)
    assert measured.roll_aligned == pytest.approx(face.measurements.roll_aligned, abs=1.5)


def test_roll_after_alignment_is_that_of_the_aligned_mesh(face: MeasuredFace) -> None:
    aligned = head_pose(move_points(face.found.points, face.alignment.matrix))
    assert face.measurements.roll_aligned == pytest.approx(aligned.roll, abs=1)


def test_a_face_with_flat_points_can_be_measured_too(face: MeasuredFace) -> None:
    flat = dataclasses.replace(face.found, points=face.found.points * (1, 1, 0))
    alignment = find_alignment(flat.points, (512, 512))
    measured = measure_face(face.photo, flat, warp_photo(face.photo, alignment.matrix), alignment)
    assert measured == face.measurements


def test_only_an_aligned_photo_is_measured(face: MeasuredFace) -> None:
    with pytest.raises(ValueError, match="expected an aligned photo"):
        AlignedFace.of(face.aligned[:256], face.found.points)


@pytest.mark.parametrize(
    ("border", "colour", "expected"),
    [
        ((0, 0, 0, 0), 0, 0.0),
        ((60, 60, 60, 60), 0, 1 - 240**2 / 360**2),
        ((60, 60, 60, 60), 255, 1 - 240**2 / 360**2),
        ((60, 60, 0, 0), 0, 1 / 3),
        ((0, 0, 60, 60), 0, 1 / 3),
        ((60, 0, 60, 60), 255, 0.0),
    ],
)
def test_a_border_is_told_from_a_wall(
    border: tuple[int, int, int, int], colour: int, expected: float
) -> None:
    picture = np.random.default_rng(0).integers(40, 200, (240, 240, 3), dtype=np.uint8)
    framed = cv2.copyMakeBorder(picture, *border, cv2.BORDER_CONSTANT, value=(colour,) * 3)
    assert measure_frame(framed) == pytest.approx(expected, abs=0.02)
