"""Building blocks that the generators of all three families share."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Norm = Literal["instance", "batch"]
Padding = Literal["reflect", "zeros"]


def norm_layer(kind: Norm, channels: int) -> nn.Module:
    """A normalisation by its name; ValueError for an unknown one."""
    if kind == "instance":
        return nn.InstanceNorm2d(channels)
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    raise ValueError(f"unknown norm {kind!r}; expected 'instance' or 'batch'")


def padded_conv(padding: Padding, c_in: int, c_out: int, kernel: int) -> list[nn.Module]:
    """Two slots, padding and convolution, as in the reference's numbering."""
    side = kernel // 2
    if padding == "reflect":
        return [nn.ReflectionPad2d(side), nn.Conv2d(c_in, c_out, kernel)]
    return [nn.Identity(), nn.Conv2d(c_in, c_out, kernel, padding=side)]


class ResnetBlock(nn.Module):
    """x + norm(conv(relu(norm(conv(x)))))."""

    def __init__(self, channels: int, *, norm: Norm, padding: Padding, bounded: bool = False) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            *padded_conv(padding, channels, channels, 3), norm_layer(norm, channels), nn.ReLU(True),
            *padded_conv(padding, channels, channels, 3), norm_layer(norm, channels),
        )  # fmt: skip
        self.limit = 16.0 if bounded else None

    def forward(self, x: Tensor) -> Tensor:
        total = x + self.conv_block(x)
        return total if self.limit is None else total.clamp(-self.limit, self.limit)


class NearestConv(nn.Module):
    """Nearest upsampling by 2, then a 3 x 3 convolution."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


def upsampling(how: str, c_in: int, c_out: int) -> nn.Module:
    """Twice the size: ``nearest`` as `NearestConv`, else the reference projects' transposed convolution."""
    if how == "nearest":
        return NearestConv(c_in, c_out)
    return nn.ConvTranspose2d(c_in, c_out, 3, stride=2, padding=1, output_padding=1)


class Binomial(nn.Module):
    """A fixed 3 x 3 low-pass filter [1 2 1] x [1 2 1] / 16.

    Its response is zero at exactly the frequencies of a checkerboard of period 2, the trace that a
    space-to-depth output leaves; the layers before it learn to make up for what else it damps. It
    comes after the tanh, which would otherwise put harmonics back.
    """

    kernel: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        rows = [[0.0625, 0.125, 0.0625], [0.125, 0.25, 0.125], [0.0625, 0.125, 0.0625]]
        # Written out: arithmetic on a meta device would import all of torch's compiler, four seconds of a start.
        kernel = torch.tensor(rows).repeat(channels, 1, 1, 1)
        self.register_buffer("kernel", kernel, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        # The outermost ring repeats the next one: filtered across a made-up border it had colours of its own.
        inner = F.conv2d(x, self.kernel.to(x.dtype), groups=x.shape[1])
        return F.pad(inner, (1, 1, 1, 1), mode="replicate")


def photo_end(channels: int, patch: int) -> nn.Module:
    """Give what follows the last convolution: tanh, and for ``patch`` > 1 depth back to space and a low-pass."""
    if patch == 1:
        return nn.Tanh()
    return nn.Sequential(nn.PixelShuffle(patch), nn.Tanh(), Binomial(channels))


def initialise(module: nn.Module) -> None:
    """Gaussian weights of deviation 0.02, as all three reference projects start from."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            if not hasattr(layer, "parametrizations"):
                nn.init.normal_(layer.weight, 0.0, 0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, 0.02)
            nn.init.zeros_(layer.bias)
