"""How sharp a face is, at a fixed eye distance, whatever its size, light and noise.

The energy of fine detail over that of coarser detail, around eyes, brows, nose and lips, in the aligned
photo at half its size: eyes are 70 px apart there, so a face blown up from fewer pixels has little fine
detail and says so. A ratio does not change with brightness or contrast. Noise would count as detail, so
what it adds is taken off: its strength is read from the finest diagonal pattern (the diagonal Haar
coefficients, as in Donoho & Johnstone 1994), which a face hardly has.
"""

from __future__ import annotations

import cv2
import numpy as np

from core import face_mesh
from curation.judging.regions import BROWS_LEFT, BROWS_RIGHT, LIPS, MIN_PIXELS, AlignedFace

FEATURES = (
    face_mesh.EYE_LEFT,
    face_mesh.EYE_RIGHT,
    BROWS_LEFT,
    BROWS_RIGHT,
    LIPS,
    face_mesh.NOSE_BASE,
)
FEATURE_MARGIN_PX = 3
MIDDLE_SIGMA, COARSE_SIGMA = 1.0, 2.0
FLOOR = (0.25 / 255) ** 2  # energy of a picture without detail: keeps the ratio of nothing to nothing low


def measure_sharpness(face: AlignedFace) -> float | None:
    """Fine over coarse detail: about 1 in focus, below 0.75 out of focus; ``None`` outside the frame."""
    features = face.inside(*FEATURES, grow=FEATURE_MARGIN_PX)
    if np.count_nonzero(features) < MIN_PIXELS or np.count_nonzero(face.face) < MIN_PIXELS:
        return None
    luma = face.luma
    middle = cv2.GaussianBlur(luma, (0, 0), MIDDLE_SIGMA)
    coarse = cv2.GaussianBlur(luma, (0, 0), COARSE_SIGMA)
    noise = noise_variance(luma, face.face)
    fine_energy = _energy(luma - middle, features) - noise * _FINE_GAIN
    coarse_energy = _energy(middle - coarse, features) - noise * _COARSE_GAIN
    return float(np.sqrt(max(fine_energy, 0.0) / (max(coarse_energy, 0.0) + FLOOR)))


def noise_variance(luma: np.ndarray, where: np.ndarray) -> float:
    """Variance of white noise in ``luma`` (H, W), H and W even, read where ``where`` (H, W) is true."""
    a, b, c, d = luma[::2, ::2], luma[::2, 1::2], luma[1::2, ::2], luma[1::2, 1::2]
    diagonal = np.abs(a - b - c + d)[where[::2, ::2]] / 2
    return float(np.median(diagonal) / 0.6745) ** 2


def _energy(band: np.ndarray, where: np.ndarray) -> float:
    return float(np.mean(band[where] ** 2))


def _gain(narrow: float, wide: float) -> float:
    """Energy that white noise of variance 1 leaves between two blurs (0 is none)."""
    impulse = np.zeros((41, 41), np.float32)
    impulse[20, 20] = 1
    sharp = cv2.GaussianBlur(impulse, (0, 0), narrow) if narrow else impulse
    return float(np.sum((sharp - cv2.GaussianBlur(impulse, (0, 0), wide)) ** 2))


_FINE_GAIN = _gain(0, MIDDLE_SIGMA)
_COARSE_GAIN = _gain(MIDDLE_SIGMA, COARSE_SIGMA)
