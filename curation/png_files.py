"""Write PNG files four times as fast as OpenCV does, and tell whether one was written to its end.

Compressing is nine tenths of writing a PNG, and ISA-L does it in 2 ms for an aligned photo where zlib takes
8 at its fastest; that is every eighth millisecond of an image's analysis. What is around it is little:
one filter for all rows ("up" for photos, none for sketches) and four chunks (W3C, Portable Network
Graphics, third edition).
"""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
from isal import isal_zlib

PNG_END = b"IEND\xaeB`\x82"
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _RGB = 0, 2
_NO_FILTER, _UP = 0, 2
_LEVEL = 1  # 2 takes a tenth longer and saves a hundredth


def encode_png_quickly(image: np.ndarray) -> bytes:
    """Encode a photo or a sketch as PNG; the same picture always gives the same bytes.

    Parameters
    ----------
    image : (H, W) or (H, W, 3) uint8
    """
    is_photo = image.ndim == 3
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or (is_photo and image.shape[2] != 3):
        raise ValueError(
            f"expected a photo (H, W, 3) or sketch (H, W) uint8, got {image.shape} {image.dtype}"
        )
    height, width = image.shape[:2]
    if not height or not width:
        raise ValueError(f"expected a picture of at least one pixel, got {width} x {height}")
    rows = np.ascontiguousarray(image).reshape(height, -1)
    filtered = np.empty((height, rows.shape[1] + 1), np.uint8)
    filtered[:, 0] = _UP if is_photo else _NO_FILTER
    filtered[:, 1:] = rows
    if is_photo:
        filtered[1:, 1:] -= rows[:-1]
    header = struct.pack(">IIBBBBB", width, height, 8, _RGB if is_photo else _GREY, 0, 0, 0)
    pixels = isal_zlib.compress(filtered.tobytes(), _LEVEL)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def ends_with(path: Path, end: bytes) -> bool:
    """Tell whether a file is there and its last bytes are these, that is, whether all of it was written."""
    try:
        with path.open("rb") as file:
            file.seek(-len(end), os.SEEK_END)
            return file.read() == end
    except OSError:
        return False
