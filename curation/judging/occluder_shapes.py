"""The face that things are painted onto, what is painted, and how shapes are filled."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core import face_mesh
from core.face_frame import FRAME
from curation.judging.occluder_textures import Rng, soften


@dataclass(frozen=True)
class Face:
    """An aligned photo (512, 512, 3) uint8 and its mesh points (478, 2 or 3) in the same frame."""

    photo: np.ndarray
    points: np.ndarray

    @property
    def eyes(self) -> np.ndarray:
        """Eye centres, picture's left first: (2, 2) float32."""
        return face_mesh.anchors(self.points)[:2]

    @property
    def mouth(self) -> np.ndarray:
        return face_mesh.anchors(self.points)[2]


@dataclass(frozen=True)
class Planted:
    """What covers the face.

    Attributes
    ----------
    alpha : (512, 512) float32 in [0, 1]
        How much of the photo is hidden at each pixel.
    surface : (512, 512, 3) float32 in [0, 255]
        What is seen instead.
    shadow : (512, 512) float32 in [0, 1]
        Factor on the photo underneath.
    """

    alpha: np.ndarray
    surface: np.ndarray
    shadow: np.ndarray | None = None

    def on(self, photo: np.ndarray) -> np.ndarray:
        """The photo with it: (512, 512, 3) uint8."""
        below = photo.astype(np.float32)
        if self.shadow is not None:
            below *= self.shadow[..., None]
        alpha = self.alpha[..., None]
        return np.clip(below * (1 - alpha) + self.surface * alpha + 0.5, 0, 255).astype(np.uint8)


def polygon(outline: np.ndarray) -> np.ndarray:
    mask = np.zeros((FRAME, FRAME), np.float32)
    cv2.fillPoly(mask, [np.round(outline).astype(np.int32)], 1.0, cv2.LINE_AA)
    return mask


def rounded(outline: np.ndarray, rounds: int) -> np.ndarray:
    """Corners cut off (Chaikin), so that a polygon becomes a curve."""
    for _ in range(rounds):
        after = np.roll(outline, -1, axis=0)
        outline = np.stack([0.75 * outline + 0.25 * after, 0.25 * outline + 0.75 * after], axis=1).reshape(
            -1, 2
        )
    return outline


def in_blocks(photo: np.ndarray, side: int) -> np.ndarray:
    small = cv2.resize(photo, (FRAME // side, FRAME // side), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (FRAME, FRAME), interpolation=cv2.INTER_NEAREST).astype(np.float32)


def roundness(face: Face, strength: float) -> np.ndarray:
    """Darker towards the sides of the face, as on anything that bulges."""
    across = (np.arange(FRAME, dtype=np.float32) - face.points[1, 0]) / 130
    return np.broadcast_to(1 - strength * np.clip(across**2, 0, 1), (FRAME, FRAME))


def cast_shadow(rng: Rng, mask: np.ndarray) -> np.ndarray | None:
    if rng.random() < 0.4:
        return None
    moved = np.roll(mask, (int(rng.integers(2, 16)), int(rng.integers(-10, 11))), axis=(0, 1))
    return 1 - rng.uniform(0.1, 0.55) * soften(moved, rng.uniform(3, 12))


def at(point: np.ndarray) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))
