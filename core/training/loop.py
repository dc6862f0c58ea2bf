"""The training loop that every model shares: resume, mixed precision, EMA, many processes, logs.

A recipe says what a batch and its losses are; the loop does the rest. All randomness is a pure
function of (seed, step, place in the batch), so a run that was killed goes on with the very same
losses, and several processes under ``torchrun`` see the same samples as one.
"""

from __future__ import annotations

import dataclasses
import io
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel

from core.checkpoints import load_model, read_info, save_model
from core.config import pick_device
from core.errors import AssetMissing
from core.images import save_png, write_atomically

Progress = Callable[[int, int], None]
CHECKPOINT = "checkpoint.pt"
STOP = "stop"  # a file of this name in the run's folder asks it to save and end
UNKNOWN_LICENCE = "unknown: set --licence to that of the training photos"
Batch = dict[str, Tensor]


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


class Recipe(Protocol):
    """What is particular to one model.

    ``networks`` maps names to modules with an optimiser each; ``served`` names the one to keep, or a
    module inside of one (``translators.sketch_to_photo``). A recipe that has more to remember from step
    to step than its weights has ``state`` and ``restore`` too; one that must mend its weights after each
    optimiser step has ``after_step``.
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


@runtime_checkable
class Remembers(Protocol):
    """A recipe whose checkpoint holds more than weights and optimisers."""

    def state(self) -> dict[str, Any]:
        """Tensors, numbers and texts, in dicts and lists."""

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave."""


@runtime_checkable
class Mends(Protocol):
    """A recipe that corrects its weights after each optimiser step."""

    def after_step(self) -> None:
        """Correct them."""


def served_network(recipe: Recipe) -> nn.Module:
    """The network that a run is for: the one that is averaged, shown and saved."""
    name, _, path = recipe.served.partition(".")
    return recipe.networks[name].get_submodule(path)


@dataclass(frozen=True)
class Place:
    """This process among the others."""

    rank: int
    world: int
    device: torch.device

    @property
    def is_main(self) -> bool:
        """Whether this process writes files."""
        return self.rank == 0


