"""Pix2PixHD: generators and the multi-scale discriminator (Wang et al. 2018, arXiv 1711.11585).

The default configuration is the reference one (``GlobalGenerator``, ngf 64, 4 downs, 9 blocks), and
parameter names follow the reference project's, so that its checkpoints load. ``COMPACT`` is a
configuration for CPUs: BatchNorm (folds away at inference) instead of InstanceNorm, nearest
upsampling instead of transposed convolutions, and ``patch=2``, which moves the network to half
resolution by a lossless space-to-depth step (Shi et al. 2016, arXiv 1609.05158).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from core.generators.blocks import (
    Norm,
    Padding,
    ResnetBlock,
    norm_layer,
    padded_conv,
    photo_end,
    upsampling,
)


@dataclass(frozen=True)
class GlobalGeneratorConfig:
    """Architecture of a ``GlobalGenerator``.

    Attributes
    ----------
    ngf
        Channels after the first convolution.
    n_downsampling, n_blocks
        Stride-2 convolutions, and residual blocks at the bottom.
    max_channels
        Cap on the channels at the bottom; the reference has none.
    upsample
        ``transposed`` convolutions as in the reference, or ``nearest`` plus a 3 x 3 convolution, which
        cannot draw checkerboards.
    patch
        Side of the pixel blocks that are moved into channels before the network and back after it,
        there followed by a ``Binomial`` filter.
    bounded
        Limit residual sums to +-16 and the activations on the way up to 6. With BatchNorm one corner of
        the bottleneck can otherwise grow a spike (69 where 19 was the most elsewhere) that draws dots.
    """

    input_nc: int = 1
    output_nc: int = 3
    ngf: int = 64
    n_downsampling: int = 4
    n_blocks: int = 9
    norm: Norm = "instance"
    upsample: Literal["transposed", "nearest"] = "transposed"
    padding: Padding = "reflect"
    patch: int = 1
    max_channels: int = 1 << 16
    bounded: bool = False

    def channels(self, level: int) -> int:
        """Channels after ``level`` downsamplings."""
        return min(self.ngf * 2**level, self.max_channels)

    @property
    def multiple(self) -> int:
        """Height and width of the input must be multiples of this."""
        return self.patch * 2**self.n_downsampling


REFERENCE = GlobalGeneratorConfig()
COMPACT = GlobalGeneratorConfig(
    ngf=32,
    n_downsampling=3,
    n_blocks=6,
    norm="batch",
    upsample="nearest",
    padding="zeros",
    patch=2,
    bounded=True,
)


def _upsampling(config: GlobalGeneratorConfig, c_in: int, c_out: int) -> list[nn.Module]:
    up = upsampling(config.upsample, c_in, c_out)
    return [up, norm_layer(config.norm, c_out), nn.ReLU6(True) if config.bounded else nn.ReLU(True)]


def _trunk(config: GlobalGeneratorConfig) -> list[nn.Module]:
    """Everything of the global generator up to, not including, its output layer."""
    blocks = config.patch**2
    layers = [
        *padded_conv(config.padding, config.input_nc * blocks, config.ngf, 7),
        norm_layer(config.norm, config.ngf),
    ]
    layers.append(nn.ReLU(True))
    for level in range(config.n_downsampling):
        c_in, c_out = config.channels(level), config.channels(level + 1)
        layers += [
            nn.Conv2d(c_in, c_out, 3, stride=2, padding=1),
            norm_layer(config.norm, c_out),
            nn.ReLU(True),
        ]
    bottom = config.channels(config.n_downsampling)
    layers += [
        ResnetBlock(bottom, norm=config.norm, padding=config.padding, bounded=config.bounded)
        for _ in range(config.n_blocks)
    ]
    for level in reversed(range(config.n_downsampling)):
        layers += _upsampling(config, config.channels(level + 1), config.channels(level))
    return layers


class GlobalGenerator(nn.Module):
    """Sketch to photo, coarse to fine through one bottleneck.

    ``forward`` takes (B, input_nc, H, W) float32 in [-1, 1], H and W multiples of ``config.multiple``, and
    returns (B, output_nc, H, W) in [-1, 1].
    """

    family = "pix2pixhd"
    name = "Pix2PixHD"
    pairing = "paired"

    def __init__(self, config: GlobalGeneratorConfig = REFERENCE) -> None:
        super().__init__()
        self.config = config
        head = padded_conv(config.padding, config.ngf, config.output_nc * config.patch**2, 7)
        self.model = nn.Sequential(*_trunk(config), *head, photo_end(config.output_nc, config.patch))

    def forward(self, sketch: Tensor) -> Tensor:
        if self.config.patch > 1:
            sketch = F.pixel_unshuffle(sketch, self.config.patch)
        return self.model(sketch)


@dataclass(frozen=True)
class LocalEnhancerConfig:
    """Architecture of a ``LocalEnhancer``: ``ngf`` is that of the finest scale."""

    input_nc: int = 1
    output_nc: int = 3
    ngf: int = 32
    n_downsample_global: int = 4
    n_blocks_global: int = 9
    n_local_enhancers: int = 1
    n_blocks_local: int = 3
    norm: Norm = "instance"

    @property
    def multiple(self) -> int:
        """Height and width of the input must be multiples of this."""
        return 2 ** (self.n_downsample_global + self.n_local_enhancers)

    def global_config(self) -> GlobalGeneratorConfig:
        """Configuration of the coarsest network inside."""
        return self._scale(self.ngf * 2**self.n_local_enhancers)

    def local_config(self, enhancer: int) -> GlobalGeneratorConfig:
        """Configuration of enhancer 1 (coarsest) to ``n_local_enhancers`` (finest)."""
        return self._scale(self.ngf * 2 ** (self.n_local_enhancers - enhancer))

    def _scale(self, ngf: int) -> GlobalGeneratorConfig:
        return GlobalGeneratorConfig(
            input_nc=self.input_nc, output_nc=self.output_nc, ngf=ngf, norm=self.norm,
            n_downsampling=self.n_downsample_global, n_blocks=self.n_blocks_global,
        )  # fmt: skip


class LocalEnhancer(nn.Module):
    """The two-scale generator of ``--netG local``: a global network at half size, enhanced at full size."""

    family = "pix2pixhd_local"
    name = "Pix2PixHD, two scales"
    pairing = "paired"

    def __init__(self, config: LocalEnhancerConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or LocalEnhancerConfig()
        self.model = nn.Sequential(*_trunk(config.global_config()))
        for number in range(1, config.n_local_enhancers + 1):
            scale = config.local_config(number)
            ngf = scale.ngf
            down = [
                *padded_conv(scale.padding, config.input_nc, ngf, 7), norm_layer(config.norm, ngf), nn.ReLU(True),
                nn.Conv2d(ngf, ngf * 2, 3, stride=2, padding=1), norm_layer(config.norm, ngf * 2), nn.ReLU(True),
            ]  # fmt: skip
            up: list[nn.Module] = [
                ResnetBlock(ngf * 2, norm=scale.norm, padding=scale.padding)
                for _ in range(config.n_blocks_local)
            ]
            up += _upsampling(scale, ngf * 2, ngf)
            if number == config.n_local_enhancers:
                up += [*padded_conv(scale.padding, ngf, config.output_nc, 7), nn.Tanh()]
            self.add_module(f"model{number}_1", nn.Sequential(*down))
            self.add_module(f"model{number}_2", nn.Sequential(*up))

    def forward(self, sketch: Tensor) -> Tensor:
        pyramid = [sketch]
        for _ in range(self.config.n_local_enhancers):
            pyramid.append(_halve(pyramid[-1]))
        result = self.model(pyramid[-1])
        for number in range(1, self.config.n_local_enhancers + 1):
            finer = pyramid[self.config.n_local_enhancers - number]
            down, up = self.get_submodule(f"model{number}_1"), self.get_submodule(f"model{number}_2")
            result = up(down(finer) + result)
        return result


def _halve(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False)


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Architecture of a ``MultiscaleDiscriminator``; ``input_nc`` counts sketch and photo channels."""

    input_nc: int = 4
    ndf: int = 64
    n_layers: int = 3
    num_D: int = 2
    norm: Literal["instance", "batch", "spectral"] = "instance"


