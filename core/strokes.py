"""Draw strokes, which a mouse or a finger left in the pixels of the face frame, as a picture.

Here because Draw's replay and the command that makes the demo drawings must draw alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.face_frame import FRAME

_SUPERSAMPLING = 8
_SHIFT = 4  # OpenCV takes coordinates in units of 2 ** -_SHIFT pixels


@dataclass(frozen=True, eq=False)
class Stroke:
    """One line from pen-down to pen-up."""

    width: float  # pen width in pixels at 512, above 0
    # (N, 2) float32: x and y in pixels at 512, N >= 1; a single point is a dot. (0, 0) is the centre of the top left
    # pixel; points may lie outside the frame.
    points: NDArray[np.float32]


def render_strokes(strokes: Iterable[Stroke], size: int = FRAME) -> NDArray[np.uint8]:
    """Draw strokes with a round pen, black on white, antialiased.

    Parameters
    ----------
    strokes
        In the pixels of the 512 frame; positions and widths scale with ``size``.
    size
        Side of the picture, at least 1.

    Returns
    -------
    sketch : (size, size) uint8
        0 ink, 255 paper.
    """
    if size < 1:
        raise ValueError(f"size must be at least 1, got {size}.")
    canvas = blank_canvas(size)
    for stroke in strokes:
        draw_stroke(canvas, stroke)
    return picture_of(canvas)


def blank_canvas(size: int = FRAME) -> NDArray[np.uint8]:
    """Give paper to draw on with `draw_stroke` and to look at with `picture_of`, larger than its picture."""
    return np.full((size * _SUPERSAMPLING,) * 2, 255, np.uint8)


def draw_stroke(canvas: NDArray[np.uint8], stroke: Stroke, ink: int = 0) -> None:
    """Draw a stroke on a `blank_canvas`, in place; ``ink`` 255 erases."""
    scale = canvas.shape[0] / FRAME
    # Pixel centres lie at whole numbers, in the frame as on the larger canvas.
    points = (np.asarray(stroke.points, np.float64) + 0.5) * scale - 0.5
    fixed = np.clip(np.round(points * 2**_SHIFT), -(2**24), 2**24).astype(np.int32)
    if len(fixed) == 1:
        radius = max(round(stroke.width * scale / 2 * 2**_SHIFT), 1)
        centre = (int(fixed[0, 0]), int(fixed[0, 1]))
        cv2.circle(canvas, centre, radius, ink, -1, cv2.LINE_AA, _SHIFT)
    else:
        line = fixed.reshape(-1, 1, 2)
        cv2.polylines(canvas, [line], False, ink, _thickness(stroke.width * scale), cv2.LINE_AA, _SHIFT)


def picture_of(canvas: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Give the picture of what was drawn on a `blank_canvas`, (size, size) uint8."""
    size = canvas.shape[0] // _SUPERSAMPLING
    small = cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(small, dtype=np.uint8)


def _thickness(width: float) -> int:
    """OpenCV's thickness for a line of that width: its antialiased lines are 1.4 wider, and even ones only."""
    return 2 * round((width - 1.4) / 2) if width >= 2.4 else 1
