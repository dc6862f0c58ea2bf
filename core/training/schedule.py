"""What depends on the step alone: the learning rate, the samples, the decay of the average."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from torch import Tensor

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
