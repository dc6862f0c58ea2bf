"""CycleGAN: ResNet and U-Net generators and the PatchGAN (Zhu et al. 2017, arXiv 1703.10593).

Defaults are the reference configuration, and parameter names follow the reference project's, so that
its checkpoints load. ``COMPACT`` is a configuration for CPUs: half the channels, six blocks, and the
same space-to-depth step as the compact Pix2PixHD, but InstanceNorm, because one network meets sketches
and photos in the same step and their batch statistics must not mix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

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
class CycleGANConfig:
    """Architecture of a ``ResnetTranslator``.

    Attributes
    ----------
    ngf
        Channels after the first convolution.
    n_blocks
        Residual blocks at the bottom: the paper takes 6 at 128 px and 9 at 256 px.
    dropout
        The reference's ``--no_dropout False``: a Dropout in each block, which changes its numbering.
    upsample, patch
        As in `core.generators.pix2pixhd.GlobalGeneratorConfig`.
    """

    input_nc: int = 3
    output_nc: int = 3
    ngf: int = 64
    n_downsampling: int = 2
    n_blocks: int = 9
    norm: Norm = "instance"
    upsample: Literal["transposed", "nearest"] = "transposed"
    padding: Padding = "reflect"
    dropout: bool = False
    patch: int = 1

    @property
    def multiple(self) -> int:
        """Height and width of the input must be multiples of this."""
        return self.patch * 2**self.n_downsampling


REFERENCE = CycleGANConfig()
COMPACT = CycleGANConfig(ngf=32, n_blocks=6, upsample="nearest", patch=2)


class ResnetTranslator(nn.Module):
    """One domain to the other through residual blocks.

    ``forward`` takes (B, input_nc, H, W) float32 in [-1, 1], H and W multiples of ``config.multiple``, and
    returns (B, output_nc, H, W) in [-1, 1].
    """

    family = "cyclegan"
    name = "CycleGAN"
    pairing = "unpaired"

    def __init__(self, config: CycleGANConfig = REFERENCE) -> None:
        super().__init__()
        self.config = config
        ngf, area = config.ngf, config.patch**2
        layers = padded_conv(config.padding, config.input_nc * area, ngf, 7) + _after(config, ngf)
        for level in range(config.n_downsampling):
            c_in = ngf * 2**level
            layers += [nn.Conv2d(c_in, c_in * 2, 3, stride=2, padding=1), *_after(config, c_in * 2)]
        bottom = ngf * 2**config.n_downsampling
        layers += [_block(config, bottom) for _ in range(config.n_blocks)]
        for level in reversed(range(config.n_downsampling)):
            c_out = ngf * 2**level
            layers += [upsampling(config.upsample, c_out * 2, c_out), *_after(config, c_out)]
        layers += padded_conv(config.padding, ngf, config.output_nc * area, 7)
        self.model = nn.Sequential(*layers, photo_end(config.output_nc, config.patch))

    def forward(self, sketch: Tensor) -> Tensor:
        if self.config.patch > 1:
            sketch = F.pixel_unshuffle(sketch, self.config.patch)
        return self.model(sketch)


def _after(config: CycleGANConfig, channels: int) -> list[nn.Module]:
    return [norm_layer(config.norm, channels), nn.ReLU(True)]


def _block(config: CycleGANConfig, channels: int) -> nn.Module:
    block = ResnetBlock(channels, norm=config.norm, padding=config.padding)
    if config.dropout:
        layers = list(block.conv_block.children())
        block.conv_block = nn.Sequential(*layers[:4], nn.Dropout(0.5), *layers[4:])
    return block


@dataclass(frozen=True)
class UnetConfig:
    """Architecture of a ``UnetTranslator``: ``num_downs`` 8 is the reference's ``unet_256``, 7 ``unet_128``."""

    input_nc: int = 3
    output_nc: int = 3
    ngf: int = 64
    num_downs: int = 8
    norm: Norm = "instance"

    @property
    def multiple(self) -> int:
        """Height and width of the input must be multiples of this."""
        return 2**self.num_downs


