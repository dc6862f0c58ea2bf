"""An output against the one true photo it should be, pixel by pixel."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def mean_absolute_error(output: NDArray[np.uint8], true: NDArray[np.uint8]) -> float:
    """Mean absolute difference of two photos (H, W, 3) uint8, in grey levels from 0 to 255."""
    return float(np.abs(_difference(output, true)).mean())


def psnr(output: NDArray[np.uint8], true: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio of two photos (H, W, 3) uint8, in decibels; infinite for equal ones."""
    error = float((_difference(output, true) ** 2).mean())
    return math.inf if error == 0 else 10 * math.log10(255.0**2 / error)


def _difference(output: NDArray[np.uint8], true: NDArray[np.uint8]) -> NDArray[np.float64]:
    if output.shape != true.shape or output.dtype != np.uint8 or true.dtype != np.uint8:
        raise ValueError(
            f"expected two uint8 photos of one shape, got {output.shape} {output.dtype} and "
            f"{true.shape} {true.dtype}."
        )
    difference: NDArray[np.float64] = output.astype(np.float64) - true.astype(np.float64)
    return difference
