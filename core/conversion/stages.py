"""The trained networks of both stages, loaded and bound to this machine's runtime."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import nn

from core.autoencoder import SketchAutoencoder
from core.checkpoints import load_model
from core.config import settings
from core.face_parts.layout import PartAutoencoders
from core.face_parts.refinement import PartsRefinement, has_parts, load_parts
from core.manifold import Manifold
from core.models.compiled import GeneratorCache, LoadedGenerators
from core.models.folder import AUTOENCODER_FILE, BANK_FILE, check_bank_belongs
from core.refinement import Bind, WholeRefinement, compile_whole
from core.runtime import Compiled, compile_module, release_memory
from core.upscaler import UPSCALER_FILE, Upscaler


@dataclass(frozen=True)
class Stages:
    """Stage 1 of the whole face, stage 1 by parts where there is one, and the generators of stage 2."""

    whole: WholeRefinement
    parts: PartsRefinement | None
    generator_cache: GeneratorCache | LoadedGenerators
    upscaler: Compiled | None = None


def load_stages(
    folder: Path, device: torch.device, runtime: str, generator: str, *, upscale: bool = True
) -> Stages:
    """Load a weights folder; parts and all generators but ``generator`` follow when they are first asked for.

    Raises
    ------
    AssetMissing
        If a file is not there.
    ValueError
        If a name is unknown, a file is damaged, or the bank belongs to another autoencoder.
    """
    autoencoder = load_model(folder / AUTOENCODER_FILE)
    if not isinstance(autoencoder, SketchAutoencoder):
        raise ValueError(f"{AUTOENCODER_FILE} holds a {type(autoencoder).__name__}, not an autoencoder.")
    manifold = Manifold.load(folder / BANK_FILE)
    check_bank_belongs(folder)
    bind = _bind(device, runtime)
    whole, sketches, refined = compile_whole(autoencoder, manifold, bind)
    del autoencoder
    generator_cache = GeneratorCache(folder, bind, refined)
    network = generator_cache.get(generator)
    upscaler = None
    if upscale and (folder / UPSCALER_FILE).is_file():
        upscaler = _load_upscaler(folder, bind, network.run(refined[:1])[:, :3])
    parts = PartsRefinement(lambda: load_parts(folder), bind, sketches) if has_parts(folder) else None
    release_memory()
    return Stages(whole, parts, generator_cache, upscaler)


def _load_upscaler(folder: Path, bind: Bind, painted: torch.Tensor) -> Compiled:
    """The upscaler bound to photos of the default generator's size."""
    network = load_model(folder / UPSCALER_FILE)
    if not isinstance(network, Upscaler):
        raise ValueError(f"{UPSCALER_FILE} holds a {type(network).__name__}, not an upscaler.")
    return bind(network, painted)


def stages_of_models(
    autoencoder: SketchAutoencoder,
    network: nn.Module,
    manifold: Manifold,
    *,
    device: torch.device,
    runtime: str,
    generator: str,
    parts: tuple[PartAutoencoders, Mapping[str, Manifold]] | None,
) -> Stages:
    """Bind networks that are in memory already."""
    bind = _bind(device, runtime)
    whole, sketches, refined = compile_whole(autoencoder, manifold, bind)
    by_parts = PartsRefinement(lambda: parts, bind, sketches) if parts else None
    return Stages(whole, by_parts, LoadedGenerators({generator: bind(network, refined)}))


def _bind(device: torch.device, runtime: str) -> Bind:
    return partial(compile_module, threads=settings().threads, runtime=runtime, device=device)
