"""Stage 2 networks at hand: compiled when first asked for, then shared by every session."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from core.checkpoints import load_stage2
from core.models.folder import generator_file, generators
from core.refinement import Bind
from core.runtime import Compiled, release_memory

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
        """What can be asked for."""
        return generators(self._folder)

    def get(self, name: str) -> Compiled:
        """The generator, compiled now if it was not yet or its file has changed.

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


class LoadedGenerators:
    """Generators that are in memory already and that no file stands for."""

    def __init__(self, compiled: Mapping[str, Compiled]) -> None:
        self._compiled = dict(compiled)

    @property
    def names(self) -> list[str]:
        """What can be asked for."""
        return list(self._compiled)

    def get(self, name: str) -> Compiled:
        """The generator.

        Raises
        ------
        ValueError
            If there is none of that name.
        """
        if name not in self._compiled:
            raise ValueError(f"generator must be one of: {', '.join(self._compiled)}; got {name!r}.")
        return self._compiled[name]


def _stamp_of(path: Path) -> _Stamp:
    try:
        found = path.stat()
    except OSError:  # load_stage2 says what is missing
        return str(path), 0, 0
    return str(path), found.st_mtime_ns, found.st_size
