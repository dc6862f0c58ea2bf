"""Chains of residual blocks: CycleGAN's ResNet, Pix2PixHD's global generator and its local enhancer."""

from __future__ import annotations

import re
from typing import Any

from torch import Tensor

from core.checkpoint_import.fitting import Architecture, Tensors, first_names
from core.checkpoint_import.reading import CheckpointRefused
from core.generators.cyclegan import CycleGANConfig
from core.generators.pix2pixhd import GlobalGeneratorConfig, LocalEnhancerConfig

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def without_statistics(tensors: Tensors) -> Architecture:
    """Leave out InstanceNorm's running statistics, which old checkpoints carry and no longer mean anything."""
    stale = [
        name for name in tensors
        if name.endswith(STATISTICS) and f"{name.rpartition('.')[0]}.weight" not in tensors
    ]  # fmt: skip
    kept = {name: value for name, value in tensors.items() if name not in set(stale)}
    return Architecture(
        "", None, kept, (f"{len(stale)} running statistics of InstanceNorm were dropped",) if stale else ()
    )


def _norm(tensors: Tensors, first: str) -> Any:
    """``batch`` or ``instance``; ``first`` is the first normalisation's name."""
    if f"{first}.weight" not in tensors:
        return "instance"
    if f"{first}.running_mean" in tensors:
        return "batch"
    raise CheckpointRefused(
        "Its InstanceNorm has weights of its own (affine), which none of the reference projects uses."
    )


def indices(tensors: Tensors, pattern: str) -> list[int]:
    return sorted({int(match[1]) for name in tensors if (match := re.match(pattern, name))})


def _trunk(tensors: Tensors) -> tuple[int, int, int, int]:
    """Input channels, width, downsamplings and blocks of ``model.*``, a chain through residual blocks."""
    blocks = indices(tensors, r"model\.(\d+)\.conv_block\.")
    if not blocks or blocks[0] < 7 or (blocks[0] - 4) % 3:
        raise CheckpointRefused(
            f"Its layers are not numbered as in a chain of residual blocks ({first_names(tensors)})."
        )
    width, channels = tensors["model.1.weight"].shape[:2]
    return int(channels), int(width), (blocks[0] - 4) // 3, len(blocks)


def _has_dropout(tensors: Tensors) -> bool:
    """A Dropout in each block moves its second convolution from place 5 to 6."""
    convolutions = {name: value for name, value in tensors.items() if value.dim() == 4}
    places = set(indices(convolutions, r".*conv_block\.(\d+)\.weight"))
    if places not in ({1, 5}, {1, 6}):
        raise CheckpointRefused(
            "Its residual blocks pad with zeros (--padding_type zero), where ours pad by reflection or replication."
        )
    return 6 in places


def last_weight(tensors: Tensors, pattern: str) -> Tensor:
    return tensors[pattern.format(indices(tensors, pattern.replace(".", r"\.").format(r"(\d+)"))[-1])]


def resnet(read: Architecture, project: str | None) -> Architecture:
    """Pix2PixHD's global generator and CycleGAN's ResNet: the same chain, told apart by its depth."""
    tensors: Tensors = read.tensors
    channels, width, downs, blocks = _trunk(tensors)
    common: dict[str, Any] = {
        "input_nc": channels, "output_nc": int(last_weight(tensors, "model.{}.weight").shape[0]), "ngf": width,
        "n_downsampling": downs, "n_blocks": blocks, "norm": _norm(tensors, "model.2"),
    }  # fmt: skip
    tensors, notes = _completed(tensors, common["norm"])
    notes = (*read.notes, *notes)
    dropout = _has_dropout(tensors)
    likely = "cyclegan" if downs == 2 else "pix2pixhd"
    if project not in ("cyclegan", "pix2pixhd"):
        other = "pix2pixhd" if likely == "cyclegan" else "cyclegan"
        notes = (*notes, f"{downs} downsamplings: as {other} it would give the same pictures")
        project = likely
    if project == "cyclegan":
        return Architecture("cyclegan", CycleGANConfig(**common, dropout=dropout), dict(tensors), notes)
    if dropout:
        tensors = {_without_dropout(name): value for name, value in tensors.items()}
        notes = (*notes, "dropout, which does nothing after training, was left out")
    return Architecture("pix2pixhd", GlobalGeneratorConfig(**common), dict(tensors), notes)


def _without_dropout(name: str) -> str:
    return re.sub(r"conv_block\.([67])\.", lambda match: f"conv_block.{int(match[1]) - 1}.", name)


def _completed(tensors: Tensors, norm: str) -> tuple[Tensors, tuple[str, ...]]:
    """CycleGAN leaves biases out before BatchNorm; ours has them, and zero is the same."""
    if norm != "batch" or "model.1.bias" in tensors:
        return tensors, ()
    added = {}
    last_block = indices(tensors, r"model\.(\d+)\.conv_block\.")[-1]
    for name, value in tensors.items():
        bias = name.removesuffix("weight") + "bias"
        if value.dim() == 4 and bias not in tensors:
            is_up = value.shape[-1] == 3 and int(name.split(".")[1]) > last_block  # (in, out, 3, 3)
            added[bias] = value.new_zeros(value.shape[1 if is_up else 0])
    return {**tensors, **added}, ("biases of zero were added before BatchNorm",)


def local_enhancer(read: Architecture) -> Architecture:
    tensors = read.tensors
    channels, width, downs, blocks = _trunk({n: v for n, v in tensors.items() if n.startswith("model.")})
    scales = indices(tensors, r"model(\d+)_1\.")[-1]
    config = LocalEnhancerConfig(
        input_nc=channels,
        output_nc=int(last_weight(tensors, f"model{scales}_2.{{}}.weight").shape[0]),
        ngf=width // 2**scales,
        n_downsample_global=downs,
        n_blocks_global=blocks,
        n_local_enhancers=scales,
        n_blocks_local=len(indices(tensors, r"model1_2\.(\d+)\.conv_block\.")),
        norm=_norm(tensors, "model.2"),
    )
    return Architecture("pix2pixhd_local", config, tensors, read.notes)