class MultiscaleDiscriminator(nn.Module):
    """PatchGANs (convolutions k4 p2) on an image pyramid; ``scale{num_D - 1}`` sees full resolution."""

    def __init__(self, config: DiscriminatorConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or DiscriminatorConfig()
        for scale in range(config.num_D):
            for number, layer in enumerate(_patch_layers(config)):
                self.add_module(f"scale{scale}_layer{number}", layer)

    def forward(self, pair: Tensor, corners: Tensor | None = None, crop: int = 0) -> list[list[Tensor]]:
        """Feature maps of each scale, full resolution first; the last map of each is its verdict.

        Parameters
        ----------
        pair : (B, input_nc, H, W) float32
            Sketch and photo, concatenated.
        corners : (B, 2) int64, optional
            Top left corners; full resolution then sees only ``crop`` pixels from there.
        """
        outputs = []
        for scale in reversed(range(self.config.num_D)):
            maps, x = [], pair
            if corners is not None and scale == self.config.num_D - 1:
                x = crop_each(pair, corners, crop)
            for number in range(self.config.n_layers + 2):
                x = self.get_submodule(f"scale{scale}_layer{number}")(x)
                maps.append(x)
            outputs.append(maps)
            if scale:
                pair = _halve(pair)
        return outputs


def crop_each(images: Tensor, corners: Tensor, side: int) -> Tensor:
    """A square of each image: (B, C, H, W) and top left corners (B, 2) -> (B, C, side, side)."""
    squares = [
        image[:, top : top + side, left : left + side]
        for image, (top, left) in zip(images, corners.tolist(), strict=True)
    ]
    return torch.stack(squares).contiguous(memory_format=torch.channels_last)


def _patch_layers(config: DiscriminatorConfig) -> list[nn.Sequential]:
    def conv(c_in: int, c_out: int, stride: int) -> nn.Module:
        layer = nn.Conv2d(c_in, c_out, 4, stride=stride, padding=2)
        return spectral_norm(layer) if config.norm == "spectral" else layer

    widths = [min(config.ndf * 2**level, 512) for level in range(config.n_layers + 1)]
    layers = [nn.Sequential(conv(config.input_nc, widths[0], 2), nn.LeakyReLU(0.2, True))]
    for level in range(1, config.n_layers + 1):
        block = [conv(widths[level - 1], widths[level], 2 if level < config.n_layers else 1)]
        if config.norm != "spectral":
            block.append(norm_layer(config.norm, widths[level]))
        layers.append(nn.Sequential(*block, nn.LeakyReLU(0.2, True)))
    layers.append(nn.Sequential(conv(widths[-1], 1, 1)))
    return layers
