"""A perceptual loss.

Feature maps of EfficientNet-Lite0; each map's difference is divided by its mean magnitude, so that
no layer drowns the others (the role that VGG-19 has in Pix2PixHD; Johnson et al. 2016).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core.efficientnet import EfficientNetMaps

LAST_BLOCKS = (0, 2, 4, 7, 10)  # the last block of each resolution, up to stride 16


class PerceptualLoss(nn.Module):
    """Distance between two batches of photos (B, 3, H, W) in [-1, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.features = EfficientNetMaps(LAST_BLOCKS)

    def forward(self, fake: Tensor, real: Tensor) -> Tensor:
        with torch.no_grad():
            targets = self.features(real)
        # Each sample by its own magnitude, so that the loss does not depend on how a batch is split.
        terms = [
            (_mean(ours - theirs) / _mean(theirs).clamp_min(1e-3)).mean()
            for ours, theirs in zip(self.features(fake), targets, strict=True)
        ]
        return torch.stack(terms).mean()


def perceptual_loss(weight: float) -> PerceptualLoss | None:
    """Give the loss where it has a weight; its network is large."""
    return PerceptualLoss() if weight else None


def _mean(maps: Tensor) -> Tensor:
    """Mean magnitude of each sample's map: (B, C, H, W) -> (B,) float32."""
    return maps.float().abs().mean((1, 2, 3))
