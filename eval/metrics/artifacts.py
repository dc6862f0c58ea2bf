"""Measure traces that a generator leaves and a camera does not: checkerboards, and blotches on the skin.

Each measure says nothing by itself. Take it of the outputs and of the true photos at the same size, and
compare: what true photos have is no artifact.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from core.face_frame import FRAME, PARTS, face_mask

PATCH = 64
# Upsampling by two leaves a grid of period 2, twice upsampling one of period 4 (cycles a pixel).
PERIOD_2 = ((0.0, 0.5), (0.5, 0.0), (0.5, 0.5))
PERIOD_4 = ((0.0, 0.25), (0.25, 0.0), (0.25, 0.25), (0.25, -0.25), (0.25, 0.5), (0.5, 0.25))


def checkerboard_energy(photo: NDArray[np.uint8]) -> float:
    """How far grids of period 2 and 4 stand out of the picture's own spectrum, in decibels.

    The brightness spectrum is averaged over half-overlapping windowed patches (Welch 1967). At each grid
    frequency the peak is held against the median of the ring around it; of all, the highest counts. A
    grid is the same everywhere, so it survives the averaging, while an edge or a hair does not.

    Parameters
    ----------
    photo : (H, W, 3) uint8
        At least 64 x 64. Measure it as the generator wrote it: any resizing hides the grid.

    Returns
    -------
    energy
        Around 0 to 2 for a photo; 10 means ten times the energy of the neighbouring frequencies.
    """
    if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.uint8 or min(photo.shape[:2]) < PATCH:
        raise ValueError(
            f"expected a photo (H, W, 3) uint8 of at least {PATCH} x {PATCH}, got {photo.shape} {photo.dtype}."
        )
    grey = photo.astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    spectrum = _mean_spectrum(grey)
    return max(_peak_db(spectrum, frequency) for frequency in PERIOD_2 + PERIOD_4)


def colour_blotchiness(photo: NDArray[np.uint8]) -> float:
    """Uneven colour of the skin: blotches of about 3 to 12 pixels (at 256) in hue and saturation.

    Parameters
    ----------
    photo : (S, S, 3) uint8
        In the face frame.

    Returns
    -------
    blotchiness
        Root mean square of the band-passed a* and b* (CIELAB units) inside the face without the boxes of
        eyes and mouth.
    """
    if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.uint8 or photo.shape[0] != photo.shape[1]:
        raise ValueError(f"expected a square photo (S, S, 3) uint8, got {photo.shape} {photo.dtype}.")
    size = photo.shape[0]
    lab = cv2.cvtColor(photo.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    chroma = np.ascontiguousarray(lab[..., 1:])
    fine, coarse = (cv2.GaussianBlur(chroma, (0, 0), sigma * size / 256) for sigma in (2.0, 8.0))
    skin = _skin(size)
    return float(np.sqrt(((fine - coarse)[skin] ** 2).sum(axis=1).mean()))


def _mean_spectrum(grey: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean power of windowed patches without their mean brightness: (PATCH, PATCH)."""
    window = np.hanning(PATCH + 1)[:PATCH]
    window = window[:, None] * window[None, :]
    step = PATCH // 2
    patches = np.lib.stride_tricks.sliding_window_view(grey, (PATCH, PATCH))[::step, ::step]
    patches = patches.reshape(-1, PATCH, PATCH)
    centred = patches - patches.mean(axis=(1, 2), keepdims=True)
    power: NDArray[np.float64] = (np.abs(np.fft.fft2(centred * window)) ** 2).mean(axis=0)
    return power


def _peak_db(spectrum: NDArray[np.float64], frequency: tuple[float, float]) -> float:
    """Energy at a frequency over the median of the ring around it, in decibels."""
    row, column = (round(cycles * PATCH) for cycles in frequency)
    offsets = np.arange(-6, 7)
    block = spectrum[np.ix_((row + offsets) % PATCH, (column + offsets) % PATCH)]
    distance = np.maximum(np.abs(offsets)[:, None], np.abs(offsets)[None, :])
    around = float(np.median(block[(distance >= 3)]))
    floor = 1e-3 * PATCH**2  # of rounding to 8 bits: a flat picture has no peaks, not infinite ones
    return float(10 * np.log10((block[6, 6] + floor) / (around + floor)))


def _skin(size: int) -> NDArray[np.bool_]:
    """Inside of the face without the boxes of eyes and mouth."""
    skin = face_mask(size) > 0.9
    for part in PARTS:
        if part.name != "nose":
            (x, y), half = part.centre, part.side / 2
            rows, columns = (
                (slice(round((c - h) * size / FRAME), round((c + h) * size / FRAME)))
                for c, h in ((y, half * 0.45), (x, half * 0.7))
            )
            skin[rows, columns] = False
    return skin
