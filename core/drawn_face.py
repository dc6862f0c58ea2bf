"""Find the face of a drawing and take it onto the template: by its eyes and mouth, or by its ink.

MediaPipe knows photos, yet it sees the face in nearly every pencil portrait and in most line drawings. Where
it sees none, or its model is not on this machine, the outline of the ink has to do.
"""

from __future__ import annotations

import logging

import cv2
import numpy as np
from numpy.typing import NDArray

from core.assets import find
from core.face_frame import FRAME, alignment_targets
from core.landmarks import FaceLandmarker
from core.scan_sheet import shrink

logger = logging.getLogger(__name__)

ByteImage = NDArray[np.uint8]
Points = NDArray[np.floating]
Matrix = NDArray[np.float64]

# Portraits of data sets are often squeezed into a square (1.25 to 1.74 among twenty of them). Beyond this the
# three points are no face that anybody drew.
MAX_STRETCH = 1.8
LOOK_SIDE = 512  # px, longer side of what the landmarker looks at
_SOFTER = (0.0, 2.0)  # blurs to try in turn: single hard lines are often seen only when they are soft


def find_drawn_face(picture: ByteImage) -> Points | None:
    """Mesh points of the largest face in a drawing, or None.

    Parameters
    ----------
    picture : (H, W, 3) uint8
        Dark lines on light paper.

    Returns
    -------
    points : (478, 2) float32 or None
        In pixels of ``picture``; None as well where the landmarker's model is not on this machine.
    """
    if min(picture.shape[:2]) < 16:
        return None
    view = shrink(picture, LOOK_SIDE)
    if max(view.shape[:2]) < LOOK_SIDE:
        scale = LOOK_SIDE / max(view.shape[:2])
        view = np.asarray(cv2.resize(view, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), np.uint8)
    model = find("face_landmarker.task")
    if model is None:
        logger.warning("face_landmarker.task is not here: drawings are placed by their ink. Run: make assets")
        return None
    with FaceLandmarker(model) as landmarker:  # 50 ms, and no thread ever finds another's
        for sigma in _SOFTER:
            softer = view if sigma == 0 else np.asarray(cv2.GaussianBlur(view, (0, 0), sigma), np.uint8)
            found = landmarker.detect(softer)
            if found is not None:
                scale_x, scale_y = picture.shape[1] / view.shape[1], picture.shape[0] / view.shape[0]
                return np.asarray(found.points[:, :2] * (scale_x, scale_y), np.float32)
    return None


def matrix_from_anchors(anchors: Points, size: int = FRAME) -> Matrix | None:
    """Fit the affine that takes eyes and mouth to the template, (2, 3), or None if they make no face.

    Exact as long as it stretches the drawing by at most `MAX_STRETCH`; beyond that the similarity that comes
    closest, which keeps the drawing's proportions.

    Parameters
    ----------
    anchors : (3, 2) float
        Image-left eye, image-right eye and mouth in pixels of the drawing.
    """
    source = np.asarray(anchors, np.float32)
    sides = source[1:] - source[0]
    if not np.isfinite(source).all():
        return None
    turn = float(np.linalg.det(sides.astype(np.float64)))
    if turn <= 1e-3 * float((sides**2).sum()):
        return None  # on one line, or mirrored
    target = alignment_targets(size)
    matrix = cv2.getAffineTransform(source, target).astype(np.float64)
    longer, shorter = np.linalg.svd(matrix[:, :2])[1]
    return matrix if longer <= MAX_STRETCH * shorter else _similarity(source, target)


def _similarity(source: Points, target: Points) -> Matrix:
    """Least squares over rotation, scale and shift (Umeyama 1991), in complex numbers."""
    here, there = (points[:, 0] + 1j * points[:, 1] for points in (source, target))
    middle_here, middle_there = here.mean(), there.mean()
    centred = here - middle_here
    turn = np.vdot(centred, there - middle_there) / np.vdot(centred, centred).real
    shift = middle_there - turn * middle_here
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def is_on_template(anchors: Points, size: int = FRAME, *, within_px: float = 20) -> bool:
    """Tell whether eyes and mouth already lie where the template has them; ``within_px`` at 512 px."""
    away = np.linalg.norm(np.asarray(anchors) - alignment_targets(size), axis=1)
    return bool(away.max() <= within_px * size / FRAME)
