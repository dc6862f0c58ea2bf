"""Check the settings of a training against one another: for the form, the page and the command line alike."""

from __future__ import annotations

import dataclasses
from typing import Any

from core.checkpoints import read_info
from core.config import pick_device
from core.training.kinds import Kind
from core.training.recipe import LoopConfig
from core.training.splits import MANIFEST

WEIGHTS_FILE = "model.safetensors"
IGNORED = {"img_size", "parts"}  # U-GAT-IT takes the data's size; parts may be fewer than there are
MAX_STEPS = 10_000_000


def check_training(kind: Kind | None, settings: dict[str, Any]) -> None:
    """Refuse what would end a training later, before anything is read or started.

    Parameters
    ----------
    kind
        None for a training that is no kind of its own.
    settings
        What its ``train`` takes, by name.

    Raises
    ------
    ValueError
        Names the setting, its value and what would be right.
    """
    loop, data = settings["loop"], settings.get("data")
    _check_loop(loop)
    pick_device(loop.device)
    if data is None:
        return
    _check_size(kind, settings)
    _check_folders(settings)
    _check_beginning(kind, settings)
    crop = getattr(settings.get("loss"), "crop", 0)
    if crop > data.image_size:
        raise ValueError(
            f"loss.crop is {crop} and the resolution {data.image_size}. Choose a larger resolution, or put "
            f"'loss: {{crop: 0}}' under further settings."
        )


def _check_loop(loop: LoopConfig) -> None:
    if not 1 <= loop.steps <= MAX_STEPS:
        raise ValueError(f"loop.steps must be 1 to {MAX_STEPS:,}; got {loop.steps:,}.")
    for name in ("batch_size", "accumulate", "save_every", "sample_every", "log_every"):
        if getattr(loop, name) < 1:
            raise ValueError(f"loop.{name} must be at least 1; got {getattr(loop, name)}.")
    if loop.batch_size % loop.accumulate:
        raise ValueError(
            f"loop.batch_size {loop.batch_size} must be a multiple of loop.accumulate {loop.accumulate}."
        )
    if not 0 < loop.lr < 1e3:
        raise ValueError(f"The learning rate (loop.lr) must be above 0; got {loop.lr}.")
    for name, value in {"decay_from": loop.decay_from, "ema": loop.ema, "betas": max(loop.betas)}.items():
        if not 0 <= value <= 1:
            raise ValueError(f"loop.{name} must be between 0 and 1; got {value}.")
    if loop.threads < 0:
        raise ValueError(f"loop.threads must be 0 (torch's own choice) or more; got {loop.threads}.")


def _check_size(kind: Kind | None, settings: dict[str, Any]) -> None:
    size = settings["data"].image_size
    if kind is not None and size < kind.smallest:
        raise ValueError(f"For {kind.title} the resolution must be at least {kind.smallest}; got {size}.")
    if size < 1:
        raise ValueError(f"data.image_size must be at least 1; got {size}.")
    for key in kind.size_keys if kind else ():
        own = getattr(settings[key.partition(".")[0]], key.partition(".")[2])
        if own != size:
            raise ValueError(f"{key} is {own} and data.image_size {size}; they must be the same number.")
    network: Any = settings.get("generator") or settings.get("model")
    if hasattr(network, "img_size"):  # it takes the data's
        network = dataclasses.replace(network, img_size=size)
    multiple = getattr(network, "multiple", 1)
    if size % multiple:
        nearest = max(multiple, round(size / multiple) * multiple)
        raise ValueError(
            f"data.image_size must be a multiple of {multiple} for this network; got {size}. Take {nearest}."
        )
    if hasattr(network, "stages"):
        network.stages()  # refuses a size that does not halve evenly
    if hasattr(network, "of_part"):
        for name in network.parts:
            network.of_part(name).stages()


def _check_folders(settings: dict[str, Any]) -> None:
    root, other = settings["data"].root, getattr(settings.get("unpaired"), "photos", None)
    if other is not None and not other.is_dir():
        raise ValueError(f"unpaired.photos: there is no folder {other}.")
    if not (root / MANIFEST).is_file() and not (other is not None and root.is_dir()):
        raise ValueError(
            f"{root} holds no pairs: {MANIFEST} is missing there. Export a version on the Export page, "
            "or run: python -m curation.run PHOTOS --out DIR"
        )


def _check_beginning(kind: Kind | None, settings: dict[str, Any]) -> None:
    """Refuse weights of another architecture now rather than after the pairs are read."""
    begin = settings.get("start_from")
    if begin is None:
        return
    weights = begin.with_name(WEIGHTS_FILE) if begin.suffix == ".pt" else begin
    if not begin.is_file():
        raise ValueError(f"{begin} is missing. Choose other weights to begin with.")
    if not weights.is_file():
        return  # a checkpoint by itself; the training will see
    info = read_info(weights)
    ours = settings.get("generator") or settings.get("model")
    differing = [
        f"{key} is {theirs} there and {getattr(ours, key)} here"
        for key, theirs in info.config.items()
        if key not in IGNORED and hasattr(ours, key) and _plain(getattr(ours, key)) != _plain(theirs)
    ]
    if kind is not None and differing and info.family == kind.begins_from[0]:
        where = "generator" if "generator" in settings else "model"
        raise ValueError(
            f"{begin} has another architecture: {', '.join(differing)}. Choose another preset, begin from scratch, "
            f"or name its settings under further settings, below '{where}:'."
        )


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
