"""Train any model by one loop: order of samples, learning rate, resume, mixed precision, EMA, many processes, logs.

A recipe says what a batch and its losses are; the loop does the rest. All randomness is a pure
function of (seed, step, place in the batch), so a run that was killed goes on with the very same
losses, and several processes under ``torchrun`` see the same samples as one.
"""

from __future__ import annotations

import io
import json
import os
import pickle
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader, Dataset

from core.atomic_files import write_atomically
from core.checkpoints import load_model, read_info, save_model
from core.config import pick_device
from core.errors import AssetMissing
from core.images import save_png
from core.models.families import ModelInfo
from core.runtime import has_bf16
from core.training.recipe import (
    CHECKPOINT_FILE,
    LOSSES_FILE,
    MAY_CHANGE,
    STOP_FILE,
    WEIGHTS_FILE,
    Batch,
    LoopConfig,
    Progress,
    Recipe,
    differing_settings,
    flat_settings,
    served_network,
)


@dataclass(frozen=True)
class Place:
    """This process among the others."""

    rank: int
    world: int
    device: torch.device

    @property
    def is_main(self) -> bool:
        """Tell whether this process writes files."""
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
    """Give the samples of a step: consecutive pieces of one seeded permutation an epoch."""
    chosen = []
    for position in range(step * config.batch_size, (step + 1) * config.batch_size):
        epoch, place = divmod(position, count)
        chosen.append(int(_permutation(config.seed, epoch, count)[place]))
    return chosen


def _permutation(seed: int, epoch: int, count: int) -> np.ndarray:
    return np.random.default_rng((seed, 1, epoch)).permutation(count)


class RunLog:
    """TensorBoard, plus one JSON line a log step, cut back to ``step`` when a run is resumed."""

    def __init__(self, out: Path, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.out = out
        self.path = out / LOSSES_FILE
        lines = self.path.read_text().splitlines() if self.path.is_file() else []
        kept = [line for line in lines if _step_of(line) <= step]
        write_atomically(self.path, "".join(line + "\n" for line in kept).encode())
        self.writer = SummaryWriter(str(out / "tensorboard"), purge_step=step + 1)  # that step itself stays
        (out / "samples").mkdir(exist_ok=True)

    def write(self, step: int, values: dict[str, float]) -> None:
        """Add the losses of a step."""
        with self.path.open("a") as file:
            file.write(json.dumps({"step": step, **values}) + "\n")
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)

    def picture(self, step: int, picture: np.ndarray) -> None:
        """Add a sheet of samples."""
        save_png(self.out / "samples" / f"{step:06d}.png", picture)
        self.writer.add_image("samples", picture, step, dataformats="HWC")

    def close(self) -> None:
        """Write out what TensorBoard still holds."""
        self.writer.close()


def _step_of(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError):
        return float("inf")  # a line cut short by a kill


class StepBatches(Dataset[list[Batch]]):
    """The samples of each step by its number: a list of batches, one for each of ``parts``."""

    def __init__(self, recipe: Recipe, config: LoopConfig, parts: list[range]) -> None:
        self.recipe, self.config, self.parts = recipe, config, parts

    def __getitem__(self, step: int) -> list[Batch]:
        seed = self.config.seed
        indices = indices_of_step(self.config, step, len(self.recipe))
        batches = []
        for slots in self.parts:
            rngs = [np.random.default_rng((seed, 2, step, slot)) for slot in slots]
            arrays = self.recipe.batch([indices[slot] for slot in slots], rngs)
            batches.append({name: torch.from_numpy(array) for name, array in arrays.items()})
        return batches


AHEAD = 4  # steps that each worker process is ahead of the training


