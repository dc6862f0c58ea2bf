"""A complete pipeline of tiny untrained networks, in memory and as a weights folder."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from core.autoencoder import AutoencoderConfig, SketchAutoencoder
from core.checkpoints import save_model
from core.config import settings
from core.face_parts.layout import (
    PAINT_ORDER,
    PART_BANKS_FILE,
    PARTS_FILE,
    PartAutoencoders,
    PartsConfig,
    cut_part,
)
from core.face_parts.refinement import save_part_banks
from core.generators.pix2pixhd import GlobalGenerator, GlobalGeneratorConfig
from core.images import sketch_to_tensor
from core.manifold import Manifold
from core.models.compiled import GeneratorCache
from core.pipeline import SketchToFacePipeline
from core.refinement import WholeRefinement, compile_whole
from core.runtime import Compiled, compile_module

SIZE, ROWS = 64, 24


class LoadedGenerators(GeneratorCache):
    """Generators that are in memory already and that no file stands for."""

    def __init__(self, compiled: Mapping[str, Compiled]) -> None:
        self._loaded = dict(compiled)

    @property
    def names(self) -> list[str]:
        return list(self._loaded)

    def is_unpaired(self, name: str) -> bool:
        return False

    def get(self, name: str) -> Compiled:
        if name not in self._loaded:
            raise ValueError(f"generator must be one of: {', '.join(self._loaded)}; got {name!r}.")
        return self._loaded[name]


def pipeline_with(
    encode: Compiled,
    decode: Compiled,
    generate: Compiled,
    manifold: Manifold,
    *,
    generator: str,
    **others: Any,
) -> SketchToFacePipeline:
    """A pipeline of networks that are compiled already."""
    whole = WholeRefinement(encode, decode, manifold)
    return SketchToFacePipeline(whole, LoadedGenerators({generator: generate}), generator=generator, **others)


def pipeline_of(
    autoencoder: SketchAutoencoder, network: nn.Module, manifold: Manifold, *, runtime: str = "auto"
) -> SketchToFacePipeline:
    """A pipeline of networks in memory, bound to the CPU as those of a weights folder are."""
    bind = partial(compile_module, threads=settings().threads, runtime=runtime)
    whole, _, refined = compile_whole(autoencoder, manifold, bind)
    compiled = LoadedGenerators({"pix2pixhd": bind(network, refined)})
    return SketchToFacePipeline(whole, compiled, generator="pix2pixhd")


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
    save_model(folder / "pix2pixhd.safetensors", generator, provenance={"image_size": SIZE}, licence="none")
    return folder


def part_networks() -> PartAutoencoders:
    """Part autoencoders in eval mode, the same on every call."""
    torch.manual_seed(1)
    sizes = {"latent": 8, "widths": (4, 8), "grid_values": 64}
    rest = {"remainder_latent": 12, "remainder_widths": (4, 8), "remainder_bottleneck": 4}
    parts = PartAutoencoders(PartsConfig(SIZE, **sizes, **rest))
    for layer in parts.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
    return parts.eval()


def part_banks(networks: PartAutoencoders) -> dict[str, Manifold]:
    """The latents of the parts of `ROWS` drawings, as a file would hold them."""
    names = [f"face_{row:02d}" for row in range(ROWS)]
    banks = {}
    for name in PAINT_ORDER:
        cuts = np.stack([cut_part(drawing(seed), name) for seed in range(ROWS)])
        with torch.no_grad():
            batch = torch.cat([sketch_to_tensor(cut) for cut in cuts])
            latents = networks.autoencoder(name).encode(batch).numpy()
        banks[name] = Manifold(latents.astype(np.float16).astype(np.float32), names, sketches=cuts)
    return banks


def write_parts(folder: Path) -> Path:
    """The two files of stage 1 by parts."""
    networks = part_networks()
    folder.mkdir(parents=True, exist_ok=True)
    save_model(folder / PARTS_FILE, networks, provenance={}, licence="none")
    digest = hashlib.sha256((folder / PARTS_FILE).read_bytes()).hexdigest()
    save_part_banks(
        folder / PART_BANKS_FILE,
        part_banks(networks),
        provenance={"autoencoders_sha256": digest},
        licence="none",
    )
    return folder
