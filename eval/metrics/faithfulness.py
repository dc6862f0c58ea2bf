"""Does the photo show the face that was drawn? Landmarks of output and true photo, compared.

All 468 points of MediaPipe's face mesh count, the ten iris points do not. Both photos are in the aligned
512 px face frame and are compared as they lie there: a face that is drawn shifted, tilted or too large
counts as wrong, because no realignment takes that away.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.face_mesh import FACE_POINTS, POINTS

# The corners of each eye; their middle is an eye's centre, which does not follow the gaze.
EYE_CORNERS_LEFT = (33, 133)
EYE_CORNERS_RIGHT = (362, 263)

Landmarks = NDArray[np.floating]


def eye_distance(landmarks: Landmarks) -> float:
    """Distance between the eye centres, in the unit of ``landmarks`` (478 rows, x and y first)."""
    points = _face(landmarks, "landmarks")
    left, right = (points[list(corners)].mean(axis=0) for corners in (EYE_CORNERS_LEFT, EYE_CORNERS_RIGHT))
    return float(np.linalg.norm(left - right))


def landmark_distance(output: Landmarks, true: Landmarks) -> float:
    """Mean distance of corresponding face points, as a share of the true face's eye distance.

    Parameters
    ----------
    output, true : (478, 2) or (478, 3)
        Landmarks in pixels of the same frame; a third column is ignored.

    Returns
    -------
    distance
        0 for the same face at the same place; 0.03 is 3 % of the eye distance.

    Raises
    ------
    ValueError
        On another shape, on NaN, or if the true face's eyes coincide.
    """
    ours, theirs = _face(output, "output"), _face(true, "true")
    scale = eye_distance(true)
    if scale <= 0:
        raise ValueError("the eyes of the true face coincide; these are no landmarks of a face.")
    return float(np.linalg.norm(ours - theirs, axis=1).mean() / scale)


def shuffled_partners(count: int, *, seed: int = 0) -> list[int]:
    """For each of ``count`` items another one, each used once: a single random cycle (Sattolo 1986)."""
    if count < 2:
        raise ValueError(f"shuffling needs at least two items, got {count}.")
    rng = np.random.default_rng(seed)
    partners = list(range(count))
    for i in range(count - 1, 0, -1):
        j = int(rng.integers(0, i))
        partners[i], partners[j] = partners[j], partners[i]
    return partners


def _face(landmarks: Landmarks, what: str) -> NDArray[np.float64]:
    """x and y of the 468 face points, checked."""
    points = np.asarray(landmarks, dtype=np.float64)
    if points.ndim != 2 or points.shape[0] != POINTS or points.shape[1] not in (2, 3):
        raise ValueError(f"{what} must be ({POINTS}, 2) or ({POINTS}, 3), got {points.shape}.")
    if not np.isfinite(points[:, :2]).all():
        raise ValueError(f"{what} holds NaN or infinity.")
    face: NDArray[np.float64] = points[:FACE_POINTS, :2]
    return face