def join_processes(device: str) -> Place:
    """Join the group that ``torchrun`` started, if it did."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    rank = int(os.environ.get("RANK", "0"))
    chosen = pick_device(device)
    if chosen.type == "cuda":
        chosen = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(chosen)
    if world > 1 and not distributed.is_initialized():
        distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    return Place(rank, world, chosen)


def learning_rate(config: LoopConfig, step: int) -> float:
    """Constant, then linear to zero (Zhu et al. 2017)."""
    start = config.decay_from * config.steps
    if step < start:
        return config.lr
    return config.lr * (config.steps - step) / max(config.steps - start, 1)


def warm_average(decay: float) -> Callable[[Tensor, Tensor, Tensor | int], Tensor]:
    """Exponential moving average whose decay grows to ``decay``, so that early weights are soon forgotten."""

    def average(kept: Tensor, new: Tensor, count: Tensor | int) -> Tensor:
        now = min(decay, (1.0 + float(count)) / (10.0 + float(count)))
        return kept.lerp(new, 1 - now) if kept.is_floating_point() else new

    return average


def indices_of_step(config: LoopConfig, step: int, count: int) -> list[int]:
    """The samples of a step: consecutive pieces of one seeded permutation an epoch."""
    chosen = []
    for position in range(step * config.batch_size, (step + 1) * config.batch_size):
        epoch, place = divmod(position, count)
        chosen.append(int(_permutation(config.seed, epoch, count)[place]))
    return chosen


def _permutation(seed: int, epoch: int, count: int) -> np.ndarray:
    return np.random.default_rng((seed, 1, epoch)).permutation(count)


class Trainer:
    """A recipe in training. ``run()`` trains to the end, from the checkpoint in ``config.out`` if there is one."""

    def __init__(self, recipe: Recipe, config: LoopConfig, *, settings: dict[str, Any] | None = None) -> None:
        if config.threads:
            torch.set_num_threads(config.threads)
        self.recipe, self.config = recipe, config
        self.settings = settings or {}
        self.place = join_processes(config.device)
        if config.batch_size % (self.place.world * config.accumulate):
            raise ValueError(
                f"batch_size {config.batch_size} is not a multiple of {self.place.world} processes "
                f"times accumulate {config.accumulate}"
            )
        layout = torch.channels_last if config.channels_last else torch.contiguous_format
        for network in recipe.networks.values():
            network.to(self.place.device, memory_format=layout)  # type: ignore[call-overload]
            network.train()
        self.optimizers = {
            name: torch.optim.Adam(network.parameters(), lr=config.lr, betas=config.betas)
            for name, network in recipe.networks.items()
        }
        self.ema = AveragedModel(served_network(recipe), avg_fn=warm_average(config.ema), use_buffers=True)
        self.step = 0
        config.out.mkdir(parents=True, exist_ok=True)
        self._load()
        self.wrapped: dict[str, nn.Module] = dict(recipe.networks)
        if self.place.world > 1:
            self.wrapped = {
                name: DistributedDataParallel(network, broadcast_buffers=False)
                for name, network in recipe.networks.items()
            }

    def run(self, progress: Progress | None = None) -> Path:
        """Train to the end and return the path of the served weights.

        A file ``stop`` in the run's folder ends it before the next step, with everything saved.

        Raises
        ------
        FloatingPointError
            If a loss is not finite; the last checkpoint is kept.
        """
        log = _Log(self.config.out, self.step) if self.place.is_main else None
        while self.step < self.config.steps and not self._is_stop_asked():
            losses = self._train_step()
            self.step += 1
            if self._is_due(self.config.log_every):
                values = self._averaged(losses)
                if log:
                    log.write(self.step, values)
            if log and self._is_due(self.config.sample_every):
                log.picture(self.step, self.recipe.samples(self.served_model()))
            if self.place.is_main and self._is_due(self.config.save_every):
                self.save()
            if progress:
                progress(self.step, self.config.steps)
        if self.place.is_main:
            if self.step and self._served_step() != self.step:
                self.save()
            (self.config.out / STOP).unlink(missing_ok=True)
        if log:
            log.close()
        if distributed.is_initialized():
            distributed.destroy_process_group()
        return self.weights_path

    @property
    def weights_path(self) -> Path:
        """Where the served weights are."""
        return self.config.out / "model.safetensors"

    def served_model(self) -> nn.Module:
        """The averaged network, in eval mode."""
        model: nn.Module = self.ema.module
        return model.eval()

    def save(self) -> None:
        """Write checkpoint and served weights, each atomically."""
        state = {
            "step": self.step,
            "settings": json.dumps(self.settings, default=str, sort_keys=True),
            "networks": {name: network.state_dict() for name, network in self.recipe.networks.items()},
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
            "ema": self.ema.state_dict(),
            "recipe": self.recipe.state() if isinstance(self.recipe, Remembers) else {},
        }
        buffer = io.BytesIO()
        torch.save(state, buffer)
        write_atomically(self.config.out / CHECKPOINT, buffer.getvalue())
        provenance = {**self.recipe.provenance, "steps": self.step, "batch_size": self.config.batch_size}
        licence = str(provenance.pop("licence", "unknown"))
        save_model(self.weights_path, self.served_model(), provenance=provenance, licence=licence)

    def _load(self) -> None:
        path = self.config.out / CHECKPOINT
        if not path.is_file():
            return
        state = torch.load(path, map_location=self.place.device, weights_only=True)
        settings = json.dumps(self.settings, default=str, sort_keys=True)
        if state["settings"] != settings:
            raise ValueError(
                f"{path} was made with other settings. Choose another --loop.out, or restore the settings:\n"
                f"{state['settings']}\nnow:\n{settings}"
            )
        for name, network in self.recipe.networks.items():
            network.load_state_dict(state["networks"][name])
            self.optimizers[name].load_state_dict(state["optimizers"][name])
        self.ema.load_state_dict(state["ema"])
        if isinstance(self.recipe, Remembers):
            self.recipe.restore(state.get("recipe", {}))
        self.step = int(state["step"])

    def _train_step(self) -> dict[str, Tensor]:
        config = self.config
        for optimizer in self.optimizers.values():
            optimizer.zero_grad(set_to_none=True)
        torch.manual_seed((config.seed * 1_000_003 + self.step) % 2**31)
        records = [self._go_back(slots) for slots in self._slots()]
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(config, self.step)
            optimizer.step()
        if isinstance(self.recipe, Mends):
            self.recipe.after_step()
        self.ema.update_parameters(served_network(self.recipe))
        return {name: torch.stack([record[name] for record in records]).mean() for name in records[0]}

    def _slots(self) -> list[range]:
        """Places of the batch that this process goes through, a range for each part of it."""
        config, place = self.config, self.place
        share = config.batch_size // (place.world * config.accumulate)
        first = place.rank * share * config.accumulate
        return [
            range(start, start + share) for start in range(first, first + share * config.accumulate, share)
        ]

    def _go_back(self, slots: range) -> dict[str, Tensor]:
        """Back-propagate the losses of some places of the batch; gradients add up until the optimisers step."""
        config, place = self.config, self.place
        indices = indices_of_step(config, self.step, len(self.recipe))
        rngs = [np.random.default_rng((config.seed, 2, self.step, slot)) for slot in slots]
        arrays = self.recipe.batch([indices[slot] for slot in slots], rngs)
        batch = {name: torch.from_numpy(array).to(place.device) for name, array in arrays.items()}
        amp = config.amp and _has_bf16(place.device)
        record: dict[str, Tensor] = {}
        with torch.autocast(place.device.type, torch.bfloat16, enabled=amp):
            for name, losses in self.recipe.losses(batch, self.wrapped):
                total = torch.stack([value.float() for value in losses.values()]).sum()
                if not torch.isfinite(total):
                    raise FloatingPointError(f"step {self.step}: the loss of {name} is {total.item()}")
                with torch.autocast(place.device.type, enabled=False):
                    (total / config.accumulate).backward()
                record |= {f"{name}/{key}": value.detach().float() for key, value in losses.items()}
        return record

    def _averaged(self, losses: dict[str, Tensor]) -> dict[str, float]:
        values = torch.stack(list(losses.values()))
        if self.place.world > 1:
            distributed.all_reduce(values)
            values /= self.place.world
        return dict(zip(losses, values.tolist(), strict=True))

    def _served_step(self) -> int:
        """The step of the weights file: a kill between it and the checkpoint leaves an older one."""
        try:
            return int(read_info(self.weights_path).provenance["steps"])
        except (AssetMissing, ValueError, KeyError):
            return -1

    def _is_stop_asked(self) -> bool:
        """Whether the run is to end here; processes ask at log steps only, and all get one answer."""
        if self.place.world == 1:
            return (self.config.out / STOP).exists()
        if self.step % self.config.log_every:
            return False
        asked = torch.tensor(float((self.config.out / STOP).exists()), device=self.place.device)
        distributed.all_reduce(asked)
        return bool(asked)

    def _is_due(self, every: int) -> bool:
        return self.step % every == 0 or self.step == self.config.steps


def _has_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return device.type == "cpu" and torch.backends.mkldnn.is_available() and _cpu_has_bf16()


def _cpu_has_bf16() -> bool:
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


class _Log:
    """TensorBoard, plus one JSON line a log step, cut back to ``step`` when a run is resumed."""

    def __init__(self, out: Path, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.out = out
        self.path = out / "losses.jsonl"
        lines = self.path.read_text().splitlines() if self.path.is_file() else []
        kept = [line for line in lines if _step_of(line) <= step]
        write_atomically(self.path, "".join(line + "\n" for line in kept).encode())
        self.writer = SummaryWriter(str(out / "tensorboard"), purge_step=step)
        (out / "samples").mkdir(exist_ok=True)

    def write(self, step: int, values: dict[str, float]) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps({"step": step, **values}) + "\n")
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)

    def picture(self, step: int, picture: np.ndarray) -> None:
        save_png(self.out / "samples" / f"{step:06d}.png", picture)
        self.writer.add_image("samples", picture, step, dataformats="HWC")

    def close(self) -> None:
        self.writer.close()


def _step_of(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError):
        return float("inf")  # a line cut short by a kill


def start_networks_from(recipe: Recipe, path: Path) -> None:
    """Begin with another run's networks: all of a ``checkpoint.pt``, or the served one of a ``.safetensors``.

    Raises
    ------
    RuntimeError
        If the architectures differ.
    """
    if path.suffix == ".safetensors":
        served_network(recipe).load_state_dict(load_model(path).state_dict())
        return
    state = torch.load(path, map_location="cpu", weights_only=True)["networks"]
    for name, network in recipe.networks.items():
        network.load_state_dict(state[name])


def train_recipe(
    recipe: Recipe,
    config: LoopConfig,
    *,
    settings: dict[str, Any],
    start_from: Path | None,
    licence: str,
    progress: Progress | None,
) -> Path:
    """What every ``train`` function ends with: go on with the run in ``config.out``, or begin it.

    Parameters
    ----------
    settings
        `settings_of` all configurations.
    start_from
        Another run's networks to begin with; not read when ``config.out`` has a checkpoint already.
    licence
        Of the weights, written into them.

    Returns
    -------
    Path of the served weights.
    """
    recipe.provenance["licence"] = licence
    if start_from is not None and not (config.out / CHECKPOINT).is_file():
        start_networks_from(recipe, start_from)
    return Trainer(recipe, config, settings=settings).run(progress)


def settings_of(**configs: Any) -> dict[str, Any]:
    """What must not change between a run and its continuation: every setting that affects the numbers."""
    free = {"out", "save_every", "sample_every", "log_every", "device", "threads"}
    return {
        name: {key: value for key, value in dataclasses.asdict(config).items() if key not in free}
        for name, config in configs.items()
    }
