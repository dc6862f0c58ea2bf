"""Small pictures of every kind, and what strangers do to them."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from functools import cache

import numpy as np
from PIL import Image

from core.images import can_read_heif

can_read_heif()  # so that Pillow can write HEIF here
KINDS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "HEIF")
WIDTH, HEIGHT = 64, 48


def photo(width: int = WIDTH, height: int = HEIGHT, seed: int = 0) -> np.ndarray:
    """A smooth picture whose corners differ, with a little noise so that it compresses like a photo."""
    ys, xs = np.mgrid[0:height, 0:width]
    smooth = np.stack([xs * 255 // width, ys * 255 // height, 255 - xs * 200 // width], axis=-1)
    noise = np.random.default_rng(seed).integers(0, 12, smooth.shape)
    return np.clip(smooth + noise, 0, 255).astype(np.uint8)


@cache
def plain(kind: str, width: int = WIDTH, height: int = HEIGHT, seed: int = 0) -> bytes:
    """A picture file without options, made once."""
    return encode(kind, photo(width, height, seed))


def encode(kind: str, image: np.ndarray | Image.Image | None = None, **options: object) -> bytes:
    """A picture file."""
    picture = (
        image if isinstance(image, Image.Image) else Image.fromarray(photo() if image is None else image)
    )
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of_size(width: int, height: int, pixels: bytes = b"") -> bytes:
    """A PNG that claims a size, whatever its pixels are."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = (png_chunk(b"IHDR", header), png_chunk(b"IDAT", zlib.compress(pixels)), png_chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def zip_of(entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def samsung_trailer(*blocks: bytes) -> bytes:
    """What Samsung's cameras append: blocks, then a directory that is read from the back."""
    at, rows = sum(map(len, blocks)), []
    for block in blocks:
        rows.append(struct.pack("<HHII", 0, 0x0A01, at, len(block)))
        at -= len(block)
    directory = b"SEFH" + struct.pack("<II", 106, len(blocks)) + b"".join(rows)
    return b"".join(blocks) + directory + struct.pack("<I", len(directory)) + b"SEFT"


def film() -> bytes:
    """The boxes of an MP4 file, as motion photos carry one."""
    kind = b"ftypisom\0\0\2\0isomiso2"
    return struct.pack(">I", len(kind) + 4) + kind + struct.pack(">I", 1008) + b"mdat" + b"\x11" * 1000


def scan_bomb(scans: int = 500) -> bytes:
    """A progressive JPEG whose last scan is repeated: each costs a pass over all pixels."""
    data = encode("JPEG", progressive=True)
    start = data.rfind(b"\xff\xda")
    scan = data[start:-2]
    return data[:start] + scan * scans + b"\xff\xd9"
