"""Pose: its signs, and that it is the head's and not the photographer's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.images import read_photo
from core.landmarks import FaceLandmarker, FaceLandmarks
from curation.pose import HeadPose, View, head_pose, head_rotation, rotation_to_pose

PHOTOS = ("0001.jpg", "0042.jpg", "0137.jpg", "0420.jpg", "0810.jpg", "0019.jpg")


@pytest.fixture(scope="module")
def landmarker(landmarker_path: Path) -> Iterator[FaceLandmarker]:
    with FaceLandmarker(landmarker_path) as found:
        yield found


@pytest.fixture(scope="module", params=PHOTOS)
def photo(request: pytest.FixtureRequest, omi_dir: Path) -> np.ndarray:
    return read_photo(omi_dir / request.param)


def find(landmarker: FaceLandmarker, photo: np.ndarray) -> FaceLandmarks:
    found = landmarker.detect(np.ascontiguousarray(photo))
    assert found is not None
    return found


def pose_of(landmarker: FaceLandmarker, photo: np.ndarray) -> HeadPose:
    return head_pose(find(landmarker, photo).points)


def rotate(photo: np.ndarray, degrees: float) -> np.ndarray:
    """Counter-clockwise about the middle."""
    height, width = photo.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    return cv2.warpAffine(photo, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)


def test_on_the_whole_picture_it_is_mediapipes_own_rotation(
    landmarker: FaceLandmarker, photo: np.ndarray
) -> None:
    found = find(landmarker, photo)
    ours = head_rotation(found.points, View(0, 0, photo.shape[1], photo.shape[0]))
    np.testing.assert_allclose(ours, found.rotation, atol=1e-4)


@pytest.mark.parametrize("degrees", [10, -10])
def test_turning_the_photo_counter_clockwise_adds_to_roll(
    landmarker: FaceLandmarker, photo: np.ndarray, degrees: float
) -> None:
    before, after = pose_of(landmarker, photo), pose_of(landmarker, rotate(photo, degrees))
    assert after.roll - before.roll == pytest.approx(degrees, abs=1.5)
    assert after.yaw == pytest.approx(before.yaw, abs=2.5)


def test_a_mirrored_photo_flips_yaw_and_roll(landmarker: FaceLandmarker, photo: np.ndarray) -> None:
    before, after = pose_of(landmarker, photo), pose_of(landmarker, photo[:, ::-1])
    assert after.yaw == pytest.approx(-before.yaw, abs=2)
    assert after.roll == pytest.approx(-before.roll, abs=1.5)
    assert after.pitch == pytest.approx(before.pitch, abs=2)


@pytest.mark.parametrize(("left", "top"), [(0, 0), (700, 0), (0, 400), (700, 400)])
def test_a_face_in_a_corner_has_the_pose_it_has_in_the_middle(
    landmarker: FaceLandmarker, photo: np.ndarray, left: int, top: int
) -> None:
    wide = np.full((912, 1212, 3), 127, np.uint8)
    wide[top : top + 512, left : left + 512] = photo
    before, after = pose_of(landmarker, photo), pose_of(landmarker, wide)
    assert after.yaw == pytest.approx(before.yaw, abs=2)
    assert after.roll == pytest.approx(before.roll, abs=1.5)
    assert after.pitch == pytest.approx(before.pitch, abs=3)


def test_the_picture_around_a_face_does_not_matter(landmarker: FaceLandmarker, omi_dir: Path) -> None:
    points = find(landmarker, read_photo(omi_dir / PHOTOS[0])).points
    moved = head_pose(points + np.array([3000, 500, 0], np.float32))
    assert moved.yaw == pytest.approx(head_pose(points).yaw, abs=1e-2)
    scaled = head_pose(points * 7)
    assert scaled.yaw == pytest.approx(head_pose(points).yaw, abs=1e-2)


def test_a_nose_to_the_right_is_positive_yaw_and_a_nose_down_positive_pitch(
    landmarker: FaceLandmarker, omi_dir: Path
) -> None:
    rotations = [find(landmarker, read_photo(omi_dir / name)).rotation for name in PHOTOS]
    for rotation in rotations:
        nose = rotation @ (0, 0, 1)  # x right, y up
        pose = rotation_to_pose(rotation)
        assert np.sign(nose[0]) == np.sign(pose.yaw)
        assert np.sign(nose[1]) == -np.sign(pose.pitch)


@pytest.mark.parametrize("seed", range(10))
def test_angles_come_back_from_their_rotation(seed: int) -> None:
    yaw, pitch, roll = np.random.default_rng(seed).uniform(-80, 80, 3)
    pose = rotation_to_pose(about("z", roll) @ about("y", yaw) @ about("x", pitch))
    assert (pose.yaw, pose.pitch, pose.roll) == pytest.approx((yaw, pitch, roll))


def test_points_without_depth_are_refused() -> None:
    with pytest.raises(ValueError, match="expected mesh points"):
        head_pose(np.zeros((478, 2), np.float32))


def about(axis: str, degrees: float) -> np.ndarray:
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    return {
        "x": np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]]),
        "y": np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]]),
        "z": np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]]),
    }[axis]
