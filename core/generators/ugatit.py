"""U-GAT-IT: generators with attention and AdaLIN, and their discriminators (Kim et al. 2020, arXiv 1907.10830).

Defaults are the reference configuration, and parameter names follow the reference project's, so that
its checkpoints load. ``COMPACT`` is a configuration for CPUs: light, half the channels, and the same
space-to-depth step as the compact Pix2PixHD.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import spectral_norm  # the one whose parameter names the reference's checkpoints have

from core.generators.blocks import photo_end

DOWNS = 2
EPS = 1e-5


@dataclass(frozen=True)
class UGATITConfig:
    """Architecture of an ``AttentionTranslator``.

    Attributes
    ----------
    n_blocks
        Residual blocks before and after the attention, each.
    img_size
        Side of the images. A light network takes any; the full one's first linear layer sees every
        pixel of the features and fits this size only.
    light
        Whether AdaLIN's parameters come from pooled features.
    patch
        Side of the pixel blocks that are moved into channels before the network and back after it.
    """

    input_nc: int = 3
    output_nc: int = 3
    ngf: int = 64
    n_blocks: int = 4
    img_size: int = 256
    light: bool = False
    patch: int = 1

    @property
    def multiple(self) -> int:
        """Height and width of the input must be multiples of this."""
        return self.patch * 2**DOWNS if self.light else self.img_size


REFERENCE = UGATITConfig()
COMPACT = UGATITConfig(ngf=32, light=True, patch=2)


@dataclass(frozen=True)
class Translation:
    """What a translator makes of images."""

    photo: Tensor  # (B, output_nc, H, W) in [-1, 1]
    # (B, 2): which domain the input is of, by average and by maximum pooling: the class activation map's loss.
    cam_logit: Tensor
    heatmap: Tensor  # (B, 1, h, w): where the network looked, not normalised


class AttentionTranslator(nn.Module):
    """One domain to the other, led by a class activation map.

    ``forward`` takes (B, input_nc, H, W) float32 in [-1, 1], H and W multiples of ``config.multiple``, and
    returns (B, output_nc, H, W) in [-1, 1]; ``translate`` returns logits and heat map too.
    """

    family = "ugatit"
    name = "U-GAT-IT"
    pairing = "unpaired"

    def __init__(self, config: UGATITConfig = REFERENCE) -> None:
        super().__init__()
        self.config = config
        ngf, width = config.ngf, config.ngf * 2**DOWNS
        down = _conv(config.input_nc * config.patch**2, ngf, 7)
        for level in range(DOWNS):
            down += _conv(ngf * 2**level, ngf * 2 ** (level + 1), 3, stride=2)
        down += [_ResnetBlock(width) for _ in range(config.n_blocks)]
        self.DownBlock = nn.Sequential(*down)

        self.gap_fc = nn.Linear(width, 1, bias=False)
        self.gmp_fc = nn.Linear(width, 1, bias=False)
        self.conv1x1 = nn.Conv2d(width * 2, width, 1)
        grid = config.img_size // (2**DOWNS * config.patch)
        seen = width if config.light else width * grid**2
        self.FC = nn.Sequential(
            nn.Linear(seen, width, bias=False), nn.ReLU(True),
            nn.Linear(width, width, bias=False), nn.ReLU(True),
        )  # fmt: skip
        self.gamma = nn.Linear(width, width, bias=False)
        self.beta = nn.Linear(width, width, bias=False)
        for number in range(1, config.n_blocks + 1):
            self.add_module(f"UpBlock1_{number}", _AdaLINBlock(width))
        up: list[nn.Module] = []
        for level in reversed(range(DOWNS)):
            c_out = ngf * 2**level
            up += [
                nn.Upsample(scale_factor=2.0, mode="nearest"), nn.ReflectionPad2d(1),
                nn.Conv2d(c_out * 2, c_out, 3, bias=False), LayerInstanceNorm(c_out), nn.ReLU(True),
            ]  # fmt: skip
        up += [nn.ReflectionPad2d(3), nn.Conv2d(ngf, config.output_nc * config.patch**2, 7, bias=False)]
        self.UpBlock2 = nn.Sequential(*up, photo_end(config.output_nc, config.patch))

    def forward(self, sketch: Tensor) -> Tensor:
        return self.translate(sketch).photo

    def translate(self, sketch: Tensor) -> Translation:
        """Photo, domain logits and heat map of images as `forward` takes them."""
        if self.config.patch > 1:
            sketch = F.pixel_unshuffle(sketch, self.config.patch)
        x = self.DownBlock(sketch)
        x, cam_logit = attend(x, self.gap_fc, self.gmp_fc)
        x = F.relu(self.conv1x1(x))
        heatmap = x.sum(1, keepdim=True)
        seen = F.adaptive_avg_pool2d(x, 1) if self.config.light else x
        style = self.FC(seen.flatten(1))
        gamma, beta = self.gamma(style), self.beta(style)
        for number in range(1, self.config.n_blocks + 1):
            x = self.get_submodule(f"UpBlock1_{number}")(x, gamma, beta)
        return Translation(self.UpBlock2(x), cam_logit, heatmap)

    def clip_rho(self) -> None:
        """Keep every mix of instance and layer normalisation in [0, 1]; call after each optimiser step."""
        with torch.no_grad():
            for layer in self.modules():
                if isinstance(layer, AdaptiveLayerInstanceNorm | LayerInstanceNorm):
                    layer.rho.clamp_(0, 1)


def attend(x: Tensor, average_fc: nn.Linear, maximum_fc: nn.Linear) -> tuple[Tensor, Tensor]:
    """Weight features by how much they tell about the domain (Zhou et al. 2016, arXiv 1512.04150).

    Parameters
    ----------
    x : (B, C, H, W)
    average_fc, maximum_fc
        Linear layers C -> 1 on average-pooled and on max-pooled features.

    Returns
    -------
    weighted : (B, 2 C, H, W)
    cam_logit : (B, 2)
    """
    logits, weighted = [], []
    for pool, layer in ((F.adaptive_avg_pool2d, average_fc), (F.adaptive_max_pool2d, maximum_fc)):
        logits.append(layer(pool(x, 1).flatten(1)))
        weighted.append(x * layer.weight[:, :, None, None])
    return torch.cat(weighted, 1), torch.cat(logits, 1)


def _conv(c_in: int, c_out: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    pad = nn.ReflectionPad2d(kernel // 2)
    conv = nn.Conv2d(c_in, c_out, kernel, stride=stride, bias=False)
    return [pad, conv, nn.InstanceNorm2d(c_out), nn.ReLU(True)]


class _ResnetBlock(nn.Module):
    """x + norm(conv(relu(norm(conv(x))))), without biases."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(*_conv(channels, channels, 3), *_conv(channels, channels, 3)[:3])

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_block(x)


