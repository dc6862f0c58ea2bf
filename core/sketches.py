"""Sketches from aligned photos: edges of the photo, strokes of the face mesh, or both.

``line_map`` is threshold-free, so that training can draw its own thresholds; ``soft_threshold``
turns it into lines; ``mesh_strokes`` draws eyes, brows, nose, lips and outline as a hand would.
Every function works at any size and scales its radii from 256 pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core import face_mesh

SKETCH_VERSION = 2
CLEAN_LOW, CLEAN_HIGH = 0.70, 0.93
SUBPIXEL_BITS = 4
SUBPIXELS = 1 << SUBPIXEL_BITS
FILLED = -1


@dataclass(frozen=True)
class _Eye:
    iris: tuple[int, ...]
    upper_lid: tuple[int, ...]
    lower_lid: tuple[int, ...]


_EYES = (
    _Eye(face_mesh.IRIS_LEFT, face_mesh.EYE_LEFT_UPPER, face_mesh.EYE_LEFT_LOWER),
    _Eye(face_mesh.IRIS_RIGHT, face_mesh.EYE_RIGHT_UPPER, face_mesh.EYE_RIGHT_LOWER),
)
_STROKES = (
    face_mesh.EYE_LEFT_UPPER, face_mesh.EYE_LEFT_LOWER, face_mesh.EYE_RIGHT_UPPER,
    face_mesh.EYE_RIGHT_LOWER, face_mesh.BROW_LEFT_UPPER, face_mesh.BROW_LEFT_LOWER,
    face_mesh.BROW_RIGHT_UPPER, face_mesh.BROW_RIGHT_LOWER, face_mesh.NOSE_BASE,
    face_mesh.LIPS_OUTER_UPPER, face_mesh.LIPS_OUTER_LOWER, face_mesh.LIPS_INNER_UPPER,
    face_mesh.LIPS_INNER_LOWER, face_mesh.FACE_OVAL[5:-4],  # open at the hairline, as far on both sides
)  # fmt: skip


def line_map(photo: np.ndarray) -> np.ndarray:
    """How much darker each pixel is than its surroundings: 255 flat, towards 0 on a line; (H, W) uint8.

    ``min over sigma in {2, 4} of grey / blur(grey, sigma)`` at 256 px, after a bilateral filter; a
    multi-scale form of the difference of Gaussians of XDoG (Winnemoeller et al. 2012).

    Parameters
    ----------
    photo : (H, W, 3) uint8
    """
    if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.uint8:
        raise ValueError(f"expected a photo (H, W, 3) uint8, got {photo.shape} {photo.dtype}")
    scale = photo.shape[1] / 256
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    smooth = cv2.bilateralFilter(grey, 5, 30, 3).astype(np.float32)
    ratio = np.ones_like(smooth)
    for sigma in (2.0, 4.0):
        around = cv2.GaussianBlur(smooth, (0, 0), sigma * scale)
        np.minimum(ratio, smooth / np.maximum(around, 8), out=ratio)
    return (np.clip(ratio, 0, 1) * 255).astype(np.uint8)


def soft_threshold(lines: np.ndarray, low: float = CLEAN_LOW, high: float = CLEAN_HIGH) -> np.ndarray:
    """Black below ``low``, white above ``high`` (fractions of 255), linear between.

    Parameters
    ----------
    lines : (H, W) uint8
    """
    if not 0 <= low < high <= 1:
        raise ValueError(f"expected 0 <= low < high <= 1, got {low} and {high}")
    ramp = np.clip((np.arange(256) / 255 - low) / (high - low), 0, 1) * 255
    return cv2.LUT(lines, ramp.astype(np.uint8))


def mesh_strokes(
    points: np.ndarray, size: int, *, width: float = 1.5, rng: np.random.Generator | None = None
) -> np.ndarray:
    """Strokes along the face mesh: what a person draws first; (size, size) uint8, black on white.

    Parameters
    ----------
    points : (478, 2 or 3) float
        Mesh points as the landmarker gives them, scaled to the ``size`` x ``size`` picture. They lie a little to
        the lower right of what they mark, and the strokes are drawn where it is (`_to_pixels`).
    width
        Line width in those pixels.
    rng
        With a generator each stroke is left out now and then, shifted and varied in width.
    """
    canvas = np.full((size, size), 255, np.uint8)
    xy = _to_pixels(np.asarray(points, dtype=np.float32)[:, :2], size)
    for stroke in _STROKES:
        if rng is not None and rng.random() < 0.08:
            continue
        line = xy[list(stroke)]
        thick = width
        if rng is not None:
            line = line + rng.normal(0, size / 400, 2).astype(np.float32)
            thick = width * rng.uniform(0.7, 1.5)
        _polyline(canvas, line, thick)
    for eye in _EYES:
        if len(xy) > eye.iris[0] and (rng is None or rng.random() > 0.08):
            _draw_iris(canvas, xy, eye, width)
    return canvas


def _to_pixels(points: np.ndarray, size: int) -> np.ndarray:
    """Landmarks (N, 2) of an aligned face, scaled to ``size``, in OpenCV's pixels, whose centres are whole numbers.

    Half a pixel is the convention; the rest is MediaPipe's, half a pixel of the 256 that it sees an aligned face
    with. Mirrored photos tell both: x of a point on the midline and x of the same point in the mirror image should
    sum up to S - 1, and sum up to S + 0.0, S + 1.0 and S + 3.1 at S = 256, 512 and 1024 px (40 photos, 9 points).
    """
    return points - np.float32(0.5 + size / 1024)


def _draw_iris(canvas: np.ndarray, xy: np.ndarray, eye: _Eye, width: float) -> None:
    """The part of iris and pupil that lies between the lids."""
    centre = xy[eye.iris[0]]
    radius = float(np.linalg.norm(xy[list(eye.iris[1:])] - centre, axis=1).mean())
    circles = np.full_like(canvas, 255)
    _circle(circles, centre, radius, width)
    _circle(circles, centre, radius * 0.35, FILLED)
    opening = np.zeros_like(canvas)
    _fill(opening, np.concatenate([xy[list(eye.upper_lid)], xy[list(eye.lower_lid)][::-1]]))
    np.minimum(canvas, np.maximum(circles, 255 - opening), out=canvas)


def _fill(mask: np.ndarray, outline: np.ndarray) -> None:
    cv2.fillPoly(mask, [_fixed_point(outline)], 255, cv2.LINE_AA, SUBPIXEL_BITS)


def _circle(canvas: np.ndarray, centre: np.ndarray, radius: float, width: float) -> None:
    x, y = _fixed_point(centre).tolist()
    thickness = width if width == FILLED else max(1, round(width))
    sub_radius = max(1, round(radius * SUBPIXELS))
    cv2.circle(canvas, (x, y), sub_radius, 0, int(thickness), cv2.LINE_AA, SUBPIXEL_BITS)


def _polyline(canvas: np.ndarray, line: np.ndarray, width: float) -> None:
    fixed = _fixed_point(_catmull_rom(line)).reshape(-1, 1, 2)
    cv2.polylines(canvas, [fixed], False, 0, max(1, round(width)), cv2.LINE_AA, SUBPIXEL_BITS)


def _fixed_point(points: np.ndarray) -> np.ndarray:
    """Coordinates as OpenCV draws them with a fraction: int32 with `SUBPIXEL_BITS` binary places."""
    return np.round(points * SUBPIXELS).astype(np.int32)


def _catmull_rom(line: np.ndarray) -> np.ndarray:
    """Round a polyline: a Catmull-Rom spline through its points, four steps between two."""
    padded = np.concatenate([line[:1] * 2 - line[1:2], line, line[-1:] * 2 - line[-2:-1]])
    p0, p1, p2, p3 = padded[:-3], padded[1:-2], padded[2:-1], padded[3:]
    t = (np.arange(4, dtype=np.float32) / 4)[:, None, None]
    curve = 0.5 * (
        2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3
    )
    return np.concatenate([curve.transpose(1, 0, 2).reshape(-1, 2), line[-1:]])


def face_interior(points: np.ndarray, size: int) -> np.ndarray:
    """Mask of the face oval: (size, size) uint8, 255 inside."""
    mask = np.zeros((size, size), np.uint8)
    _fill(mask, np.asarray(points, dtype=np.float32)[list(face_mesh.FACE_OVAL), :2])
    return mask


def sketch_from_photo(photo: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Draw the clean sketch of an aligned photo: its edges, with the mesh's features drawn over them.

    Parameters
    ----------
    photo : (S, S, 3) uint8
    points : (478, 2 or 3) float
        Landmarks in the photo's pixels.

    Returns
    -------
    sketch : (S, S) uint8, black on white
    """
    return sketch_from_lines(line_map(photo), points)


def sketch_from_lines(lines: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Draw the clean sketch of `sketch_from_photo`, of a photo's line map (S, S) uint8."""
    size = lines.shape[0]
    return np.minimum(soft_threshold(lines), mesh_strokes(points, size, width=1.5 * size / 256))