class Trainer:
    """A recipe in training. ``run()`` trains to the end, from the checkpoint in ``config.out`` if there is one."""

    def __init__(self, recipe: Recipe, config: LoopConfig, *, settings: dict[str, Any] | None = None) -> None:
        if config.threads:
            torch.set_num_threads(config.threads)
        self.recipe, self.config = recipe, config
        self.settings = settings or {}
        self.place = join_processes(config.device)
        if self.place.device.type == "cuda":
            torch.backends.cudnn.benchmark = True
            torch.set_float32_matmul_precision("high")
        if config.batch_size % (self.place.world * config.accumulate):
            raise ValueError(
                f"batch_size {config.batch_size} is not a multiple of {self.place.world} processes "
                f"times accumulate {config.accumulate}"
            )
        for network in recipe.networks.values():
            suits = config.channels_last and suits_channels_last(network)
            layout = torch.channels_last if suits else torch.contiguous_format
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
        log = RunLog(self.config.out, self.step) if self.place.is_main else None
        if progress:
            progress(self.step, self.config.steps)  # the pairs are read; a first step may take minutes
        for batches in self._batches():
            if self._is_stop_asked():
                break
            losses = self._train_step(batches)
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
            (self.config.out / STOP_FILE).unlink(missing_ok=True)
        if log:
            log.close()
        if distributed.is_initialized():
            distributed.destroy_process_group()
        return self.weights_path

    @property
    def weights_path(self) -> Path:
        """Where the served weights are."""
        return self.config.out / WEIGHTS_FILE

    def served_model(self) -> nn.Module:
        """Give the averaged network, in eval mode."""
        model: nn.Module = self.ema.module
        return model.eval()

    def save(self) -> None:
        """Write checkpoint and served weights, each atomically.

        Raises
        ------
        FloatingPointError
            If a weight is not finite; what was saved before is kept then, for it could not go on from here.
        OSError
            If the disk is full; what was saved before is kept.
        """
        for name, network in self.recipe.networks.items():
            if not all(value.isfinite().all() for value in network.state_dict().values()):
                raise FloatingPointError(self._diverged(f"weights of {name} are not finite"))
        state = {
            "step": self.step,
            "settings": json.dumps(self.settings, default=str, sort_keys=True),
            "networks": {name: network.state_dict() for name, network in self.recipe.networks.items()},
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
            "ema": self.ema.state_dict(),
            "recipe": self.recipe.state(),
        }
        buffer = io.BytesIO()
        torch.save(state, buffer)
        write_atomically(self.config.out / CHECKPOINT_FILE, buffer.getvalue())
        provenance = {**self.recipe.provenance, "steps": self.step, "batch_size": self.config.batch_size}
        licence = str(provenance.pop("licence", "unknown"))
        save_model(self.weights_path, self.served_model(), provenance=provenance, licence=licence)

    def _load(self) -> None:
        path = self.config.out / CHECKPOINT_FILE
        if not path.is_file():
            return
        state = load_checkpoint(path, self.place.device)
        before = flat_settings(json.loads(state["settings"]))
        if differing := differing_settings(before, flat_settings(self.settings)):
            raise ValueError(
                f"{path} was made with other settings: {'; '.join(differing)}. Restore them, or choose another "
                f"--loop.out. What may change is {', '.join(MAY_CHANGE)} and the weights of losses."
            )
        for name, network in self.recipe.networks.items():
            network.load_state_dict(state["networks"][name])
            self.optimizers[name].load_state_dict(state["optimizers"][name])
        self.ema.load_state_dict(state["ema"])
        self.recipe.restore(state.get("recipe", {}))
        self.step = int(state["step"])

    def _batches(self) -> Iterable[list[Batch]]:
        """What each step to come goes through, made ahead by ``config.workers`` processes."""
        config = self.config
        if config.workers:
            cv2.setNumThreads(1)  # a forked process would wait for the threads that OpenCV had started
        return DataLoader(
            StepBatches(self.recipe, config, self._slots()),
            batch_size=None,
            sampler=range(self.step, config.steps),
            num_workers=config.workers,
            prefetch_factor=AHEAD if config.workers else None,
            pin_memory=self.place.device.type == "cuda",
            multiprocessing_context="fork" if config.workers else None,
        )

    def _train_step(self, batches: list[Batch]) -> dict[str, Tensor]:
        config = self.config
        for optimizer in self.optimizers.values():
            optimizer.zero_grad(set_to_none=True)
        torch.manual_seed((config.seed * 1_000_003 + self.step) % 2**31)
        records = [self._go_back(batch) for batch in batches]
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(config, self.step)
            optimizer.step()
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

    def _go_back(self, batch: Batch) -> dict[str, Tensor]:
        """Back-propagate the losses of some places of the batch; gradients add up until the optimisers step."""
        config, place = self.config, self.place
        batch = {name: tensor.to(place.device, non_blocking=True) for name, tensor in batch.items()}
        amp = config.amp and has_bf16(place.device)
        record: dict[str, Tensor] = {}
        with torch.autocast(place.device.type, torch.bfloat16, enabled=amp):
            for name, losses in self.recipe.losses(batch, self.wrapped):
                total = torch.stack([value.float() for value in losses.values()]).sum()
                if not torch.isfinite(total):
                    raise FloatingPointError(self._diverged(f"the loss of {name} is {total.item()}"))
                with torch.autocast(place.device.type, enabled=False):
                    (total / config.accumulate).backward()
                record |= {f"{name}/{key}": value.detach().float() for key, value in losses.items()}
        return record

    def _diverged(self, what: str) -> str:
        saved = max(self._served_step(), 0)
        return (
            f"step {self.step}: {what}. Go on from step {saved} with a lower learning rate (--loop.lr, now "
            f"{self.config.lr:g})" + (", or without --loop.amp." if self.config.amp else ".")
        )

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
            return (self.config.out / STOP_FILE).exists()
        if self.step % self.config.log_every:
            return False
        asked = torch.tensor(float((self.config.out / STOP_FILE).exists()), device=self.place.device)
        distributed.all_reduce(asked)
        return bool(asked)

    def _is_due(self, every: int) -> bool:
        return self.step % every == 0 or self.step == self.config.steps


