"""Working out a network's architecture from the names and shapes of its weights."""

from __future__ import annotations

import math
import re

from core.checkpoint_import.fitting import Architecture, Tensors, check_fit, first_names, title
from core.checkpoint_import.reading import CheckpointRefused
from core.checkpoint_import.resnets import indices, last_weight, local_enhancer, resnet, without_statistics
from core.generators.cyclegan import UnetConfig
from core.generators.ugatit import DOWNS, UGATITConfig

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
