"""Decode and resize pictures exactly as each protocol does."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from core.errors import UnsafeImage
from core.image_child import decode_in_child
from core.images import DECODER_ERRORS, FORMATS, MAX_PIXELS, read_photo
from core.untrusted_files import read_regular_file

Photo = NDArray[np.uint8]
PIXMAP = re.compile(rb"P[1-6]\s")


def decode_as_tools(source: bytes | str | Path) -> Photo:
    """Pixels (H, W, 3) uint8 as pytorch-fid, torch-fidelity, torchmetrics' users and clean-fid read them.

    Raises
    ------
    UnsafeImage
        If the file is empty, damaged, no picture, or has over 50 megapixels.
    """
    data = source if isinstance(source, bytes) else read_regular_file(source)
    if not data:
        raise UnsafeImage("The file is empty (0 bytes). Choose a picture file.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of large pictures, odd palettes and odd EXIF
        try:
            with Image.open(io.BytesIO(data), formats=(*FORMATS, "PPM")) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise UnsafeImage(
                        f"The picture is too large: {image.width} x {image.height} pixels, at most "
                        f"{MAX_PIXELS / 1e6:.0f} megapixels are read. Make it smaller first."
                    )
                return np.array(image.convert("RGB"), dtype=np.uint8)
        except UnsafeImage:
            raise
        except DECODER_ERRORS as error:
            raise UnsafeImage("The file is no picture, is damaged, or is cut short.") from error


def decode_as_seen(source: bytes | str | Path) -> Photo:
    """Pixels (H, W, 3) uint8 as a person sees them; see `core.images.read_photo`.

    A portable pixmap has neither orientation, profile nor transparency: there is one way to read it.
    """
    data = source if isinstance(source, bytes) else read_regular_file(source)
    return decode_as_tools(data) if PIXMAP.match(data) else read_photo(data)


# In a child process: sets of images come from anybody.
DECODINGS: Mapping[str, Callable[[bytes | str | Path], Photo]] = MappingProxyType(
    {"tools": partial(decode_in_child, decode_as_tools), "seen": partial(decode_in_child, decode_as_seen)}
)


Resize = Callable[[Photo, int], Tensor]


def resize_pytorch(photo: Photo, size: int = 299) -> Tensor:
    """pytorch-fid: bilinear without antialiasing, ``2 x / 255 - 1``. (H, W, 3) uint8 -> (3, size, size)."""
    x = _planes(photo) / 255
    return 2 * F.interpolate(x, (size, size), mode="bilinear", align_corners=False)[0] - 1


def resize_tf1(photo: Photo, size: int = 299) -> Tensor:
    """torch-fidelity: TensorFlow 1's bilinear without half-pixel centres, ``(x - 128) / 128``."""
    x = _planes(photo)[0]
    top, bottom, down = _tf1_taps(x.shape[1], size)
    left, right, across = _tf1_taps(x.shape[2], size)
    upper, lower = x[:, top], x[:, bottom]
    above = upper[:, :, left] + (upper[:, :, right] - upper[:, :, left]) * across
    below = lower[:, :, left] + (lower[:, :, right] - lower[:, :, left]) * across
    return (above + (below - above) * down[:, None] - 128) / 128


def resize_torchmetrics(photo: Photo, size: int = 299) -> Tensor:
    """torchmetrics' default: bilinear with antialiasing, ``(x - 128) / 128``."""
    x = F.interpolate(_planes(photo), (size, size), mode="bilinear", align_corners=False, antialias=True)
    return (x[0] - 128) / 128


def resize_clean(photo: Photo, size: int = 299) -> Tensor:
    """clean-fid: Pillow's bicubic on float channels, clipped but not rounded, ``(x - 128) / 128``."""
    _check(photo)
    planes = [
        np.asarray(
            Image.fromarray(photo[..., channel].astype(np.float32)).resize(
                (size, size), Image.Resampling.BICUBIC
            )
        )
        for channel in range(3)
    ]
    return (torch.from_numpy(np.stack(planes).clip(0, 255)) - 128) / 128


RESIZES: Mapping[str, Resize] = MappingProxyType(
    {
        "pytorch": resize_pytorch,
        "tf1": resize_tf1,
        "torchmetrics": resize_torchmetrics,
        "clean": resize_clean,
    }
)


def _tf1_taps(length: int, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """First and second source pixel of each target pixel, and the second one's share."""
    position = torch.arange(size, dtype=torch.float32) * torch.tensor(length / size, dtype=torch.float32)
    first = position.long()
    return first, (first + 1).clamp_max(length - 1), position - first.float()


def _planes(photo: Photo) -> Tensor:
    """(1, 3, H, W) float32, 0 to 255."""
    _check(photo)
    return torch.from_numpy(np.ascontiguousarray(photo.transpose(2, 0, 1))[None]).float()


def _check(photo: Photo) -> None:
    if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.uint8 or 0 in photo.shape:
        raise ValueError(f"expected a photo (H, W, 3) uint8, got {photo.shape} {photo.dtype}.")
