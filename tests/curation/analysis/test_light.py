"""Light: planted faults are seen, on dark and on light skin alike; ordinary photos are left in peace."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from core.landmarks import FaceLandmarker
from curation.align import move_points, warp_photo
from curation.analysis import measure
from curation.analysis.measure import AlignedFace
from curation.library.records import Measurements
from tests.curation.analysis.measured_face import MeasuredFace, measure_photo

READINGS = ("brightness", "dynamic_range", "shadow", "backlight", "colour_cast")


def darken_half(face: MeasuredFace, side: str) -> np.ndarray:
    middle = round(float(face.found.points[[10, 152], 0].mean()))
    photo = face.photo.copy()
    half = slice(0, middle) if side == "left" else slice(middle, None)
    photo[:, half] = (photo[:, half] * 0.35).astype(np.uint8)
    return photo


def head_mask(face: MeasuredFace) -> np.ndarray:
    outline = face.found.points[:468, :2]
    centre = outline.mean(axis=0)
    head = cv2.convexHull(((outline - centre) * 1.3 + centre - (0, 15)).astype(np.int32))
    return cv2.fillConvexPoly(np.zeros(face.photo.shape[:2], np.uint8), head, 1)[..., None]


def light_from_behind(face: MeasuredFace) -> np.ndarray:
    return np.where(head_mask(face), face.photo * 0.4, 240).astype(np.uint8)


def tint(photo: np.ndarray, gains: tuple[float, float, float]) -> np.ndarray:
    return np.clip(255 * ((photo / 255) ** 2.2 * gains) ** (1 / 2.2), 0, 255).astype(np.uint8)


def read(measurements: Measurements, name: str) -> float:
    value = getattr(measurements, name)
    assert isinstance(value, float)
    return value


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_half_in_shadow_is_seen(face: MeasuredFace, side: str) -> None:
    before, after = face.measurements, face.with_photo(darken_half(face, side))
    assert read(before, "shadow") < 0.38 < read(after, "shadow")


def test_darkening_all_of_a_face_is_no_shadow(face: MeasuredFace) -> None:
    after = face.with_photo((face.photo * 0.6).astype(np.uint8))
    assert read(after, "shadow") == pytest.approx(read(face.measurements, "shadow"), abs=0.05)


def test_light_from_behind_is_seen(face: MeasuredFace) -> None:
    after = face.with_photo(light_from_behind(face))
    assert read(face.measurements, "backlight") < 0.2 < 0.4 < read(after, "backlight")


def test_a_white_wall_behind_a_well_lit_dark_face_is_no_light_from_behind(dark_face: MeasuredFace) -> None:
    person = head_mask(dark_face)
    studio = np.where(person, dark_face.photo, 250).astype(np.uint8)
    assert read(dark_face.with_photo(studio), "backlight") < 0.4


def test_the_same_wall_and_light_read_alike_behind_darker_skin(light_face: MeasuredFace) -> None:
    """Skin twice as dark, eyes and highlights as they are: what a lamp in front shows of anybody."""
    person = head_mask(light_face)
    studio = np.where(person, light_face.photo, 245).astype(np.uint8)
    aligned = AlignedFace.of(
        warp_photo(studio, light_face.alignment.matrix),
        move_points(light_face.found.points, light_face.alignment.matrix),
    )
    bright = np.percentile(aligned.luma[aligned.face], 99)
    skin = aligned.skin & (aligned.luma < bright)
    darker = AlignedFace(np.where(skin[..., None], aligned.pixels // 2, aligned.pixels), aligned.points)
    before, after = measure.measure_backlight(aligned), measure.measure_backlight(darker)
    assert before is not None
    assert after is not None
    assert after - before < 0.1
    assert after < 0.4


@pytest.mark.parametrize("tint_of", [(1.0, 1.0, 1.0), (1.0, 0.85, 0.6)])
def test_a_picture_of_one_tint_has_no_colours_and_no_colour_cast(
    face: MeasuredFace, tint_of: tuple[float, float, float]
) -> None:
    grey = face.photo.mean(axis=2, keepdims=True)
    measured = face.with_photo((grey * tint_of).astype(np.uint8))
    assert read(measured, "chroma") < measure.GREYSCALE < 3 < read(face.measurements, "chroma")
    assert measured.colour_cast is None


def test_flat_colour_looks_drawn_and_a_photo_does_not(face: MeasuredFace) -> None:
    flat = cv2.medianBlur(face.photo, 25) // 64 * 64 + 32
    assert read(face.measurements, "drawn") < 0.2 < 0.55 < read(face.with_photo(flat), "drawn")


@pytest.mark.parametrize("gains", [(1.3, 1, 0.5), (0.6, 1, 1.4), (0.7, 1.3, 0.7), (1.3, 0.7, 1.3)])
def test_coloured_light_is_seen(face: MeasuredFace, gains: tuple[float, float, float]) -> None:
    assert (
        read(face.measurements, "colour_cast")
        < 3
        < read(face.with_photo(tint(face.photo, gains)), "colour_cast")
    )


def test_dark_and_light_skin_are_treated_alike(dark_face: MeasuredFace, light_face: MeasuredFace) -> None:
    for measured in (dark_face.measurements, light_face.measurements):
        assert read(measured, "brightness") > 0.2
        assert read(measured, "dynamic_range") > 0.3
        assert read(measured, "shadow") < 0.38
        assert read(measured, "backlight") < 0.3
        assert read(measured, "colour_cast") < 3


@pytest.mark.parametrize("name", READINGS)
def test_mirroring_changes_no_light(face: MeasuredFace, face_landmarker: FaceLandmarker, name: str) -> None:
    mirrored = measure_photo(np.ascontiguousarray(face.photo[:, ::-1]), face_landmarker).measurements
    assert read(mirrored, name) == pytest.approx(read(face.measurements, name), abs=0.05, rel=0.15)


def test_a_brighter_photo_reads_brighter_and_a_flat_one_flatter(face: MeasuredFace) -> None:
    before = face.measurements
    assert read(face.with_photo((face.photo * 0.5).astype(np.uint8)), "brightness") == pytest.approx(
        read(before, "brightness") / 2, abs=0.01
    )
    flat = (face.photo * 0.4 + 80).astype(np.uint8)
    assert read(face.with_photo(flat), "dynamic_range") == pytest.approx(
        read(before, "dynamic_range") * 0.4, abs=0.02
    )


def test_a_grey_picture_gives_readings_without_an_error(face: MeasuredFace) -> None:
    measured = face.with_photo(np.full_like(face.photo, 128))
    assert read(measured, "brightness") == pytest.approx(128 / 255, abs=0.01)
    assert [getattr(measured, name) for name in ("sharpness", "dynamic_range", "shadow", "backlight")] == [
        0
    ] * 4


def test_a_mesh_outside_the_frame_gives_no_readings(face: MeasuredFace) -> None:
    outside = AlignedFace.of(face.aligned, face.found.points + 5000)
    assert measure.measure_brightness(outside) is None
    assert measure.measure_dynamic_range(outside) is None
    assert measure.measure_shadow(outside) is None
    assert measure.measure_backlight(outside) is None
    assert measure.measure_colour_cast(outside) is None
