"""What the first bytes of a picture say: format, size, and how much was lost when it was packed."""

from __future__ import annotations

import io
import warnings
from typing import NamedTuple

from PIL import Image, JpegImagePlugin

from core.errors import UnsafeImage
from core.images import DECODER_ERRORS, FORMATS, MAX_PIXELS, can_read_heif

# Luminance table of the JPEG standard (ITU-T T.81, annex K), which libjpeg scales by its quality.
_LUMINANCE_SUM = 3688
_NO_PICTURE = f"It is no picture that can be read ({', '.join(FORMATS)})."


class Header(NamedTuple):
    """What is known of a picture without decoding it.

    Attributes
    ----------
    format
        ``PNG``, ``JPEG``, ...
    width, height
        In pixels, as stored: EXIF may turn them.
    quality
        About the quality setting of a JPEG, 1 to 100; None for other formats.
    is_lossy
        Whether packing it lost something: JPEG, most WebP and AVIF.
    """

    format: str
    width: int
    height: int
    quality: int | None
    is_lossy: bool


def read_header(data: bytes) -> Header:
    """Read a picture's header.

    Raises
    ------
    UnsafeImage
        If the file is empty, no picture, or has over 50 megapixels.
    """
    if not data:
        raise UnsafeImage("The file is empty (0 bytes).")
    formats: tuple[str, ...] = (*FORMATS, "PPM")
    if data[4:8] == b"ftyp" and can_read_heif():
        formats = (*formats, "HEIF")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of large pictures, odd palettes and odd EXIF
        try:
            with Image.open(io.BytesIO(data), formats=formats) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise UnsafeImage(
                        f"It is too large: {image.width} x {image.height} pixels, at most "
                        f"{MAX_PIXELS / 1e6:.0f} megapixels are read."
                    )
                kind = "JPEG" if image.format == "MPO" else image.format or "unknown"
                return Header(kind, image.width, image.height, _quality(image), _is_lossy(kind, data))
        except UnsafeImage:
            raise
        except DECODER_ERRORS as error:
            raise UnsafeImage(_NO_PICTURE) from error


def _quality(image: Image.Image) -> int | None:
    """The quality that libjpeg's scaling of the standard table would need for a table this coarse."""
    if not isinstance(image, JpegImagePlugin.JpegImageFile) or not image.quantization:
        return None
    table = image.quantization[min(image.quantization)]
    scale = 100 * sum(table) / _LUMINANCE_SUM
    quality = (200 - scale) / 2 if scale <= 100 else 5000 / scale
    return int(min(100, max(1, round(quality))))


def _is_lossy(kind: str, data: bytes) -> bool:
    if kind == "WEBP":
        return b"VP8L" not in data[:4096]
    return kind in ("JPEG", "AVIF", "HEIF")
