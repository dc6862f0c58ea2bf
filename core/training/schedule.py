"""Choose what a training does at each step: order of the pairs, learning rate, averaging, logs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from torch import Tensor

from core.atomic_files import write_atomically
from core.images import save_png
from core.training.recipe import LoopConfig


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


class RunLog:
    """TensorBoard, plus one JSON line a log step, cut back to ``step`` when a run is resumed."""

    def __init__(self, out: Path, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.out = out
        self.path = out / "losses.jsonl"
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
