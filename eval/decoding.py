"""From a file to pixels, as a protocol wants it: like the FID tools, or the way a person sees it.

The four FID tools all read ``Image.open(path).convert("RGB")``: EXIF orientation and colour profiles are
ignored, transparency is dropped, 16 bit is cut. A number that is to be theirs needs their pixels.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.errors import UnsafeImage
from core.image_child import decode_in_child
from core.images import DECODER_ERRORS, FORMATS, MAX_PIXELS, read_photo

Photo = NDArray[np.uint8]
PIXMAP = re.compile(rb"P[1-6]\s")


@contextmanager
def opened(data: bytes, *more_formats: str, problem: str = "") -> Iterator[Image.Image]:
    """Open a picture that anybody may have made, without Pillow's warnings.

    Raises
    ------
    UnsafeImage
        With the ``problem``, if it is damaged or no picture.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of large pictures, odd palettes and odd EXIF
        try:
            with Image.open(io.BytesIO(data), formats=(*FORMATS, "PPM", *more_formats)) as image:
                yield image
        except UnsafeImage:
            raise
        except DECODER_ERRORS as error:
            raise UnsafeImage(problem or "The file is no picture, is damaged, or is cut short.") from error


def decode_as_tools(data: bytes) -> Photo:
    """Pixels (H, W, 3) uint8 as pytorch-fid, torch-fidelity, torchmetrics' users and clean-fid read them.

    Raises
    ------
    UnsafeImage
        If the file is empty, damaged, no picture, or has over 50 megapixels.
    """
    if not data:
        raise UnsafeImage("The file is empty (0 bytes). Choose a picture file.")
    with opened(data) as image:
        if image.width * image.height > MAX_PIXELS:
            raise UnsafeImage(
                f"The picture is too large: {image.width} x {image.height} pixels, at most "
                f"{MAX_PIXELS / 1e6:.0f} megapixels are read. Make it smaller first."
            )
        return np.array(image.convert("RGB"), dtype=np.uint8)


def decode_as_seen(data: bytes) -> Photo:
    """Pixels (H, W, 3) uint8 as a person sees them; see `core.images.read_photo`.

    A portable pixmap has neither orientation, profile nor transparency: there is one way to read it.
    """
    return decode_as_tools(data) if PIXMAP.match(data) else read_photo(data)


# In a child process: sets of images come from anybody.
DECODINGS: Mapping[str, Callable[[bytes | str | Path], Photo]] = MappingProxyType(
    {"tools": partial(decode_in_child, decode_as_tools), "seen": partial(decode_in_child, decode_as_seen)}
)
