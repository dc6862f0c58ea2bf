"""A complete pipeline of tiny untrained networks, in memory and as a weights folder."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from core.autoencoder import AutoencoderConfig, SketchAutoencoder
from core.checkpoints import save_model
from core.generators.pix2pixhd import GlobalGenerator, GlobalGeneratorConfig
from core.images import sketch_to_tensor
from core.manifold import Manifold

SIZE, ROWS = 64, 24


def drawing(seed: int = 0, size: int = SIZE) -> np.ndarray:
    """A face of ellipses, a little different for each seed: (size, size) uint8."""
    random = np.random.default_rng(seed)
    page = np.full((size, size), 255, np.uint8)
    for x, y, width, height in ((0.5, 0.5, 0.35, 0.42), (0.36, 0.45, 0.08, 0.04), (0.64, 0.45, 0.08, 0.04)):
        x, y, width, height = (value + random.uniform(-0.02, 0.02) for value in (x, y, width, height))
        centre, axes = (int(x * size), int(y * size)), (int(width * size), max(int(height * size), 2))
        cv2.ellipse(page, centre, axes, random.uniform(-10, 10), 0, 360, 0, max(size // 64, 1))
    return page


def networks() -> tuple[SketchAutoencoder, GlobalGenerator]:
    """An autoencoder and a generator in eval mode, the same on every call."""
    torch.manual_seed(0)
    autoencoder = SketchAutoencoder(AutoencoderConfig(SIZE, latent=16, widths=(4, 8), bottleneck=4))
    settings = GlobalGeneratorConfig(ngf=4, n_downsampling=1, n_blocks=1, norm="batch", patch=2)
    generator = GlobalGenerator(settings)
    for network in (autoencoder, generator):
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight)
    return autoencoder.eval(), generator.eval()


def bank(autoencoder: SketchAutoencoder, *, with_sketches: bool = True) -> Manifold:
    """The latents of `ROWS` drawings."""
    sketches = np.stack([drawing(seed) for seed in range(ROWS)])
    with torch.no_grad():
        latents = autoencoder.encode(torch.cat([sketch_to_tensor(sketch) for sketch in sketches]))
    names = [f"face_{row:02d}" for row in range(ROWS)]
    return Manifold(latents.numpy(), names, sketches=sketches if with_sketches else None)


def write_weights(folder: Path) -> Path:
    """The three files that a pipeline loads."""
    autoencoder, generator = networks()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "sketch_autoencoder.safetensors"
    save_model(path, autoencoder, provenance={}, licence="none")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    bank(autoencoder).save(folder / "face_bank.safetensors", provenance={"autoencoder_sha256": digest})
    save_model(folder / "pix2pixhd.safetensors", generator, provenance={}, licence="none")
    return folder
