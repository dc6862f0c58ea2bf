"""Twice the resolution: photos of 256 px, as the generators paint them, to 512 px.

A small convolutional network (sub-pixel convolution, Shi et al. 2016, arXiv 1609.05158; residual learning on top
of a bilinear enlargement, Kim et al. 2016, arXiv 1511.04587) without normalisation, so that a crop is upscaled as
it is within the whole picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

UPSCALER_FILE = "upscaler.safetensors"


@dataclass(frozen=True)
class UpscalerConfig:
    """Architecture of an ``Upscaler``.

    Attributes
    ----------
    scale
        How many times larger the result is.
    width, blocks
        Channels at half the input's resolution (twice as many at a quarter), and residual blocks there.
    """

    scale: int = 2
    width: int = 32
    blocks: int = 3


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + 0.2 * self.second(F.relu(self.first(x)))


class Upscaler(nn.Module):
    """Photo (B, 3, H, W) in [-1, 1] -> (B, 3, scale H, scale W) in [-1, 1]; H and W are multiples of 4."""

    family = "upscaler"

    def __init__(self, config: UpscalerConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or UpscalerConfig()
        width, deep = config.width, 2 * config.width
        self.stem = nn.Conv2d(12, width, 3, padding=1)
        self.down = nn.Conv2d(width, deep, 3, stride=2, padding=1)
        self.blocks = nn.Sequential(*[_Residual(deep) for _ in range(config.blocks)])
        self.up = nn.Conv2d(deep, width, 3, padding=1)
        self.body = nn.Conv2d(width, width, 3, padding=1)
        self.head = nn.Conv2d(width, 3 * (2 * config.scale) ** 2, 3, padding=1)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]
        nn.init.normal_(self.head.weight, std=1e-3)  # begins as the bilinear enlargement

    def forward(self, photo: Tensor) -> Tensor:
        half = F.relu(self.stem(F.pixel_unshuffle(photo, 2)))
        quarter = self.blocks(F.relu(self.down(half)))
        back = F.relu(self.up(F.interpolate(quarter, scale_factor=2.0, mode="nearest")) + half)
        detail = F.pixel_shuffle(self.head(F.relu(self.body(back))), 2 * self.config.scale)
        enlarged = F.interpolate(
            photo, scale_factor=float(self.config.scale), mode="bilinear", align_corners=False
        )
        return torch.clamp(enlarged + detail, -1, 1)
