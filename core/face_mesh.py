"""Which of MediaPipe's 478 mesh points make an eye, a lip, a brow.

"left" and "right" are those of the *picture* here, not the subject's as in MediaPipe.
"""

from __future__ import annotations

import numpy as np

POINTS = 478
FACE_POINTS = 468  # without the ten iris points

FACE_OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
EYE_LEFT_UPPER = (33, 246, 161, 160, 159, 158, 157, 173, 133)
EYE_LEFT_LOWER = (33, 7, 163, 144, 145, 153, 154, 155, 133)
EYE_RIGHT_UPPER = (263, 466, 388, 387, 386, 385, 384, 398, 362)
EYE_RIGHT_LOWER = (263, 249, 390, 373, 374, 380, 381, 382, 362)
LID_LEFT = (226, 247, 30, 29, 27, 28, 56, 190)
LID_RIGHT = (446, 467, 260, 259, 257, 258, 286, 414)
BROW_LEFT_UPPER = (70, 63, 105, 66, 107)
BROW_LEFT_LOWER = (46, 53, 52, 65, 55)
BROW_RIGHT_UPPER = (300, 293, 334, 296, 336)
BROW_RIGHT_LOWER = (276, 283, 282, 295, 285)
IRIS_LEFT = (468, 469, 470, 471, 472)  # centre first
IRIS_RIGHT = (473, 474, 475, 476, 477)
LIPS_OUTER_UPPER = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
LIPS_OUTER_LOWER = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)
LIPS_INNER_UPPER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
LIPS_INNER_LOWER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
NOSE_BASE = (129, 64, 98, 97, 2, 326, 327, 294, 358)
MOUTH_CORNERS = (61, 291)

EYE_LEFT = tuple(dict.fromkeys(EYE_LEFT_UPPER + EYE_LEFT_LOWER))
EYE_RIGHT = tuple(dict.fromkeys(EYE_RIGHT_UPPER + EYE_RIGHT_LOWER))


def anchors(points: np.ndarray) -> np.ndarray:
    """Give the three points that alignment uses: eye centres and mouth centre.

    Parameters
    ----------
    points : (478, 2) or (478, 3) float
        Mesh points in pixels.

    Returns
    -------
    anchors : (3, 2) float32
        Image-left eye, image-right eye (means of their contours), middle of the mouth's corners.
    """
    if points.ndim != 2 or points.shape[0] < FACE_POINTS or points.shape[1] < 2:
        raise ValueError(f"expected mesh points (478, 2 or 3), got {points.shape}")
    xy = np.asarray(points, dtype=np.float32)[:, :2]
    return np.stack(
        [xy[list(EYE_LEFT)].mean(0), xy[list(EYE_RIGHT)].mean(0), xy[list(MOUTH_CORNERS)].mean(0)]
    )


def eye_distance(points: np.ndarray) -> float:
    """Distance between the eye centres, in the points' own pixels."""
    left, right, _ = anchors(points)
    return float(np.linalg.norm(right - left))
