"""Where a training runs: this process among those that ``torchrun`` started, and its device."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch
from torch import distributed

from core.config import pick_device


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


def has_bf16(device: torch.device) -> bool:
    """Whether autocast to bfloat16 is native here."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return device.type == "cpu" and torch.backends.mkldnn.is_available() and _cpu_has_bf16()


def _cpu_has_bf16() -> bool:
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