def load_checkpoint(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Read what `Trainer.save` wrote.

    Raises
    ------
    ValueError
        If it is empty, cut short, or something else.
    """
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError, ValueError, KeyError) as error:
        raise ValueError(
            f"{path} is damaged or no checkpoint of a training ({path.stat().st_size:,} bytes). Restore it, or begin "
            f"a new run from its weights: --loop.out NEW --start_from {path.with_name(WEIGHTS_FILE)}"
        ) from error
    if not isinstance(state, dict) or not {"step", "settings", "networks", "optimizers", "ema"} <= set(state):
        raise ValueError(
            f"{path} is no checkpoint of a training here. Name a {CHECKPOINT_FILE} or a {WEIGHTS_FILE}."
        )
    return state


def suits_channels_last(network: nn.Module) -> bool:
    """Tell whether a network may be trained in channels_last on any processor.

    With torch 2.13 on a CPU with AVX2 alone the backward pass of a strided 1 x 1 convolution of fewer than eight
    input channels writes beyond its memory (double free, segmentation fault, or a hang).
    """
    return not any(
        isinstance(layer, nn.Conv2d)
        and layer.kernel_size == (1, 1)
        and layer.stride != (1, 1)
        and layer.in_channels < 8
        for layer in network.modules()
    )


def start_networks_from(recipe: Recipe, path: Path) -> None:
    """Begin with another run's networks: all of a ``checkpoint.pt``, or the served one of a ``.safetensors``.

    Raises
    ------
    FileNotFoundError, ValueError
        If it is not there, is damaged, or the architectures differ.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing. Choose other weights to begin with.")
    try:
        if path.suffix == ".safetensors":
            served_network(recipe).load_state_dict(load_model(path).state_dict())
            return
        state = load_checkpoint(path)["networks"]
        for name, network in recipe.networks.items():
            network.load_state_dict(state[name])
    except (RuntimeError, KeyError) as error:
        first = str(error).strip().splitlines()
        raise ValueError(
            f"{path} has another architecture: {' '.join(' '.join(first[:2]).split())[:300]}. Name the settings that "
            "it was trained with, or begin with other weights."
        ) from error


def _info_of(weights: Path) -> ModelInfo | None:
    """What the served weights of a run say of themselves, or those beside its checkpoint; None where nothing does."""
    try:
        return read_info(weights if weights.suffix == ".safetensors" else weights.with_name(WEIGHTS_FILE))
    except (AssetMissing, ValueError):  # whoever reads the weights says so
        return None


def train_recipe(
    recipe: Recipe,
    config: LoopConfig,
    *,
    settings: dict[str, Any],
    start_from: Path | None,
    licence: str,
    progress: Progress | None,
) -> Path:
    """End every ``train`` function: go on with the run in ``config.out``, or begin it.

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
    is_resumed = (config.out / CHECKPOINT_FILE).is_file()
    source = config.out / WEIGHTS_FILE if is_resumed else start_from
    if source is not None and (info := _info_of(source)) is not None:
        if info.conventions is not None and info.conventions.margin:  # what is trained on needs it as well
            recipe.provenance["margin"] = info.conventions.margin
        before = info.provenance.get("images_before") if is_resumed else info.images_seen
        if before:
            recipe.provenance["images_before"] = before
    if start_from is not None and not is_resumed:
        start_networks_from(recipe, start_from)
    return Trainer(recipe, config, settings=settings).run(progress)
