"""Fill hair that is only outlined with the grey that stage 1 sees there, for generators that take it for skin.

Unpaired generators learn from sketches of photos, whose hair is many fine strokes, and nothing tells them what lies
within an outline. Stage 1 was trained on outlines and draws grey in them.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from core.face_frame import face_mask

Plane = NDArray[np.float32]
INK = 0.3  # from here a pixel is a line, 1 being black
# Shares of the refined hair's ink that is drawn: at the one nothing is added, at the other all of it.
HATCHED, OUTLINED = 0.6, 0.4


def fill_outlined_hair(sketch: Plane, drawing: Plane, refined: Plane) -> Plane:
    """Darken a sketch around the face, within the figure, to what stage 1 has there; hatched hair stays as it is.

    Parameters
    ----------
    sketch, drawing, refined : (S, S) float32 in [-1, 1]
        Black lines on white: what is to be filled, the drawing itself, and all of it refined.

    Returns
    -------
    (S, S) float32 in [-1, 1], nowhere lighter than ``sketch``
    """
    around = 1 - face_mask(len(drawing))
    tone = figure_mask(drawing) * (1 - refined)  # in [0, 2]
    missing = np.maximum(drawing - 1 + _lack(drawing, tone * around) * tone, 0)
    return np.asarray(sketch - around * missing, np.float32)


def figure_mask(drawing: Plane) -> Plane:
    """Soft mask of the figure in a drawing: of what lies between the outermost lines of each row.

    Unlike a filled outline it needs none that is closed: hair is open where it meets shoulders or the border. Gaps of a
    twentieth of the side in a line are passed over.

    Parameters
    ----------
    drawing : (S, S) float32 in [-1, 1]

    Returns
    -------
    (S, S) float32 in [0, 1]
    """
    size = len(drawing)
    lines = (drawing < 1 - 2 * INK).astype(np.uint8)
    lines = cv2.dilate(lines, np.ones((max(1, size // 20), 1), np.uint8))
    from_left = np.maximum.accumulate(lines, axis=1)
    from_right = np.maximum.accumulate(lines[:, ::-1], axis=1)[:, ::-1]
    return np.asarray(cv2.GaussianBlur((from_left & from_right).astype(np.float32), (0, 0), size / 128))


def _lack(drawing: Plane, tone: Plane) -> float:
    """How much of the tone is missing: 0 where hair is hatched already, 1 where it is only outlined."""
    wanted = float(tone.sum())
    if wanted == 0:
        return 0.0
    drawn = float(((1 - drawing) * (tone > 0.2)).sum())
    return float(np.clip((HATCHED - drawn / wanted) / (HATCHED - OUTLINED), 0, 1))
