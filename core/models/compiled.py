"""Load the networks of both stages and bind them to this machine's runtime.

Generators are compiled when they are first asked for, then shared by every session.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from core.autoencoder import SketchAutoencoder
from core.checkpoints import load_model, load_stage2, read_info
from core.config import settings
from core.face_parts.refinement import PartsRefinement, has_parts, load_parts
from core.manifold import Manifold
from core.models.families import UNPAIRED
from core.models.folder import AUTOENCODER_FILE, BANK_FILE, check_bank_belongs, generator_file, generators
from core.refinement import Bind, WholeRefinement, compile_whole
from core.runtime import Compiled, compile_module, release_memory
from core.upscaler import UPSCALER_FILE, Upscaler

AT_ONCE = 6  # compiled networks that are kept; the one used longest ago goes first

_Stamp = tuple[str, int, int]


class GeneratorCache:
    """Generators by name.

    Parameters
    ----------
    folder
        Weights folder; imported models lie elsewhere (`core.models.folder`) and are found as well.
    bind
        `core.runtime.compile_module` with this machine's settings.
    examples : (E, 1, S, S) float32
        Realistic refined sketches, on which runtimes are compared.
    """

    def __init__(self, folder: Path, bind: Bind, examples: Tensor) -> None:
        self._folder, self._bind, self._examples = folder, bind, examples
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._compiled: OrderedDict[str, tuple[_Stamp, Compiled]] = OrderedDict()

    @property
    def names(self) -> list[str]:
        """Give what can be asked for."""
        return generators(self._folder)

    def is_unpaired(self, name: str) -> bool:
        """Tell whether a generator's family is trained without pairs; ValueError if there is none of that name."""
        return read_info(generator_file(self._folder, name)).family in UNPAIRED

    def get(self, name: str) -> Compiled:
        """Give the generator, compiled now if it was not yet or its file has changed.

        Raises
        ------
        AssetMissing
            If the default generator's file is not there.
        ValueError
            If there is none of that name, or its file is damaged.
        """
        path = generator_file(self._folder, name)
        with self._lock:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:  # of this name alone: others answer while one is prepared
            stamp = _stamp_of(path)
            with self._lock:
                known = self._compiled.get(name)
                if known and known[0] == stamp:
                    self._compiled.move_to_end(name)
                    return known[1]
            network = load_stage2(path)
            compiled = self._bind(network, self._examples)
            del network
            with self._lock:
                self._compiled[name] = stamp, compiled
                self._compiled.move_to_end(name)
                while len(self._compiled) > AT_ONCE:
                    self._compiled.popitem(last=False)
            release_memory()
            return compiled


def _stamp_of(path: Path) -> _Stamp:
    try:
        found = path.stat()
    except OSError:  # load_stage2 says what is missing
        return str(path), 0, 0
    return str(path), found.st_mtime_ns, found.st_size


@dataclass(frozen=True)
class Stages:
    """Stage 1 of the whole face, stage 1 by parts where there is one, and the generators of stage 2."""

    whole: WholeRefinement
    parts: PartsRefinement | None
    generator_cache: GeneratorCache
    upscaler: Compiled | None


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


def _bind(device: torch.device, runtime: str) -> Bind:
    return partial(compile_module, threads=settings().threads, runtime=runtime, device=device)
