"""What FID tools are compared on: pictures of mixed sizes and formats, and weights in the reference format.

Needs numpy, Pillow and torch only, so that it runs in the tools' own environment too. Everything comes from
seeds: the same Pillow writes the same files, and the same torch draws the same weights.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import nn

SEED = 5
# (width, height) and how it is written; every tool reads them by ``Image.open(path).convert("RGB")``.
SIZES = ((64, 64), (256, 256), (299, 299), (320, 200), (150, 401), (512, 512))
FORMATS = ("png", "q75.jpg", "q95.jpg", "grey.png", "palette.png", "webp", "alpha.png", "bmp")


def write_pictures(folder: Path, count: int, *, kind: str) -> list[Path]:
    """``count`` pictures, ``kind`` "real" or "fake", as files in ``folder``; the same ones every time."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(count):
        rng = np.random.default_rng([SEED, {"real": 0, "fake": 1}[kind], number])
        size, style = SIZES[number % len(SIZES)], FORMATS[(number // 2) % len(FORMATS)]
        path = folder / f"{number:05d}.{style}"
        if not path.exists():
            _write(_picture(rng, size, soft=kind == "fake"), path, style)
        paths.append(path)
    return paths


def _picture(rng: np.random.Generator, size: tuple[int, int], *, soft: bool) -> Image.Image:
    """Blobs of colour over a gradient, with edges and grain; the fakes are softer and greener."""
    width, height = size
    coarse = rng.integers(0, 256, (rng.integers(2, 7), rng.integers(2, 7), 3)).astype(np.uint8)
    picture = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
    pixels = np.asarray(picture).astype(np.float64)
    rows, columns = np.mgrid[:height, :width]
    for _ in range(rng.integers(3, 9)):
        y, x, radius = rng.uniform(0, height), rng.uniform(0, width), rng.uniform(0.05, 0.3) * min(size)
        inside = (rows - y) ** 2 + (columns - x) ** 2 < radius**2
        pixels[inside] = rng.uniform(0, 255, 3)
    pixels += rng.normal(0, rng.uniform(2, 12), pixels.shape)
    if soft:
        pixels[..., 1] += 18
    result = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    return result.filter(ImageFilter.GaussianBlur(1.2)) if soft else result


def _write(picture: Image.Image, path: Path, style: str) -> None:
    if style.endswith("jpg"):
        picture.save(path, "JPEG", quality=int(style[1:3]))
    elif style == "webp":
        picture.save(path, "WEBP", quality=80, method=0)
    elif style == "grey.png":
        picture.convert("L").save(path, compress_level=1)
    elif style == "palette.png":
        picture.quantize(64).save(path, compress_level=1)
    elif style == "alpha.png":
        picture.putalpha(picture.convert("L"))
        picture.save(path, compress_level=1)
    else:
        picture.save(path)


def write_weights(path: Path, network: nn.Module) -> None:
    """Random weights for an Inception with the reference file's 566 tensors, written as a state dict.

    He-normal convolutions; every BatchNorm gets the mean and variance that its own input has on a few
    pictures, because with 0 and 1 the features of a random network collapse to a constant.

    Parameters
    ----------
    network
        Takes (B, 3, 299, 299) in [-1, 1]; overwritten.
    """
    generator = torch.Generator().manual_seed(SEED)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            fan = layer.weight[0].numel()
            layer.weight.data = torch.randn(layer.weight.shape, generator=generator) * (2 / fan) ** 0.5
        elif isinstance(layer, nn.BatchNorm2d):
            layer.weight.data = 0.5 + torch.rand(layer.weight.shape, generator=generator)
            layer.bias.data = 0.4 * torch.randn(layer.bias.shape, generator=generator)
        elif isinstance(layer, nn.Linear):
            layer.weight.data = 0.02 * torch.randn(layer.weight.shape, generator=generator)
            layer.bias.data.zero_()

    def calibrate(layer: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        assert isinstance(layer, nn.BatchNorm2d)
        layer.running_mean = inputs[0].mean((0, 2, 3))
        layer.running_var = inputs[0].var((0, 2, 3)) + 1e-3

    hooks = [
        layer.register_forward_pre_hook(calibrate)
        for layer in network.modules()
        if isinstance(layer, nn.BatchNorm2d)
    ]
    with torch.no_grad():
        network.eval()(_calibration_batch())
    for hook in hooks:
        hook.remove()
    torch.save(network.state_dict(), path)


def _calibration_batch(count: int = 12) -> torch.Tensor:
    pictures = [
        _picture(np.random.default_rng([SEED, 2, number]), (299, 299), soft=number % 2 == 1)
        for number in range(count)
    ]
    pixels = np.stack([np.asarray(picture) for picture in pictures]).astype(np.float32)
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous() / 127.5 - 1


def random_features(count: int, dimensions: int, *, seed: int, shift: float = 0.0) -> np.ndarray:
    """Features like Inception's: non-negative, correlated, some nearly constant: (count, dimensions) float32."""
    rng = np.random.default_rng([SEED, 3, seed])
    mixing = np.random.default_rng([SEED, 4]).normal(size=(64, dimensions)) / 8
    scale = np.random.default_rng([SEED, 5]).uniform(0.01, 1, dimensions)
    values = rng.normal(size=(count, 64)) @ mixing + 0.5 * rng.normal(size=(count, dimensions)) + shift
    return (np.maximum(values, 0) * scale).astype(np.float32)
