"""Does the photo show the face that was drawn? Landmarks of output and true photo, compared.

All 468 points of MediaPipe's face mesh count, the ten iris points do not. Both photos are in the aligned
512 px face frame and are compared as they lie there: a face that is drawn shifted, tilted or too large
counts as wrong, because no realignment takes that away.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.face_mesh import FACE_POINTS

# The corners of each eye; their middle is an eye's centre, which does not follow the gaze.
EYE_CORNERS_LEFT = (33, 133)
EYE_CORNERS_RIGHT = (362, 263)

Landmarks = NDArray[np.floating]


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
    """
    ours, theirs = (np.asarray(points, np.float64)[:FACE_POINTS, :2] for points in (output, true))
    left, right = (theirs[list(corners)].mean(axis=0) for corners in (EYE_CORNERS_LEFT, EYE_CORNERS_RIGHT))
    scale = np.linalg.norm(left - right)
    return float(np.linalg.norm(ours - theirs, axis=1).mean() / scale)


def shuffled_partners(count: int, *, seed: int = 0) -> list[int]:
    """For each of ``count`` items another one, each used once: a single random cycle (Sattolo 1986)."""
    rng = np.random.default_rng(seed)
    partners = list(range(count))
    for i in range(count - 1, 0, -1):
        j = int(rng.integers(0, i))
        partners[i], partners[j] = partners[j], partners[i]
    return partners
