"""Four ways in which FID tools bring a photo to the network's size; alone they move FID by several per cent.

Each is its tool's arithmetic to the last step, scaling included: pytorch-fid interpolates without
antialiasing and maps 0..255 to -1..1; TensorFlow 1 (kept alive by torch-fidelity) samples at top-left
corners; torchmetrics antialiases; clean-fid shrinks by Pillow's bicubic in float (Parmar et al. 2022).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

Photo = NDArray[np.uint8]
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
