"""Measure a small copy of a picture: colour, levels, transparency, detail, a fingerprint, seams between panels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.fft import dctn

from eval.decoding import opened

WHAT = "looks-2"  # counts up when anything here changes
SIDE = 64
_TERMS = 16
BITS = _TERMS * _TERMS
CHUNK = 512
_GREY_SPREAD = 6  # JPEG leaves so much colour in a grey picture
_WHOLE = 0.02  # how near a ratio of sides must be to a whole number
_FLAT = 2.0
_END, _JUMP = 1, 200  # grey levels
_DETAIL_SIDE = 256  # px that detail is measured at; smaller pictures are taken as they are
MAX_PANELS = 12

Words = NDArray[np.uint64]


class PictureStatistics(NamedTuple):
    """What is remembered of a picture."""

    is_grey: bool  # whether red, green and blue are the same everywhere
    # red, green, blue: means, 0 to 255.
    red: float
    green: float
    blue: float
    # How many squares lie beside each other (positive) or below each other (negative), if the sides' ratio is a whole
    # number; else 1.
    panels: int
    seam: float  # how much stronger the steps between those squares are than those close by; 0 without panels
    # 256-bit perceptual hash, in hex; empty for a picture without structure, which is like any other.
    fingerprint: str
    # low, high: between which grey levels 98 % of the pixels lie.
    low: float
    high: float
    # black, white: shares of pixels at the very end of the scale in some channel.
    black: float
    white: float
    # Share of neighbours of which one is nearly black and the other nearly white in some channel.
    jumps: float
    is_transparent: bool  # whether something shows through, however little
    # Mean step from a pixel to its neighbours' mean at 256 px, in grey levels, over the spread of all pixels.
    detail: float


def measure_picture(data: bytes) -> PictureStatistics:
    """Decode a picture small, and describe it.

    Raises
    ------
    UnsafeImage
        If it is damaged.
    """
    with opened(data) as image:
        panels = panels_of(image.width, image.height)
        is_transparent = _shows_through(image)
        image.draft("RGB", (4 * SIDE, 4 * SIDE))
        colour = image.convert("RGB")
    size = (SIDE * max(1, panels), SIDE * max(1, -panels))
    small = np.asarray(colour.resize(size, Image.Resampling.BOX), dtype=np.float32)
    spread = np.percentile(small.max(axis=2) - small.min(axis=2), 99)
    red, green, blue = (round(float(value), 2) for value in small.mean(axis=(0, 1)))
    seam = round(seam_strength(small, panels), 2) if abs(panels) > 1 else 0.0
    pixels = np.asarray(colour)
    grey = np.asarray(colour.convert("L"))
    low, high = (round(float(level), 1) for level in np.percentile(grey, (1, 99)))
    black, white = (
        round(float(ends.any(axis=2).mean()), 4) for ends in (pixels <= _END, pixels >= 255 - _END)
    )
    steps = np.abs(np.diff(pixels.astype(np.int16), axis=1)).max(axis=2, initial=0)
    jumps = round(float((steps > _JUMP).mean()), 5) if steps.size else 0.0
    return PictureStatistics(
        bool(spread <= _GREY_SPREAD), red, green, blue, panels, seam, _fingerprint(colour), low, high, black,
        white, jumps, is_transparent, _detail(grey),
    )  # fmt: skip


def _shows_through(image: Image.Image) -> bool:
    if not image.has_transparency_data:
        return False
    return int(np.asarray(image.convert("RGBA").getchannel("A")).min()) < 255


def _detail(grey: NDArray[np.uint8]) -> float:
    side = min(grey.shape)
    if side > _DETAIL_SIDE:
        size = (max(1, grey.shape[1] * _DETAIL_SIDE // side), max(1, grey.shape[0] * _DETAIL_SIDE // side))
        grey = np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.BOX))
    levels = grey.astype(np.float32)
    if min(levels.shape) < 3 or levels.std() < _FLAT:
        return 0.0
    around = (levels[:-2, 1:-1] + levels[2:, 1:-1] + levels[1:-1, :-2] + levels[1:-1, 2:]) / 4
    return round(float(np.abs(levels[1:-1, 1:-1] - around).mean() / levels.std()), 4)


def panels_of(width: int, height: int) -> int:
    """How many squares the sides would hold, negative for one below the other; 1 if not a whole number."""
    ratio = max(width, height) / min(width, height)
    count = round(ratio)
    if count < 2 or count > MAX_PANELS or abs(ratio - count) > _WHOLE * count:
        return 1
    return count if width > height else -count


def seam_strength(small: NDArray[np.float32], panels: int) -> float:
    """Mean step across the panels' borders over the mean step close by: a seam is one pixel wide."""
    grey = small.mean(axis=2)
    steps = np.abs(np.diff(grey, axis=1 if panels > 0 else 0)).mean(axis=0 if panels > 0 else 1)
    borders = np.arange(1, abs(panels)) * SIDE - 1
    around = np.array([-5, -4, -3, -2, 2, 3, 4, 5])
    others = steps[borders[:, None] + around].mean()
    return float(min(steps[borders].mean() / max(float(others), 0.5), 1000))


def _fingerprint(colour: Image.Image) -> str:
    """Signs of the lowest 16 x 16 cosine terms around their median (pHash, Zauner 2010)."""
    grey = np.asarray(colour.convert("L").resize((SIDE, SIDE), Image.Resampling.BICUBIC), dtype=np.float64)
    if grey.std() < _FLAT:
        return ""
    terms = dctn(grey, norm="ortho")[:_TERMS, :_TERMS].ravel()
    return np.packbits(terms > np.median(terms[1:])).tobytes().hex()


def fingerprints(hexes: Iterable[str]) -> Words:
    """Fingerprints as (N, 4) words."""
    packed = bytes.fromhex("".join(hexes))
    return np.frombuffer(packed, dtype=np.uint64).reshape(-1, BITS // 64)


def copies(first: Words, second: Words, *, most: int) -> NDArray[np.int64]:
    """Rows (K, 2) of ``first`` and ``second`` that differ in at most ``most`` bits, ascending.

    Two such differ in no more of their first 64 bits either, and few others do: only those are looked at whole.
    """
    found = [np.empty((0, 2), dtype=np.int64)]
    for at in range(0, len(first), CHUNK):
        some = first[at : at + CHUNK]
        mine, theirs = np.nonzero(np.bitwise_count(some[:, None, 0] ^ second[None, :, 0]) <= most)
        differ = np.bitwise_count(some[mine] ^ second[theirs]).sum(axis=1, dtype=np.int64)
        found.append(np.stack([mine + at, theirs], axis=1)[differ <= most])
    return np.concatenate(found)
