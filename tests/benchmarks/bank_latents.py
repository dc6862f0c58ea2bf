"""Latents for the scale benchmark: a large bank shaped like the real one, and what people would ask of it.

A bank of a million faces does not exist here. White noise is no stand-in for it: in 512 dimensions all its
points are equally far from one another, while the real bank's variance lies in few directions (99 % in 68 of
512). So the large bank is drawn from the real one: blends of neighbouring rows, plus what such blends leave
over in the real bank.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from core.autoencoder import SketchAutoencoder
from core.checkpoints import load_model
from core.images import sketch_to_tensor
from core.manifold import Manifold
from core.training.augment import AugmentConfig, damage
from tests.benchmarks.held_out_faces import held_out

NEIGHBOURS = 10
STEP = 20_000


def structured_bank(manifold: Manifold, rows: int, *, seed: int = 0) -> NDArray[np.float32]:
    """Latents with the spectrum and the neighbourhoods of the real bank.

    Each is a random blend (Dirichlet) of a random row and its nearest others, plus noise with the
    covariance of what the real rows leave over when each is rebuilt from its ten nearest others.

    Returns
    -------
    (rows, D) float32
    """
    rng = np.random.default_rng(seed)
    bank = np.asarray(manifold.bank)
    own = np.arange(len(bank))
    left_out = manifold.project(bank, k=NEIGHBOURS, exclude=own)
    residuals = bank - left_out.projected
    groups = np.concatenate([own[:, None], left_out.neighbour_ids[:, : NEIGHBOURS - 1]], axis=1)
    latents = np.empty((rows, bank.shape[1]), np.float32)
    for start in range(0, rows, STEP):
        count = min(STEP, rows - start)
        anchors = rng.integers(0, len(bank), count)
        shares = rng.dirichlet(np.ones(NEIGHBOURS), count).astype(np.float32)
        blend = np.zeros((count, len(bank)), np.float32)
        blend[np.arange(count)[:, None], groups[anchors]] = shares
        noise = rng.normal(size=(count, len(bank))).astype(np.float32) / np.sqrt(len(bank))
        latents[start : start + count] = blend @ bank + noise @ residuals
    return latents


def white_bank(rows: int, width: int, *, seed: int = 0) -> NDArray[np.float32]:
    """Independent normal numbers: nothing that an index could use."""
    rng = np.random.default_rng(seed)
    latents = np.empty((rows, width), np.float32)
    for start in range(0, rows, STEP):
        part = latents[start : start + STEP]
        rng.standard_normal(out=part, dtype=np.float32)
    return latents


def damaged_drawings(pairs: Path, weights: Path, count: int, *, seed: int = 0) -> NDArray[np.float32]:
    """Latents (count, D) of held-out sketches that were warped, thickened and partly erased.

    The damage is that of training, with every kind more likely, and none of these faces is in the bank.
    """
    model = load_model(weights / "sketch_autoencoder.safetensors")
    if not isinstance(model, SketchAutoencoder):
        raise ValueError(f"{weights}/sketch_autoencoder.safetensors holds no autoencoder.")
    size = model.config.image_size
    config = AugmentConfig(erase=0.6, hole=0.4, blur=0.2)
    rng = np.random.default_rng(seed)
    sketches = [sketch for sketch, _ in held_out(pairs)]
    latents = []
    with torch.inference_mode():
        for number in range(count):
            sketch = sketches[number % len(sketches)]
            small = cv2.resize(sketch, (size, size), interpolation=cv2.INTER_AREA)
            latents.append(model.encode(sketch_to_tensor(damage(rng, small, config)))[0].numpy())
    return np.stack(latents).astype(np.float32)
