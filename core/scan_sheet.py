"""A sheet of paper in a photo: found on its table, cut out and straightened."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

FloatImage = NDArray[np.float32]
ByteImage = NDArray[np.uint8]


def cut_out_paper(picture: ByteImage) -> ByteImage:
    """Cut out the sheet of paper alone, its perspective undone, if a bright quadrilateral lies on a darker table.

    Anything else comes back as it is.
    """
    small = shrink(picture, 512)
    grey = cv2.GaussianBlur(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), (0, 0), 2)
    best, best_area = None, 0.15 * grey.size
    # A shadow over the sheet may be as dark as the table in the light, so no single threshold will do.
    for level in np.linspace(np.percentile(grey, 3), np.percentile(grey, 70), 12):
        corners = _find_sheet((grey > level).astype(np.uint8))
        if corners is not None and (area := cv2.contourArea(corners)) > best_area:
            best, best_area = corners, area
    if best is None:
        return picture
    return _straighten(picture, best * (picture.shape[1] / small.shape[1]))


def shrink(picture: ByteImage, side: int) -> ByteImage:
    """Longer side at most ``side``; small pictures stay as they are."""
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return picture
    shape = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(picture, shape, interpolation=cv2.INTER_AREA), np.uint8)


def _find_sheet(bright: ByteImage) -> FloatImage | None:
    """Corners, (4, 2) float32, of a bright quadrilateral that lies inside the picture, or None."""
    height, width = bright.shape
    contours, _ = cv2.findContours(bright, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return None
    sheet = max(contours, key=cv2.contourArea)
    hull = cv2.convexHull(sheet)
    corners = cv2.approxPolyDP(hull, 0.03 * cv2.arcLength(hull, True), True)
    area = cv2.contourArea(hull)
    if len(corners) != 4 or min(cv2.contourArea(sheet), cv2.contourArea(corners)) < 0.94 * area:
        return None
    # A patch of lamplight on a page that fills the picture runs along the picture's border; a sheet does not.
    x, y = sheet[:, 0, 0], sheet[:, 0, 1]
    on_border = np.mean((x <= 1) | (y <= 1) | (x >= width - 2) | (y >= height - 2))
    # White lines on a dark ground can close into a bright outline; a sheet is bright all over.
    inside = cv2.drawContours(np.zeros_like(bright), [sheet], -1, 1, cv2.FILLED) > 0
    if on_border > 0.15 or np.mean(bright[inside]) < 0.6:
        return None
    ordered = _in_reading_order(corners[:, 0])
    return ordered if _is_plausible(ordered) else None


def _is_plausible(corners: FloatImage) -> bool:
    """Whether a page seen at a slant can look so: opposite sides alike, corners not far from square."""
    sides = np.roll(corners, -1, axis=0) - corners
    lengths = np.hypot(sides[:, 0], sides[:, 1])
    if (
        min(
            lengths[0] / lengths[2], lengths[2] / lengths[0], lengths[1] / lengths[3], lengths[3] / lengths[1]
        )
        < 0.75
    ):
        return False
    units = sides / lengths[:, None]
    return float(np.abs(np.sum(units * np.roll(units, -1, axis=0), axis=1)).max()) < 0.35


def _in_reading_order(corners: NDArray[np.generic]) -> FloatImage:
    """Top left, top right, bottom right, bottom left."""
    points = np.asarray(corners, np.float32)
    total, slant = points.sum(1), points[:, 0] - points[:, 1]
    return points[[total.argmin(), slant.argmax(), total.argmax(), slant.argmin()]]


def _straighten(picture: ByteImage, corners: FloatImage) -> ByteImage:
    """Perspective-correct cut of four corners, a little inside of the edge so that it leaves no line."""
    inner = corners + 0.02 * (corners.mean(0) - corners)
    top_left, top_right, bottom_right, bottom_left = inner
    width = round(float(max(np.hypot(*(top_right - top_left)), np.hypot(*(bottom_right - bottom_left)))))
    height = round(float(max(np.hypot(*(bottom_left - top_left)), np.hypot(*(bottom_right - top_right)))))
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(inner.astype(np.float32), target)
    return np.asarray(cv2.warpPerspective(picture, matrix, (width, height), flags=cv2.INTER_AREA), np.uint8)