class _AdaLINBlock(nn.Module):
    """A residual block whose normalisation is told gamma and beta."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pad = nn.ReflectionPad2d(1)
        self.conv1 = nn.Conv2d(channels, channels, 3, bias=False)
        self.norm1 = AdaptiveLayerInstanceNorm(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, bias=False)
        self.norm2 = AdaptiveLayerInstanceNorm(channels)

    def forward(self, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(self.pad(x)), gamma, beta))
        return x + self.norm2(self.conv2(self.pad(y)), gamma, beta)


class AdaptiveLayerInstanceNorm(nn.Module):
    """AdaLIN: rho mixes instance and layer normalisation; scale and shift come from outside."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.rho = nn.Parameter(torch.full((1, channels, 1, 1), 0.9))

    def forward(self, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        return _mix_norms(x, self.rho) * gamma[:, :, None, None] + beta[:, :, None, None]


class LayerInstanceNorm(nn.Module):
    """LIN: the same with scale and shift of its own."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.rho = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.gamma = nn.Parameter(torch.ones(1, channels, 1, 1))
        self.beta = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return _mix_norms(x, self.rho) * self.gamma + self.beta


def _mix_norms(x: Tensor, rho: Tensor) -> Tensor:
    return rho * _normalised(x, (2, 3)) + (1 - rho) * _normalised(x, (1, 2, 3))


def _normalised(x: Tensor, dims: tuple[int, ...]) -> Tensor:
    """Zero mean and unit variance over ``dims``, the variance unbiased as in the reference.

    Mean and mean square by hand: ``torch.var`` takes twice the time on a CPU where channels come last.
    """
    centred = x - x.mean(dims, keepdim=True)
    count = 1
    for dim in dims:
        count *= x.shape[dim]
    variance = (centred * centred).mean(dims, keepdim=True) * (count / max(count - 1, 1))
    return centred * torch.rsqrt(variance + EPS)


@dataclass(frozen=True)
class AttentionDiscriminatorConfig:
    """Architecture of an ``AttentionDiscriminator``: seven layers judge globally, five locally."""

    input_nc: int = 3
    ndf: int = 64
    n_layers: int = 5


class AttentionDiscriminator(nn.Module):
    """Verdicts (B, 1, h, w) and domain logits (B, 2) for images (B, input_nc, H, W), as a list."""

    def __init__(self, config: AttentionDiscriminatorConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or AttentionDiscriminatorConfig()
        layers = _judging_conv(config.input_nc, config.ndf, stride=2)
        for level in range(config.n_layers - 2):
            stride = 2 if level < config.n_layers - 3 else 1
            layers += _judging_conv(config.ndf * 2**level, config.ndf * 2 ** (level + 1), stride=stride)
        width = config.ndf * 2 ** (config.n_layers - 2)
        self.model = nn.Sequential(*layers)
        self.gap_fc = spectral_norm(nn.Linear(width, 1, bias=False))
        self.gmp_fc = spectral_norm(nn.Linear(width, 1, bias=False))
        self.conv1x1 = nn.Conv2d(width * 2, width, 1)
        self.pad = nn.ReflectionPad2d(1)
        self.conv = spectral_norm(nn.Conv2d(width, 1, 4, bias=False))

    def forward(self, image: Tensor) -> list[Tensor]:
        x, cam_logit = attend(self.model(image), self.gap_fc, self.gmp_fc)
        x = F.leaky_relu(self.conv1x1(x), 0.2)
        return [self.conv(self.pad(x)), cam_logit]


def _judging_conv(c_in: int, c_out: int, *, stride: int) -> list[nn.Module]:
    conv = spectral_norm(nn.Conv2d(c_in, c_out, 4, stride=stride))
    return [nn.ReflectionPad2d(1), conv, nn.LeakyReLU(0.2, True)]