class UnetTranslator(nn.Module):
    """One domain to the other through a U-Net (Isola et al. 2017, arXiv 1611.07004); inputs as above."""

    family = "cyclegan_unet"
    name = "CycleGAN, U-Net"
    pairing = "unpaired"

    def __init__(self, config: UnetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or UnetConfig()
        if config.num_downs < 5:
            raise ValueError(f"num_downs must be at least 5, got {config.num_downs}")
        ngf = config.ngf
        block = _Skip(config, ngf * 8, ngf * 8, inner=None)
        for _ in range(config.num_downs - 5):
            block = _Skip(config, ngf * 8, ngf * 8, inner=block)
        for width in (4, 2, 1):
            block = _Skip(config, ngf * width, ngf * width * 2, inner=block)
        self.model = _Outermost(config, block)

    def forward(self, sketch: Tensor) -> Tensor:
        return self.model(sketch)


class _Skip(nn.Module):
    """Down, what lies below, up, and the input beside the result."""

    def __init__(self, config: UnetConfig, outer: int, c_inner: int, *, inner: nn.Module | None) -> None:
        super().__init__()
        bias = config.norm == "instance"
        # In place, as in the reference: what is passed beside is the rectified input.
        down: list[nn.Module] = [
            nn.LeakyReLU(0.2, True),
            nn.Conv2d(outer, c_inner, 4, stride=2, padding=1, bias=bias),
        ]
        if inner is None:
            middle, c_up = [], c_inner
        else:
            # One pixel has no spread to normalise: the reference leaves the norm out at the bottom only.
            down.append(norm_layer(config.norm, c_inner))
            middle, c_up = [inner], c_inner * 2
        up = [
            nn.ReLU(True),
            nn.ConvTranspose2d(c_up, outer, 4, stride=2, padding=1, bias=bias),
            norm_layer(config.norm, outer),
        ]
        self.model = nn.Sequential(*down, *middle, *up)

    def forward(self, x: Tensor) -> Tensor:
        below = self.model(x)
        return torch.cat([x, below], 1)


class _Outermost(nn.Module):
    """The first and the last layer of the U-Net."""

    def __init__(self, config: UnetConfig, inner: nn.Module) -> None:
        super().__init__()
        bias = config.norm == "instance"
        first = nn.Conv2d(config.input_nc, config.ngf, 4, stride=2, padding=1, bias=bias)
        last = nn.ConvTranspose2d(config.ngf * 2, config.output_nc, 4, stride=2, padding=1)
        self.model = nn.Sequential(first, inner, nn.ReLU(True), last, nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


@dataclass(frozen=True)
class PatchDiscriminatorConfig:
    """Architecture of a ``PatchDiscriminator``; three layers judge patches of 70 pixels."""

    input_nc: int = 3
    ndf: int = 64
    n_layers: int = 3
    norm: Norm = "instance"


class PatchDiscriminator(nn.Module):
    """The PatchGAN: a list of one map of verdicts, (B, 1, h, w), for images (B, input_nc, H, W)."""

    def __init__(self, config: PatchDiscriminatorConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or PatchDiscriminatorConfig()
        widths = [config.ndf * min(2**level, 8) for level in range(config.n_layers + 1)]
        layers: list[nn.Module] = [
            nn.Conv2d(config.input_nc, widths[0], 4, stride=2, padding=1),
            nn.LeakyReLU(0.2, True),
        ]
        for level in range(1, config.n_layers + 1):
            stride = 2 if level < config.n_layers else 1
            bias = config.norm == "instance"
            layers += [
                nn.Conv2d(widths[level - 1], widths[level], 4, stride=stride, padding=1, bias=bias),
                norm_layer(config.norm, widths[level]),
                nn.LeakyReLU(0.2, True),
            ]
        layers.append(nn.Conv2d(widths[-1], 1, 4, stride=1, padding=1))
        self.model = nn.Sequential(*layers)

    def forward(self, image: Tensor) -> list[Tensor]:
        return [self.model(image)]
