"""Bring a face onto the template of `core.face_frame`.

Eyes and mouth go exactly where the template wants them. That takes a three-point affine (a similarity
misses them by 3 px at the median), which stretches the face a little; how much is recorded, and so is
how much of the frame had to be invented beyond the photo's border.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike

from core import face_mesh
from core.face_frame import FRAME, alignment_targets


@dataclass(frozen=True)
class Alignment:
    """How a photo goes onto the template."""

    matrix: np.ndarray  # (2, 3) float64: photo pixels to template pixels
    stretch: float  # longer over shorter axis of what the matrix makes of a circle: 1 keeps proportions
    padding: float  # fraction of the frame that lies beyond the photo's border, 0 to 1


def find_alignment(points: np.ndarray, photo_size: tuple[int, int]) -> Alignment:
    """The affine that takes eye centres and mouth centre to the template.

    Parameters
    ----------
    points : (478, 2 or 3) float
        Mesh points in the photo's pixels.
    photo_size
        ``(width, height)`` of the photo.

    Raises
    ------
    ValueError
        If eyes and mouth lie on a line, so that no affine brings them to the template.
    """
    return align_anchors(face_mesh.anchors(points), photo_size)


def align_anchors(anchors: np.ndarray, photo_size: tuple[int, int]) -> Alignment:
    """The same from the three points alone, as a person may have put them.

    Parameters
    ----------
    anchors : (3, 2) float
        Image-left eye, image-right eye and mouth centre, in the photo's pixels.
    """
    anchors = check_anchors(anchors)
    matrix = cv2.getAffineTransform(anchors, alignment_targets(FRAME)).astype(np.float64)
    longer, shorter = np.linalg.svd(matrix[:, :2])[1]
    return Alignment(matrix, float(longer / shorter), _padding(matrix, photo_size, FRAME))


def check_anchors(anchors: ArrayLike) -> np.ndarray:
    """Give three points, (3, 2) float32, that an affine can take to the template.

    Raises
    ------
    ValueError
        If they are no such points, or lie on a line or in one place.
    """
    with np.errstate(over="ignore"):  # what is too large is not finite then, and refused
        points = np.asarray(anchors, dtype=np.float32)
        if points.shape != (3, 2) or not np.isfinite(points).all():
            raise ValueError(f"expected two eyes and a mouth as (3, 2) finite numbers, got {points.tolist()}")
        sides = points[1:] - points[0]
        if not abs(float(np.linalg.det(sides))) > 1e-3 * float((sides**2).sum()):
            raise ValueError("eyes and mouth lie on one line: no affine takes them to the template")
    return points


def _padding(matrix: np.ndarray, photo_size: tuple[int, int], size: int) -> float:
    """Part of the frame outside the photo, from the outlines (no pixel is touched)."""
    width, height = photo_size
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float64) - 0.5
    photo = move_points(corners, matrix).astype(np.float32)
    frame = np.array([(0, 0), (size, 0), (size, size), (0, size)], dtype=np.float32) - 0.5
    covered, _ = cv2.intersectConvexConvex(photo, frame)
    return float(np.clip(1 - covered / size**2, 0, 1))


def move_points(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Take points through an affine; a third column (depth) grows with the picture; (N, 2 or 3) float64.

    Parameters
    ----------
    points : (N, 2 or 3) float
    matrix : (2, 3) float
    """
    source = np.asarray(points, dtype=np.float64)
    moved = source[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    if source.shape[1] == 2:
        return moved
    depth = source[:, 2:] * np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    return np.concatenate([moved, depth], axis=1)


def warp_photo(photo: np.ndarray, matrix: np.ndarray, *, size: int = FRAME) -> np.ndarray:
    """The aligned photo, interpolated once: (size, size, 3) uint8.

    A photo more than twice as large as the frame needs is averaged over whole pixel blocks on the
    way, because a cubic kernel alone would skip pixels and show moire. The border is mirrored.

    Parameters
    ----------
    photo : (H, W, 3) uint8
    matrix : (2, 3) float64
        Photo pixels to template pixels.
    """
    source, matrix = _average_blocks(photo, matrix)
    return cv2.warpAffine(
        source, matrix, (size, size), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
    )


def _average_blocks(photo: np.ndarray, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    shrink = np.linalg.svd(matrix[:, :2])[1].max()
    # Two pixels are left on each side: of one, OpenCV's cubic kernel finds no mirrored border and never ends.
    block = int(min(1 / shrink, *(side // 2 for side in photo.shape[:2])))
    if block < 2:
        return photo, matrix
    height, width = (side // block * block for side in photo.shape[:2])
    small = cv2.resize(
        photo[:height, :width], (width // block, height // block), interpolation=cv2.INTER_AREA
    )
    offset = (block - 1) / 2  # the first block's centre, in the photo's pixels
    moved = np.concatenate(
        [matrix[:, :2] * block, matrix[:, :2] @ [[offset], [offset]] + matrix[:, 2:]], axis=1
    )
    return small, moved
