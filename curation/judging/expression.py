"""Eyes and mouth, open or closed, from the mesh alone, corrected for the way the head is turned."""

from __future__ import annotations

import numpy as np

from curation.pose import HeadPose

# Corners of an eye, then pairs of upper and lower lid; image-left eye first.
EYES = (
    ((33, 133), ((160, 144), (159, 145), (158, 153))),
    ((263, 362), ((387, 373), (386, 374), (385, 380))),
)
LIPS_INNER_MIDDLE = ((82, 87), (13, 14), (312, 317))
MOUTH_CORNERS = (78, 308)

CLOSED_EYE, OPEN_EYE = 0.08, 0.30  # height over width
WIDE_OPEN_MOUTH = 0.7
MAX_TURN_DEG = 60.0  # beyond it the far side is hidden and a correction would only blow up noise


def measure_eyes_open(points: np.ndarray, pose: HeadPose) -> float:
    """The more closed eye: 0 closed, 1 open.

    Parameters
    ----------
    points : (478, 2 or 3) float
        Mesh points in the photo's pixels.
    pose
        Of the same head.
    """
    upright = _upright(points, pose)
    ratios = [
        np.mean([_length(upright, *pair) for pair in lids]) / max(_length(upright, *corners), 1e-6)
        for corners, lids in EYES
    ]
    return float(np.clip((min(ratios) - CLOSED_EYE) / (OPEN_EYE - CLOSED_EYE), 0, 1))


def measure_mouth_open(points: np.ndarray, pose: HeadPose) -> float:
    """Gap between the lips over the mouth's width: 0 closed, 1 wide open; arguments as above."""
    upright = _upright(points, pose)
    gap = np.mean([_length(upright, *pair) for pair in LIPS_INNER_MIDDLE])
    return float(np.clip(gap / max(_length(upright, *MOUTH_CORNERS), 1e-6) / WIDE_OPEN_MOUTH, 0, 1))


def _upright(points: np.ndarray, pose: HeadPose) -> np.ndarray:
    """Points (478, 2) without roll, widths and heights as the face would show them from the front."""
    roll = np.radians(pose.roll)
    x, y = np.asarray(points, dtype=np.float64)[:, :2].T
    across = x * np.cos(roll) - y * np.sin(roll)
    down = x * np.sin(roll) + y * np.cos(roll)
    turns = np.clip(np.abs([pose.yaw, pose.pitch]), 0, MAX_TURN_DEG)
    return np.stack([across, down], axis=1) / np.cos(np.radians(turns))


def _length(points: np.ndarray, one: int, other: int) -> float:
    return float(np.linalg.norm(points[one] - points[other]))
