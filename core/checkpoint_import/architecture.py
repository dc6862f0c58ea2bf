"""Recognise the architecture behind a checkpoint and build the network that its weights fit."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.checkpoint_import.reading import CheckpointRefused
from core.generators.cyclegan import CycleGANConfig, UnetConfig
from core.generators.pix2pixhd import GlobalGeneratorConfig, LocalEnhancerConfig
from core.generators.ugatit import DOWNS, UGATITConfig
from core.models.families import FAMILIES, differences, shapes_of_network

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Architecture:
    """A network that the weights fit."""

    family: str  # a key of `core.models.families.GENERATORS`
    config: Any  # its configuration
    tensors: dict[str, Tensor]  # the weights under our names
    notes: tuple[str, ...] = ()  # what was worked out, left out or renamed, in words


def title(family: str) -> str:
    return str(FAMILIES[family][0].name)


def build(architecture: Architecture) -> nn.Module:
    """Load the network with its weights, in eval mode."""
    with torch.device("meta"):
        network: nn.Module = FAMILIES[architecture.family][0](architecture.config)
    weights = {n: v.float() if v.is_floating_point() else v for n, v in architecture.tensors.items()}
    network.load_state_dict(weights, strict=True, assign=True)
    return network.eval()


def check_fit(found: Architecture) -> None:
    ours = shapes_of_network(found.family, found.config)
    theirs = {name: tuple(value.shape) for name, value in found.tensors.items()}
    if problem := differences(ours, theirs):
        raise CheckpointRefused(f"These weights look like {title(found.family)}, but {problem}.")


def first_names(tensors: Tensors) -> str:
    return ", ".join(list(tensors)[:3]) + (", ..." if len(tensors) > 3 else "") if tensors else "nothing"


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


PROJECTS = ("pix2pixhd", "cyclegan", "ugatit")  # what a person may name as the file's family


def work_out(tensors: Tensors, project: str | None = None, *, image_size: int | None = None) -> Architecture:
    """Find the network that the weights belong to.

    Parameters
    ----------
    tensors
        As `core.checkpoint_import.reading.read_checkpoint` gives them.
    project
        One of ``PROJECTS``, or None to go by the weights alone.
    image_size
        Side of the images, for networks whose weights do not tell it.

    Raises
    ------
    CheckpointRefused
        If they fit no network, or another project's; the message names what does not fit.
    """
    if project is not None and project not in PROJECTS:
        raise CheckpointRefused(f"family must be one of {', '.join(PROJECTS)}; got {project!r}.")
    _refuse_discriminators(tensors)
    try:
        found = _recognise(tensors, project, image_size)
        if project is not None and not found.family.startswith(project):
            right = found.family.partition("_")[0]
            raise CheckpointRefused(
                f"These weights are {title(found.family)}, not {project}. Choose {right}."
            )
        check_fit(found)
    except CheckpointRefused:
        raise
    except (LookupError, TypeError, ArithmeticError, ValueError, RuntimeError) as error:
        raise CheckpointRefused(
            f"Only part of a network is there, so its architecture cannot be worked out ({error}). "
            "Import the whole file."
        ) from error
    return found


def _recognise(tensors: Tensors, project: str | None, image_size: int | None) -> Architecture:
    is_resnet = "model.1.weight" in tensors and tensors["model.1.weight"].shape[-1:] == (7,)
    if "gap_fc.weight" in tensors and "DownBlock.1.weight" in tensors:
        return _ugatit(tensors, image_size)
    if "model1_1.1.weight" in tensors and is_resnet:
        return local_enhancer(without_statistics(tensors))
    if "model.model.0.weight" in tensors:
        return _unet(without_statistics(tensors))
    if is_resnet:
        return resnet(without_statistics(tensors), project)
    raise CheckpointRefused(
        f"These weights belong to none of {', '.join(PROJECTS)}: they are named {first_names(tensors)}."
    )


def _refuse_discriminators(tensors: Tensors) -> None:
    names = list(tensors)
    is_cyclegan = "model.0.weight" in tensors and tensors["model.0.weight"].shape[-1:] == (4,)
    if is_cyclegan or any(re.match(r"(scale\d+_)?layer\d+\.\d+\.|model\.\d+\.weight_orig", n) for n in names):
        raise CheckpointRefused(
            "This is a discriminator, which judges pictures and makes none. Import the generator: "
            "latest_net_G.pth (Pix2PixHD), latest_net_G_A.pth or _B.pth (CycleGAN)."
        )
    if any(name.endswith(".filt") for name in names):
        raise CheckpointRefused(
            "This network resamples with blur filters (CUT, or --antialias), which none of our families does."
        )


def _unet(read: Architecture) -> Architecture:
    tensors = read.tensors
    first, last = tensors["model.model.0.weight"], tensors.get("model.model.3.weight")
    if last is None:
        raise CheckpointRefused(f"A U-Net without an output layer ({first_names(tensors)}).")
    config = UnetConfig(
        input_nc=int(first.shape[1]),
        output_nc=int(last.shape[1]),
        ngf=int(first.shape[0]),
        num_downs=sum(value.dim() == 4 for value in tensors.values()) // 2,
        norm="batch" if any(name.endswith("running_mean") for name in tensors) else "instance",
    )
    return Architecture("cyclegan_unet", config, tensors, read.notes)


def _ugatit(tensors: Tensors, image_size: int | None) -> Architecture:
    width, channels = (int(side) for side in tensors["DownBlock.1.weight"].shape[:2])
    seen = int(tensors["FC.0.weight"].shape[1])
    bottom = width * 2**DOWNS
    grid = math.isqrt(seen // bottom)
    if seen != bottom * grid**2:
        raise CheckpointRefused(
            f"FC.0.weight sees {seen} values, which is no square of features with {bottom} channels."
        )
    light = grid == 1
    config = UGATITConfig(
        input_nc=channels,
        output_nc=int(last_weight(tensors, "UpBlock2.{}.weight").shape[0]),
        ngf=width,
        n_blocks=len(indices(tensors, r"UpBlock1_(\d+)\.")),
        img_size=(image_size or UGATITConfig.img_size) if light else grid * 2**DOWNS,
        light=light,
    )
    note = "light: works at any size" if light else f"full: works at {config.img_size} px only"
    return Architecture("ugatit", config, dict(tensors), (note,))
