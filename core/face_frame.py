"""Define the face frame: where eyes, nose and mouth sit in every aligned picture.

One template of 512 x 512 pixels, coordinates ``(x, y)``; other sizes scale it. "Left" and "right"
are those of the picture: MediaPipe's "left eye" is the subject's left, that is ``EYE_RIGHT`` here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

FRAME = 512
EYE_LEFT = (186.0, 244.0)
EYE_RIGHT = (326.0, 244.0)
NOSE = (256.0, 302.0)
MOUTH = (256.0, 385.0)


@dataclass(frozen=True)
class Part:
    """A square part of the face: its centre and side, in template pixels."""

    name: str
    centre: tuple[float, float]
    side: int

    def box(self, size: int = FRAME) -> tuple[int, int, int, int]:
        """``(left, top, right, bottom)`` in a picture of ``size`` pixels."""
        scale = size / FRAME
        half = self.side / 2
        left, top = (round((c - half) * scale) for c in self.centre)
        side = round(self.side * scale)
        return left, top, left + side, top + side


PARTS = (
    Part("eye_left", EYE_LEFT, 128),
    Part("eye_right", EYE_RIGHT, 128),
    Part("nose", NOSE, 160),
    Part("mouth", MOUTH, 192),
)


def alignment_targets(size: int = FRAME) -> np.ndarray:
    """Where image-left eye, image-right eye and mouth centre go: (3, 2) float32, ``(x, y)``."""
    return np.array([EYE_LEFT, EYE_RIGHT, MOUTH], dtype=np.float32) * (size / FRAME)


@lru_cache(maxsize=16)
def face_mask(size: int = FRAME) -> np.ndarray:
    """Soft mask of the features (brows to lower lip), for refining the face and keeping the rest.

    It stays inside the outline of a face, so that jaw, ears and hair remain as they were drawn: a
    superellipse above the nose, wide enough for brows, and a tapering ellipse below it. 1 inside, 0
    outside, with a smooth feather, so that a blend along it shows no seam.

    Returns
    -------
    mask : (size, size) float32 in [0, 1], read-only
    """
    ys, xs = np.mgrid[0:size, 0:size].astype(np.float32) * (FRAME / size)
    down = ys - 300.0
    is_below = down > 0
    half_width = 128.0 - np.where(is_below, (down / 135.0) ** 2, 0.0) * 40.0
    across, along = (
        np.abs(xs - 256.0) / np.maximum(half_width, 1.0),
        np.abs(down) / np.where(is_below, 135.0, 122.0),
    )
    power = np.where(is_below, 2.0, 3.0)
    radius = (across**power + along**power) ** (1 / power)
    ramp = np.clip((1.0 - radius) / 0.2 + 0.5, 0, 1)
    mask: np.ndarray = (ramp * ramp * (3 - 2 * ramp)).astype(np.float32)
    mask.setflags(write=False)
    return mask
