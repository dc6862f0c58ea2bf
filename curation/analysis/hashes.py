"""Recognise near duplicates: a 256-bit hash says perhaps, the face's detail says yes.

The hash is ImageHash's ``phash(hash_size=16)`` (Johannes Buchner, BSD-2-Clause), the signs of the 16 x 16
lowest cosine coefficients of the grey picture at 64 x 64 against their median, with one change: the border
fades to the mean, so that the face itself decides. What lies around it depends on how a copy was cut: a crop
that takes a sixth off each side is 15 bits away (44 where only the outermost eighth fades). It is computed
here because ImageHash would need two calls of 1.6 ms (Pillow's Lanczos), where block averages and one
transform give both hashes in 0.2 ms. Of a picture whose border has faded, the two hashes differ in one or two
bits of 256 at the median, and in six at most.

Aligned faces before plain walls are alike to any hash: of 13.5 million pairs of strangers 237 lie within 32
bits, where edited copies lie. So what the hash lets through is compared at a finer scale
(`compare_details`): wrinkles, lashes and highlights, in bands of 1 to 3 px of a 256 px crop. Those strangers
reach .89 at most, copies .95 and more. ``python -m tests.benchmarks.duplicates_validity`` measures both.
"""

from __future__ import annotations

import cv2
import numpy as np

HASH_VERSION = 2
SIDE = 16
_SMALL = 64
_FADE = 24  # of 64, at each side
SAME_DETAIL = 0.91
DETAIL_VERSION = 1
_DETAIL_PX = 256
_FINE_SIGMA, _COARSE_SIGMA = 1.0, 3.0
_LEAST_DETAIL = 0.05  # grey levels
_SHIFT_PX = 4  # that a part may have moved: landmarks of an edited copy are off by that much at most
# Eyes with brows, nose, mouth: left, top, right, bottom in the crop at 256 px.
_DETAIL_PARTS = ((56, 84, 200, 148), (92, 120, 164, 180), (76, 164, 180, 220))
_STEP = 1e-6  # coefficients closer than this are equal: rounding must not decide a bit

_SIGNS = np.where(np.arange(SIDE) % 2, -1.0, 1.0)  # what mirroring does to the columns of the transform
_DC = np.ones(SIDE)
_DC[0] = np.sqrt(2)
_EDGE = np.minimum(np.arange(_SMALL) + 0.5, _SMALL - np.arange(_SMALL) - 0.5)  # pixels from the nearest edge
_RAMP = 0.5 - 0.5 * np.cos(np.pi * np.minimum(_EDGE / _FADE, 1))
_WINDOW = np.outer(_RAMP, _RAMP)
_UNSCALED = np.outer(_DC, _DC)  # from cv2's orthonormal transform to the one of ImageHash


def hash_face(aligned: np.ndarray) -> tuple[bytes, bytes]:
    """Compute perceptual hashes of a face and of its mirror image.

    Parameters
    ----------
    aligned : (S, S, 3) uint8
        The face on the template; S is a multiple of 64.

    Returns
    -------
    phash, phash_mirror
        32 bytes each. Hashes of two pictures are compared by the number of bits in which they differ.

    Raises
    ------
    ValueError
        For any other shape or dtype.
    """
    side = len(aligned)
    if aligned.dtype != np.uint8 or aligned.shape != (side, side, 3) or side % _SMALL or not side:
        raise ValueError(f"expected an aligned face (512, 512, 3) uint8, got {aligned.shape} {aligned.dtype}")
    grey = cv2.cvtColor(np.ascontiguousarray(aligned), cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_SMALL, _SMALL), interpolation=cv2.INTER_AREA)
    mean = float((small * _WINDOW).sum() / _WINDOW.sum())
    low = cv2.dct((small - mean) * _WINDOW)[:SIDE, :SIDE] * _UNSCALED
    low = np.round(low / _STEP) * _STEP
    return _pack(low), _pack(low * _SIGNS)


def face_detail(aligned: np.ndarray) -> np.ndarray:
    """Compute fine structure of a face: (256, 256) float32, without its light and colours.

    Parameters
    ----------
    aligned : (S, S, 3) uint8
        The face on the template.
    """
    grey = cv2.cvtColor(np.ascontiguousarray(aligned), cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_DETAIL_PX, _DETAIL_PX), interpolation=cv2.INTER_AREA).astype(np.float32)
    detail: np.ndarray = cv2.GaussianBlur(small, (0, 0), _FINE_SIGMA)
    detail -= cv2.GaussianBlur(small, (0, 0), _COARSE_SIGMA)
    return detail


def compare_details(one: np.ndarray, other: np.ndarray) -> float:
    """Compute correlation of two faces' details, mirrored or not: 1 for equal ones, `SAME_DETAIL` for copies.

    The mean over eyes, nose and mouth, each where it fits best within a few pixels.
    """
    return max(_correlate(one, other), _correlate(np.ascontiguousarray(one[:, ::-1]), other))


def _correlate(one: np.ndarray, other: np.ndarray) -> float:
    found = []
    for left, top, right, bottom in _DETAIL_PARTS:
        part = one[top:bottom, left:right]
        window = other[top - _SHIFT_PX : bottom + _SHIFT_PX, left - _SHIFT_PX : right + _SHIFT_PX]
        if min(part.std(), window.std()) < _LEAST_DETAIL:  # OpenCV takes nothing for anything
            found.append(0.0)
        else:
            found.append(float(cv2.matchTemplate(window, part, cv2.TM_CCOEFF_NORMED).max()))
    return float(np.mean(found))


def _pack(coefficients: np.ndarray) -> bytes:
    return np.packbits(coefficients > np.median(coefficients)).tobytes()
