"""What the training form offers: weights to begin with, refiners, devices, names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core.config import settings

if TYPE_CHECKING:
    from core.training.kinds import Kind
    from core.training.runs import Run

RESOLUTIONS = (64, 128, 256, 512)
AUTOENCODER = "sketch_autoencoder"


def begin_options(kind: Kind, runs: Sequence[Run]) -> dict[str, Path]:
    """Weights that a training of this kind can begin with, by what people read."""
    found = {
        f"run {run.name} (step {run.saved:,})": run.folder / _of_run(kind)
        for run in runs
        if run.saved and _family(run.folder / "model.safetensors") in kind.begins_from
    }
    return found | _models(kind.begins_from)


def refiner_options(runs: Sequence[Run]) -> dict[str, Path]:
    """Trained autoencoders, the shipped one first."""
    found = _models((AUTOENCODER,))
    for run in runs:
        file = run.folder / "model.safetensors"
        if run.saved and _family(file) == AUTOENCODER:
            found[f"run {run.name} (step {run.saved:,})"] = file
    return found


def device_options() -> list[str]:
    """``auto``, the CPU, and every accelerator of this machine."""
    import torch

    found = ["auto", "cpu"]
    found += [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append("mps")
    return found


def free_name(stem: str, runs: Sequence[Run]) -> str:
    """The stem with the first number that no run has."""
    taken = {run.name for run in runs}
    number = 1
    while f"{stem}-{number}" in taken:
        number += 1
    return f"{stem}-{number}"


def pace_of_earlier(kind: str, image_size: int, batch_size: int, runs: Sequence[Run]) -> float:
    """Seconds a step of the latest run of that kind, size and batch; 0 where there was none."""
    from core.training.kinds import dig
    from core.training.request import read_config

    for run in runs:
        if run.kind != kind or not run.seconds_each:
            continue
        config = read_config(run.folder)
        if (dig(config, "data.image_size"), dig(config, "loop.batch_size")) == (image_size, batch_size):
            return run.seconds_each
    return 0.0


def _of_run(kind: Kind) -> str:
    """Parts begin with what is served; the others with everything that was trained, judges included."""
    return "model.safetensors" if kind.name == "parts" else "checkpoint.pt"


def _models(families: tuple[str, ...]) -> dict[str, Path]:
    from core.models.folder import models_folder

    return {
        file.stem: file
        for folder in (settings().weights, models_folder())
        for file in sorted(folder.glob("*.safetensors"))
        if _family(file) in families
    }


def _family(file: Path) -> str:
    from core.checkpoints import read_info
    from core.errors import AssetMissing

    try:
        return read_info(file).family
    except (AssetMissing, ValueError, KeyError):  # a damaged file is the Models page's to show
        return ""
