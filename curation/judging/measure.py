"""All readings of one aligned face; thresholds are the rules' affair (`curation.rules`)."""

from __future__ import annotations

import cv2
import numpy as np

from core import face_mesh
from curation.align import Alignment, move_points
from curation.judging.expression import measure_eyes_open, measure_mouth_open
from curation.judging.faces import FoundFace
from curation.judging.light import (
    measure_backlight,
    measure_brightness,
    measure_chroma,
    measure_colour_cast,
    measure_drawn,
    measure_dynamic_range,
    measure_shadow,
)
from curation.judging.regions import AlignedFace
from curation.judging.sharpness import measure_sharpness
from curation.library.records import Measurements

VERSION = 2
DIGITS = 4
FRAME_PX, FRAME_BLACK = 256, 24
FRAME_NOISE = 12  # grey levels within a row of a border that was stored as JPEG


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
        roll_aligned=_rounded((found.pose.roll + turn_of(alignment.matrix) + 180) % 360 - 180),
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
        frame=_rounded(measure_frame(photo)),
        chroma=_rounded(measure_chroma(face)),
        drawn=_rounded(measure_drawn(face)),
        hidden=0.0,
    )


def measure_frame(photo: np.ndarray) -> float:
    """Part of a picture that is a border: of any colour all around, or black at two opposite sides.

    A plain wall reaches the top and both sides of a portrait, never all of the bottom.
    """
    factor = min(FRAME_PX / max(photo.shape[:2]), 1.0)
    size = [max(round(side * factor), 1) for side in photo.shape[1::-1]]
    grey = cv2.cvtColor(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    rows = np.flatnonzero(np.ptp(grey, axis=1) > FRAME_NOISE)
    if not rows.size:
        return 1.0
    inner = grey[rows[0] : rows[-1] + 1]
    columns = np.flatnonzero(np.ptp(inner, axis=0) > FRAME_NOISE)
    top, bottom = rows[0], grey.shape[0] - 1 - rows[-1]
    left, right = columns[0], grey.shape[1] - 1 - columns[-1]
    is_around = min(top, bottom, left, right) > 0
    has_bars = min(top, bottom) > 0 and max(grey[0].max(), grey[-1].max()) < FRAME_BLACK
    has_pillars = min(left, right) > 0 and max(inner[:, 0].max(), inner[:, -1].max()) < FRAME_BLACK
    down = len(inner) / grey.shape[0] if is_around or has_bars else 1.0
    across = (columns[-1] + 1 - columns[0]) / grey.shape[1] if is_around or has_pillars else 1.0
    return float(1.0 - down * across)


def turn_of(matrix: np.ndarray) -> float:
    """Degrees, counter-clockwise in the picture, that an affine (2, 3) turns by, beside its stretch."""
    left, _, right = np.linalg.svd(matrix[:, :2])
    rotation = left @ right
    return float(np.degrees(np.arctan2(-rotation[1, 0], rotation[0, 0])))


def _rounded(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else round(float(value), DIGITS)
