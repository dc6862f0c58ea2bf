"""Sketches: dark where the photo has a line, at every size, the same every time."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from core import face_mesh, sketches
from core.images import read_photo
from core.landmarks import FaceLandmarker


@pytest.fixture(scope="module")
def points() -> np.ndarray:
    """478 points on a disc in a 256 px picture; no face, but strokes can be drawn along them."""
    random = np.random.default_rng(3)
    radius, angle = 90 * np.sqrt(random.random(face_mesh.POINTS)), random.random(face_mesh.POINTS) * 6.283
    return np.stack([128 + radius * np.cos(angle), 128 + radius * np.sin(angle)], axis=1).astype(np.float32)


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """A blurred picture with edges of every strength."""
    noise = np.random.default_rng(5).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    smooth = cv2.GaussianBlur(noise, (0, 0), 6).astype(np.float32)
    return cv2.normalize(smooth, None, 20, 235, cv2.NORM_MINMAX).astype(np.uint8)


@pytest.mark.parametrize("level", [10, 40, 255])
def test_a_plain_photo_has_no_line(level: int) -> None:
    plain = np.full((128, 128, 3), level, np.uint8)
    assert sketches.line_map(plain).min() >= 254
    assert (sketches.sketch_from_photo(plain, np.full((478, 2), -500.0)) == 255).all()


def test_a_dark_stroke_becomes_a_line_in_its_place() -> None:
    photo = np.full((256, 256, 3), 200, np.uint8)
    photo[:, 126:130] = 60
    sketch = sketches.soft_threshold(sketches.line_map(photo))
    assert (sketch[:, 127:129] == 0).all()
    assert (sketch[:, :110] == 255).all()
    assert (sketch[:, 146:] == 255).all()


def test_lines_hardly_depend_on_exposure(photo: np.ndarray) -> None:
    dark = (photo * 0.8).astype(np.uint8)
    difference = np.abs(sketches.line_map(photo).astype(int) - sketches.line_map(dark))
    assert difference.mean() < 4


def test_a_mirrored_photo_gives_the_mirrored_lines(photo: np.ndarray) -> None:
    mirrored = sketches.line_map(np.ascontiguousarray(photo[:, ::-1]))[:, ::-1]
    assert np.abs(sketches.line_map(photo).astype(int) - mirrored).max() <= 1


@pytest.mark.parametrize("size", [128, 256, 512])
def test_a_sketch_has_the_size_of_its_photo(photo: np.ndarray, points: np.ndarray, size: int) -> None:
    resized = cv2.resize(photo, (size, size), interpolation=cv2.INTER_AREA)
    sketch = sketches.sketch_from_photo(resized, points * size / 256)
    assert (sketch.shape, sketch.dtype) == ((size, size), np.uint8)


def test_a_sketch_has_the_lines_of_photo_and_mesh(photo: np.ndarray, points: np.ndarray) -> None:
    sketch = sketches.sketch_from_photo(photo, points)
    edges = sketches.soft_threshold(sketches.line_map(photo))
    strokes = sketches.mesh_strokes(points, 256)
    assert (sketch <= edges).all()
    assert (sketch[strokes == 0] == 0).all()


def test_a_higher_threshold_never_removes_a_line(photo: np.ndarray) -> None:
    lines = sketches.line_map(photo)
    few, many = sketches.soft_threshold(lines, 0.5, 0.8), sketches.soft_threshold(lines, 0.7, 0.95)
    assert (many <= few).all()
    assert (many < few).any()


@pytest.mark.parametrize(("low", "high"), [(0.9, 0.7), (0.5, 0.5), (-0.1, 0.5), (0.5, 1.1)])
def test_thresholds_out_of_order_are_refused(low: float, high: float) -> None:
    with pytest.raises(ValueError, match="low < high"):
        sketches.soft_threshold(np.zeros((4, 4), np.uint8), low, high)


def test_strokes_without_a_generator_are_the_same_every_time(points: np.ndarray) -> None:
    np.testing.assert_array_equal(sketches.mesh_strokes(points, 256), sketches.mesh_strokes(points, 256))


def test_strokes_with_a_generator_vary_and_can_be_repeated(points: np.ndarray) -> None:
    first, again, other = (
        sketches.mesh_strokes(points, 256, rng=np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_strokes_grow_with_their_width(points: np.ndarray) -> None:
    inks = [(sketches.mesh_strokes(points, 256, width=width) < 128).sum() for width in (1, 3, 6)]
    assert inks == sorted(set(inks))


def test_strokes_outside_the_picture_leave_it_white(points: np.ndarray) -> None:
    assert (sketches.mesh_strokes(points + 4000, 256) == 255).all()


def test_the_pixels_of_the_shipped_sketches_have_not_changed(points: np.ndarray) -> None:
    # The networks were trained on these strokes: a change needs a new SKETCH_VERSION and new weights.
    strokes = sketches.mesh_strokes(points, 256)
    assert sketches.SKETCH_VERSION == 2
    assert (int((strokes < 128).sum()), int(strokes.sum(dtype=np.int64))) == (16791, 12453085)


def test_strokes_lie_on_the_photo_and_not_beside_it(landmarker_path: Path, omi_dir: Path) -> None:
    """Drawn where the landmarker says, strokes lay 1 px to the right: then photo and mirror image disagree by 2."""
    sums = []
    with FaceLandmarker(landmarker_path) as landmarker:
        for number in range(1, 33):
            photo = read_photo(omi_dir / f"{number:04d}.jpg")
            faces = [landmarker.detect(each) for each in (photo, np.ascontiguousarray(photo[:, ::-1]))]
            if None not in faces:
                sums.append(sum(_middle_of_ink(sketches.mesh_strokes(face.points, 512)) for face in faces))
    assert len(sums) > 24
    assert np.mean(sums) == pytest.approx(511, abs=0.8)


def _middle_of_ink(sketch: np.ndarray) -> float:
    ink = (255 - sketch.astype(float)).sum(0)
    return float(ink @ np.arange(len(ink)) / ink.sum())


def test_the_face_interior_is_inside_its_oval() -> None:
    angles = np.linspace(0, 2 * np.pi, len(face_mesh.FACE_OVAL), endpoint=False)
    points = np.zeros((478, 2), np.float32)
    points[list(face_mesh.FACE_OVAL)] = np.stack([64 + 40 * np.sin(angles), 64 - 50 * np.cos(angles)], axis=1)
    mask = sketches.face_interior(points, 128)
    assert mask[64, 64] == 255
    assert mask[0, 0] == mask[2, 64] == mask[64, 15] == 0
    assert (mask > 127).mean() == pytest.approx(np.pi * 40 * 50 / 128**2, rel=0.03)


@pytest.mark.parametrize("wrong", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3), np.float32)])
def test_another_kind_of_array_is_no_photo(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected a photo"):
        sketches.line_map(wrong)
