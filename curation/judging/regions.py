"""The parts of an aligned face that measurements look at, on a quarter of its pixels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from core import face_mesh
from core.face_frame import FRAME

SIDE = 256  # eyes are 70 px apart here, so that a face with 60 px between its eyes is not blown up
MIN_PIXELS = 12  # a region with fewer lies outside the frame

BROWS_LEFT = face_mesh.BROW_LEFT_UPPER + face_mesh.BROW_LEFT_LOWER
BROWS_RIGHT = face_mesh.BROW_RIGHT_UPPER + face_mesh.BROW_RIGHT_LOWER
LIPS = face_mesh.LIPS_OUTER_UPPER + face_mesh.LIPS_OUTER_LOWER


@dataclass(frozen=True)
class AlignedFace:
    """An aligned photo made small, and its mesh.

    Attributes
    ----------
    pixels : (256, 256, 3) uint8
    points : (478, 2) float32
        In the small picture's pixels.
    """

    pixels: np.ndarray
    points: np.ndarray

    @classmethod
    def of(cls, aligned: np.ndarray, points: np.ndarray) -> AlignedFace:
        """From the aligned photo (512, 512, 3) uint8 and mesh points (478, 2 or 3) in its pixels."""
        if aligned.shape != (FRAME, FRAME, 3) or aligned.dtype != np.uint8:
            raise ValueError(f"expected an aligned photo (512, 512, 3) uint8, got {aligned.shape}")
        small = cv2.resize(aligned, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        return cls(small, (points[:, :2] * (SIDE / FRAME)).astype(np.float32))

    @cached_property
    def luma(self) -> np.ndarray:
        """(256, 256) float32 in [0, 1]."""
        grey: np.ndarray = cv2.cvtColor(self.pixels.astype(np.float32), cv2.COLOR_RGB2GRAY)
        grey *= 1 / 255
        return grey

    @cached_property
    def face(self) -> np.ndarray:
        """Inside of the face's outline: (256, 256) bool."""
        return self.inside(face_mesh.FACE_OVAL)

    @cached_property
    def skin(self) -> np.ndarray:
        """The face without eyes, brows and lips: (256, 256) bool."""
        mask = self.face.astype(np.uint8)
        for part in (face_mesh.EYE_LEFT, face_mesh.EYE_RIGHT, BROWS_LEFT, BROWS_RIGHT, LIPS):
            cv2.fillConvexPoly(mask, self._hull(part), 0)
        return mask > 0

    @cached_property
    def background(self) -> np.ndarray:
        """What lies around the head, above the shoulders: (256, 256) bool."""
        outline = self.points[list(face_mesh.FACE_OVAL)]
        centre, height = outline.mean(axis=0), np.ptp(outline[:, 1])
        head = (outline - centre) * 1.3 + centre - (0, 0.1 * height)
        mask = np.ones((SIDE, SIDE), np.uint8)
        cv2.fillConvexPoly(mask, np.round(cv2.convexHull(head.astype(np.float32))).astype(np.int32), 0)
        mask[int(np.clip(outline[:, 1].max() - 0.15 * height, 0, SIDE)) :] = 0
        return mask > 0

    @cached_property
    def surroundings(self) -> np.ndarray:
        """All but the face: (256, 256) bool."""
        outline = self.points[list(face_mesh.FACE_OVAL)]
        centre = outline.mean(axis=0)
        mask = np.ones((SIDE, SIDE), np.uint8)
        wide = cv2.convexHull(((outline - centre) * 1.15 + centre).astype(np.float32))
        cv2.fillConvexPoly(mask, np.round(wide).astype(np.int32), 0)
        return mask > 0

    def inside(self, *parts: tuple[int, ...], grow: int = 0) -> np.ndarray:
        """Mask (256, 256) bool of the convex hulls of some mesh points, ``grow`` px wider."""
        mask = np.zeros((SIDE, SIDE), np.uint8)
        for part in parts:
            cv2.fillConvexPoly(mask, self._hull(part), 1)
        if grow:
            mask = cv2.dilate(mask, np.ones((2 * grow + 1, 2 * grow + 1), np.uint8))
        return mask > 0

    def values_inside(self, values: np.ndarray, part: tuple[int, ...]) -> np.ndarray:
        """Pixels of ``values`` (256, 256) in the hull of a small part, quicker than a whole mask."""
        hull = self._hull(part)
        left, top, width, height = cv2.boundingRect(hull)
        x, y = max(left, 0), max(top, 0)
        window = values[y : max(top + height, 0), x : max(left + width, 0)]
        mask = np.zeros(window.shape[:2], np.uint8)
        if mask.size:
            cv2.fillConvexPoly(mask, hull - np.array([x, y], np.int32), 1)
        return window[mask > 0]

    def _hull(self, part: tuple[int, ...]) -> np.ndarray:
        hull: np.ndarray = cv2.convexHull(self.points[list(part)].astype(np.int32))
        return hull
