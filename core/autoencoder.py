"""Stage 1: an autoencoder that reads a clumsy sketch as a point among the sketches of real faces.

A residual convolutional encoder to a 512-d latent and a mirrored decoder (after the component
embedding of DeepFaceDrawing, Chen et al. 2020, arXiv 2006.01047; here for the whole face). A
space-to-depth step of ``patch`` pixels puts the first layer at a resolution where two CPU cores
keep up; lines of a pixel's width survive it, because nothing is thrown away.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class AutoencoderConfig:
    """Architecture of a ``SketchAutoencoder``.

    Attributes
    ----------
    image_size
        Side of the sketches in pixels, ``patch * bottom`` times a power of two.
    widths
        Channels of the stride-2 stages; the last is repeated, or the list cut, to fit ``image_size``.
    bottleneck
        Channels of the grid that the linear layers see.
    bottom
        Side of that grid, below which the convolutions stop.
    """

    image_size: int = 256
    latent: int = 512
    widths: tuple[int, ...] = (32, 64, 128, 256)
    bottleneck: int = 64
    patch: int = 2
    bottom: int = 8

    def stages(self) -> tuple[int, ...]:
        """Channels of each stride-2 stage.

        Raises
        ------
        ValueError
            If ``image_size`` is not ``patch * bottom * 2**n`` with n >= 1.
        """
        smallest = self.patch * self.bottom
        ratio, rest = divmod(self.image_size, smallest)
        if rest or ratio < 2 or ratio & (ratio - 1):
            raise ValueError(
                f"image_size {self.image_size} does not fit patch {self.patch}: "
                f"expected {smallest} times a power of two, at least {smallest * 2}"
            )
        count = ratio.bit_length() - 1
        return (self.widths + self.widths[-1:] * count)[:count]


class _Residual(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut; ``stride`` 2 halves the grid."""

    def __init__(self, c_in: int, c_out: int, stride: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(c_in, c_out, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU(True),
            nn.Conv2d(c_out, c_out, 3, padding=1, bias=False), nn.BatchNorm2d(c_out),
        )  # fmt: skip
        same = stride == 1 and c_in == c_out
        self.shortcut: nn.Module = nn.Identity()
        if not same:
            self.shortcut = nn.Sequential(
                nn.Conv2d(c_in, c_out, 1, stride=stride, bias=False), nn.BatchNorm2d(c_out)
            )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.body(x) + self.shortcut(x))


class SketchEncoder(nn.Module):
    """(B, 1, S, S) float32 in [-1, 1] -> (B, latent) float32."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        stages = config.stages()
        self.patch = config.patch
        self.stem = nn.Sequential(
            nn.Conv2d(config.patch**2, stages[0], 3, padding=1, bias=False),
            nn.BatchNorm2d(stages[0]),
            nn.ReLU(True),
        )
        widths = (stages[0], *stages)
        self.stages = nn.Sequential(
            *[_Residual(a, b, stride=2) for a, b in zip(widths, stages, strict=False)]
        )
        self.squeeze = nn.Conv2d(stages[-1], config.bottleneck, 1)
        self.linear = nn.Linear(config.bottleneck * config.bottom**2, config.latent)

    def forward(self, sketch: Tensor) -> Tensor:
        x = self.stem(F.pixel_unshuffle(sketch, self.patch))
        return self.linear(self.squeeze(self.stages(x)).flatten(1))


class SketchDecoder(nn.Module):
    """(B, latent) float32 -> (B, 1, S, S) logits: positive is white paper."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        stages = config.stages()[::-1]
        self.grid = (config.bottleneck, config.bottom, config.bottom)
        self.linear = nn.Linear(config.latent, config.bottleneck * config.bottom**2)
        self.expand = nn.Conv2d(config.bottleneck, stages[0], 1)
        widths = (*stages, stages[-1])
        self.stages = nn.Sequential(
            *[
                nn.Sequential(nn.Upsample(scale_factor=2.0, mode="nearest"), _Residual(a, b))
                for a, b in zip(widths, widths[1:], strict=False)
            ]
        )
        self.head = nn.Sequential(
            nn.Conv2d(stages[-1], config.patch**2, 3, padding=1), nn.PixelShuffle(config.patch)
        )

    def forward(self, latent: Tensor) -> Tensor:
        x = self.linear(latent).unflatten(1, self.grid)
        return self.head(self.stages(F.relu(self.expand(x))))


class SketchAutoencoder(nn.Module):
    """Encoder and decoder for one kind of sketch: the whole face, or one part of it."""

    family = "sketch_autoencoder"

    def __init__(self, config: AutoencoderConfig | None = None) -> None:
        super().__init__()
        self.config = config or AutoencoderConfig()
        self.encoder = SketchEncoder(self.config)
        self.decoder = SketchDecoder(self.config)

    def encode(self, sketch: Tensor) -> Tensor:
        """Sketch (B, 1, S, S) in [-1, 1], white +1 -> latent (B, 512)."""
        return self.encoder(sketch)

    def decode(self, latent: Tensor) -> Tensor:
        """Latent (B, 512) -> sketch (B, 1, S, S) in [-1, 1]."""
        return torch.tanh(self.decoder(latent) / 2)  # = 2 sigmoid - 1

    def forward(self, sketch: Tensor) -> Tensor:
        """Logits of the cleaned sketch, for the training loss."""
        return self.decoder(self.encoder(sketch))
