"""Prepare a drawing for the networks: checks, a square, the networks' size."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Sketch = NDArray[np.uint8]

INK = 200  # grey level below which a pixel counts as drawn
BLANK_FRACTION = 1e-3  # a smaller share of drawn pixels is dust, not a drawing


def prepare_sketch(sketch: Sketch, size: int) -> Sketch:
    """Bring a drawing of any size to the square that the networks take, without losing thin lines: (S, S) uint8.

    A drawing that is not square is centred on white. Shrinking averages over areas; beyond a factor of two
    lines are first widened by half that factor, because a hair of one pixel would average away to paper.

    Parameters
    ----------
    sketch : (H, W) uint8
        Dark lines on white.
    size
        Side S of the result.

    Raises
    ------
    ValueError
        If the drawing is no greyscale uint8 picture or has no pixels.
    """
    if not isinstance(sketch, np.ndarray) or sketch.ndim != 2 or sketch.dtype != np.uint8:
        got = f"{sketch.shape} {sketch.dtype}" if isinstance(sketch, np.ndarray) else type(sketch).__name__
        raise ValueError(
            f"A sketch must be a greyscale (H, W) uint8 array, dark lines on white, got {got}. "
            "Convert colour pictures to grey, and truth values or fractions to 0-255, first."
        )
    height, width = sketch.shape
    side = max(height, width)
    if min(height, width) == 0:
        raise ValueError(f"A sketch needs at least one pixel, got shape {sketch.shape}.")
    if height != width:
        square = np.full((side, side), 255, np.uint8)
        top, left = (side - height) // 2, (side - width) // 2
        square[top : top + height, left : left + width] = sketch
        sketch = square
    if side == size:
        return sketch.copy()
    if side < size:
        return np.asarray(cv2.resize(sketch, (size, size), interpolation=cv2.INTER_LINEAR), np.uint8)
    widen = int(side / size / 2 + 0.5)
    if widen > 1:
        sketch = np.asarray(cv2.erode(sketch, np.ones((widen, widen), np.uint8)), np.uint8)
    return np.asarray(cv2.resize(sketch, (size, size), interpolation=cv2.INTER_AREA), np.uint8)


def is_blank(sketch: Sketch) -> bool:
    """Tell whether nothing, or almost nothing, was drawn on a prepared sketch (S, S) uint8."""
    return float(np.mean(sketch < INK)) < BLANK_FRACTION
