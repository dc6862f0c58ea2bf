"""All readings of one aligned face; thresholds are the rules' affair (`curation.rules`)."""

from __future__ import annotations

import numpy as np

from core import face_mesh
from curation.align import Alignment, move_points
from curation.judging.expression import measure_eyes_open, measure_mouth_open
from curation.judging.faces import FoundFace
from curation.judging.light import (
    measure_backlight,
    measure_brightness,
    measure_colour_cast,
    measure_dynamic_range,
    measure_shadow,
)
from curation.judging.regions import AlignedFace
from curation.judging.sharpness import measure_sharpness
from curation.library.records import Measurements

VERSION = 1
DIGITS = 4


def measure_face(
    photo: np.ndarray, found: FoundFace, aligned: np.ndarray, alignment: Alignment
) -> Measurements:
    """Everything but what covers face and head, which take a network (`curation.judging.coverage`).

    Parameters
    ----------
    photo : (H, W, 3) uint8
        The upright source.
    found
        Its largest face.
    aligned : (512, 512, 3) uint8
        The photo through ``alignment``.
    """
    face = AlignedFace.of(aligned, move_points(found.points, alignment.matrix))
    return Measurements(
        faces=found.faces,
        eye_distance_px=_rounded(face_mesh.eye_distance(found.points)),
        yaw=_rounded(found.pose.yaw),
        pitch=_rounded(found.pose.pitch),
        roll=_rounded(found.pose.roll),
        roll_aligned=_rounded(found.pose.roll + turn_of(alignment.matrix)),
        sharpness=_rounded(measure_sharpness(face)),
        brightness=_rounded(measure_brightness(face)),
        dynamic_range=_rounded(measure_dynamic_range(face)),
        shadow=_rounded(measure_shadow(face)),
        backlight=_rounded(measure_backlight(face)),
        colour_cast=_rounded(measure_colour_cast(face)),
        eyes_open=_rounded(measure_eyes_open(found.points, found.pose)),
        mouth_open=_rounded(measure_mouth_open(found.points, found.pose)),
        padding=_rounded(alignment.padding),
        stretch=_rounded(alignment.stretch),
        width=int(photo.shape[1]),
        height=int(photo.shape[0]),
    )


def turn_of(matrix: np.ndarray) -> float:
    """Degrees, counter-clockwise in the picture, that an affine (2, 3) turns by, beside its stretch."""
    left, _, right = np.linalg.svd(matrix[:, :2])
    rotation = left @ right
    return float(np.degrees(np.arctan2(-rotation[1, 0], rotation[0, 0])))


def _rounded(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else round(float(value), DIGITS)
