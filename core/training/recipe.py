"""Describe a training: a recipe (what is particular to one model) and how it is gone through."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from torch import Tensor, nn

Progress = Callable[[int, int], None]
Batch = dict[str, Tensor]
WEIGHTS_FILE = "model.safetensors"  # of a run, the averaged weights
LOSSES_FILE = "losses.jsonl"
CHECKPOINT_FILE = "checkpoint.pt"
STOP_FILE = "stop"  # asks a run to save and end
UNKNOWN_LICENCE = "unknown: set --licence to that of the training photos"


@dataclass(frozen=True)
class LoopConfig:
    """How to train.

    Attributes
    ----------
    out
        Folder of the run: checkpoint, weights, samples, losses, TensorBoard.
    steps, batch_size
        Optimiser steps, and samples a step over all processes together.
    accumulate
        Parts that each process goes through a batch in, for batches that do not fit into memory.
    lr, decay_from
        Adam's rate, and the fraction of the run after which it falls linearly to zero.
    ema
        Decay of the averaged weights, which are the ones that are served.
    save_every, sample_every, log_every
        In steps.
    amp
        bf16 autocast, where the device has it.
    channels_last
        Memory layout of the weights; faster on recent CPUs and GPUs.
    threads
        CPU threads a process, 0 for torch's own choice.
    workers
        Processes that draw and damage sketches ahead of the training, 0 for none. A GPU wants as many as there are
        cores to spare; beside a training on the CPU they only take its time.
    """

    out: Path
    steps: int = 20_000
    batch_size: int = 4
    accumulate: int = 1
    seed: int = 0
    lr: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.999)
    decay_from: float = 0.5
    ema: float = 0.998
    save_every: int = 200
    sample_every: int = 400
    log_every: int = 20
    amp: bool = True
    channels_last: bool = True
    device: str = "auto"
    threads: int = 0
    workers: int = 0


FREE = ("save_every", "sample_every", "log_every", "device", "threads", "workers")  # affect no number
# Settings that may be others when a run goes on; so may every weight of a loss.
MAY_CHANGE = (
    "data.root", "loop.steps", "loop.lr", "loop.decay_from", "loop.ema", "loop.accumulate", "loop.amp",
    "loop.channels_last", *(f"loop.{name}" for name in FREE),
)  # fmt: skip
_NO_WEIGHTS = ("loss.crop", "loss.pool", "loss.augment", "loss.colours")
# May have moved; whether there is one must not change.
_PATHS = ("refiner.weights", "refiner.parts", "unpaired.photos")
_SAME = {"data.validation": {"0801-0904": "auto"}}  # what presets said before they said auto


def settings_of(**configs: Any) -> dict[str, Any]:
    """Every setting that affects the numbers, as a checkpoint keeps it."""
    free = {"out", *FREE}
    return {
        name: {key: value for key, value in dataclasses.asdict(config).items() if key not in free}
        for name, config in configs.items()
    }


def may_change(key: str) -> bool:
    """Tell whether a setting, by its dotted name, may be another one when a run goes on."""
    return key in MAY_CHANGE or (key.startswith("loss.") and key not in _NO_WEIGHTS)


def differing_settings(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Settings that a run cannot go on with, as ``KEY was X, is Y now``.

    A key that only one side knows is of another version of this program, and passed over.
    """
    return [
        f"{key} was {was}, is {now[key]} now"
        for key, was in before.items()
        if key in now and not may_change(key) and _meant(key, was) != _meant(key, now[key])
    ]


def flat_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by their dotted names, with values as JSON has them."""
    flat: dict[str, Any] = {}
    for name, inner in json.loads(json.dumps(settings, default=str)).items():
        flat |= (
            {f"{name}.{key}": value for key, value in inner.items()}
            if isinstance(inner, dict)
            else {name: inner}
        )
    return flat


def _meant(key: str, value: Any) -> Any:
    return value is None if key in _PATHS else _SAME.get(key, {}).get(str(value), value)


class Recipe(Protocol):
    """Provide what is particular to one model; a base class.

    ``networks`` maps names to modules with an optimiser each; ``served`` names the one to keep, or a
    module inside of one (``translators.sketch_to_photo``). The hooks may stay as they are.
    """

    networks: dict[str, nn.Module]
    served: str
    provenance: dict[str, Any]

    def __len__(self) -> int:
        """Training samples."""

    def batch(self, indices: list[int], rngs: list[np.random.Generator]) -> dict[str, np.ndarray]:
        """Arrays of the given samples, one generator each."""

    def losses(self, batch: Batch, networks: dict[str, nn.Module]) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """Yield (network to update, its weighted losses); each is back-propagated before the next is asked for."""

    def samples(self, model: nn.Module) -> np.ndarray:
        """A picture to look at: (H, W, 3) uint8."""

    def state(self) -> dict[str, Any]:
        """Hook: what a checkpoint keeps besides weights and optimisers, in dicts and lists."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Hook: go on from what `state` gave."""
        del state

    def after_step(self) -> None:
        """Hook: correct the weights after each step of the optimisers."""
        return


def served_network(recipe: Recipe) -> nn.Module:
    """Give the network that a run is for: the one that is averaged, shown and saved."""
    name, _, path = recipe.served.partition(".")
    return recipe.networks[name].get_submodule(path)
