"""Faces are found however small and wherever they are, and their pose is the head's own."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from core import face_mesh
from core.images import read_photo
from core.landmarks import FaceLandmarker, FaceLandmarks
from curation.align import find_alignment, warp_photo
from curation.analysis import faces
from curation.analysis.faces import FoundFace, find_face

PHOTOS = ("0042.jpg", "0137.jpg", "0810.jpg")


@pytest.fixture(scope="module", params=PHOTOS)
def portrait(request: pytest.FixtureRequest, omi_dir: Path) -> np.ndarray:
    return read_photo(omi_dir / request.param)


def find(photo: np.ndarray, landmarker: FaceLandmarker) -> FoundFace:
    found = find_face(photo, landmarker)
    assert found is not None
    return found


def paste(photo: np.ndarray, canvas: np.ndarray, left: int, top: int, side: int) -> np.ndarray:
    canvas = canvas.copy()
    canvas[top : top + side, left : left + side] = cv2.resize(
        photo, (side, side), interpolation=cv2.INTER_AREA
    )
    return canvas


def noise(side: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)


class Blind:
    """A landmarker that sees nothing and counts how often it is asked."""

    def __init__(self) -> None:
        self.sizes: list[tuple[int, ...]] = []

    def detect(self, photo: np.ndarray) -> FaceLandmarks | None:
        assert photo.flags.c_contiguous
        self.sizes.append(photo.shape)
        return None

    def confidence(self, photo: np.ndarray) -> float:
        assert max(photo.shape) <= 2 * faces.CONFIDENCE_PX
        return 0.0


def test_an_ordinary_portrait_is_looked_at_once(
    portrait: np.ndarray, face_landmarker: FaceLandmarker
) -> None:
    found = find(portrait, face_landmarker)
    assert (found.faces, found.looks) == (1, 1)


@pytest.mark.parametrize("angle", ["yaw", "roll"])
def test_a_mirrored_photo_flips_yaw_and_roll(
    portrait: np.ndarray, face_landmarker: FaceLandmarker, angle: str
) -> None:
    before, after = find(portrait, face_landmarker), find(portrait[:, ::-1], face_landmarker)
    assert getattr(after.pose, angle) == pytest.approx(-getattr(before.pose, angle), abs=1)


@pytest.mark.parametrize("quarter_turns", [1, 2, 3])
def test_a_face_on_its_side_or_head_is_aligned_as_the_upright_one(
    portrait: np.ndarray, face_landmarker: FaceLandmarker, quarter_turns: int
) -> None:
    turned = np.ascontiguousarray(np.rot90(portrait, quarter_turns))
    before, after = find(portrait, face_landmarker), find(turned, face_landmarker)
    upright = warp_photo(portrait, find_alignment(before.points, (512, 512)).matrix)
    again = warp_photo(turned, find_alignment(after.points, (512, 512)).matrix)
    assert np.abs(upright.astype(int) - again).mean() < 1
    assert after.pose.pitch == pytest.approx(before.pose.pitch, abs=1)
    turn = (after.pose.roll - before.pose.roll - 90 * quarter_turns + 180) % 360 - 180
    assert turn == pytest.approx(0, abs=1)


def test_turning_the_photo_by_ten_degrees_adds_ten_to_roll(
    portrait: np.ndarray, face_landmarker: FaceLandmarker
) -> None:
    matrix = cv2.getRotationMatrix2D((255.5, 255.5), 10, 1)
    turned = cv2.warpAffine(portrait, matrix, (512, 512), borderMode=cv2.BORDER_REPLICATE)
    before, after = find(portrait, face_landmarker), find(turned, face_landmarker)
    assert after.pose.roll - before.pose.roll == pytest.approx(10, abs=1)
    assert after.pose.yaw == pytest.approx(before.pose.yaw, abs=1.5)


@pytest.mark.parametrize(("left", "top"), [(0, 0), (512, 256), (256, 512)])
def test_a_face_anywhere_in_a_wider_canvas_has_the_pose_it_has_alone(
    portrait: np.ndarray, face_landmarker: FaceLandmarker, left: int, top: int
) -> None:
    wide = paste(portrait, np.full((1024, 1024, 3), 127, np.uint8), left, top, 512)
    before, after = find(portrait, face_landmarker), find(wide, face_landmarker)
    for angle in ("yaw", "pitch", "roll"):
        assert getattr(after.pose, angle) == pytest.approx(getattr(before.pose, angle), abs=4)
    assert after.looks == 2


@pytest.mark.parametrize(("left", "top"), [(0, 0), (1843, 1843), (700, 1200)])
def test_a_portrait_on_a_tenth_of_the_canvas_is_found_where_it_is(
    portrait: np.ndarray, face_landmarker: FaceLandmarker, left: int, top: int
) -> None:
    canvas = paste(portrait, noise(2048), left, top, 205)
    found = find(canvas, face_landmarker)
    expected = find(portrait, face_landmarker).points[:, :2] * (205 / 512) + (left, top)
    distance = np.linalg.norm(found.points[:, :2] - expected, axis=1)
    assert np.median(distance) < 0.05 * face_mesh.eye_distance(expected)
    assert found.faces == 1


def test_three_small_faces_are_counted_and_the_largest_is_returned(
    omi_dir: Path, face_landmarker: FaceLandmarker
) -> None:
    canvas = np.full((1200, 2000, 3), 90, np.uint8)
    for name, left, top, side in (("0042", 100, 100, 180), ("0137", 900, 700, 240), ("0810", 1700, 300, 190)):
        canvas = paste(read_photo(omi_dir / f"{name}.jpg"), canvas, left, top, side)
    found = find(canvas, face_landmarker)
    assert found.faces == 3
    assert np.all(np.abs(found.points[:, :2].mean(axis=0) - (1020, 840)) < 40)


def test_no_face_is_imagined_in_noise(face_landmarker: FaceLandmarker) -> None:
    assert find_face(noise(640), face_landmarker) is None


@pytest.mark.parametrize("shape", [(64, 64), (300, 200), (900, 1400), (2048, 2048), (300, 6000), (3, 900)])
def test_the_search_is_bounded(shape: tuple[int, int]) -> None:
    blind = Blind()
    assert find_face(np.zeros((*shape, 3), np.uint8), blind) is None  # type: ignore[arg-type]
    assert len(blind.sizes) <= 1 + 9 + 25
    assert max(max(size) for size in blind.sizes) < 2 * faces.SEEN_PX


@pytest.mark.parametrize("length", [10, 100, 101, 256, 641, 1000])
@pytest.mark.parametrize("level", faces.LEVELS)
def test_tiles_cover_a_side_and_overlap_enough(length: int, level: faces.Level) -> None:
    side, step = level.tile * 1000, level.step * 1000
    starts = faces._starts(length, side, step)
    assert starts[0] == 0
    assert starts[-1] + side >= length - 1
    assert all(after - before <= step + 1 for before, after in zip(starts, starts[1:], strict=False))


@pytest.mark.parametrize("left", [0, 1300, 2680])
def test_a_face_in_a_strip_of_film_is_found(
    portrait: np.ndarray, face_landmarker: FaceLandmarker, left: int
) -> None:
    strip = paste(portrait, np.full((240, 2880, 3), 90, np.uint8), left, 20, 200)
    found = find(strip, face_landmarker)
    expected = find(portrait, face_landmarker).points[:, :2] * (200 / 512) + (left, 20)
    assert np.median(np.linalg.norm(found.points[:, :2] - expected, axis=1)) < 5


def test_a_head_whose_features_are_hidden_is_seen_by_the_detector(
    portrait: np.ndarray, face_landmarker: FaceLandmarker
) -> None:
    assert faces.hidden_face(portrait, face_landmarker) > 0.8
    assert faces.hidden_face(noise(640), face_landmarker) < 0.5
