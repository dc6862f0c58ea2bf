"""Check and write down the settings of a training before it starts."""

from __future__ import annotations

import dataclasses
import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from core.atomic_files import write_atomically
from core.checkpoints import read_info
from core.config import pick_device
from core.training.kinds import KINDS, Kind, dig, merge, presets, put
from core.training.recipe import MAY_CHANGE, WEIGHTS_FILE, LoopConfig, flat_settings, may_change
from core.training.splits import MANIFEST
from core.untrusted_files import load_yaml, read_regular_file

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


CONFIG_FILE = "config.yaml"
REFINER_FILE = "refiner.safetensors"
# Settings that name a file or folder: further settings are typed by anybody, so they must not hold one.
PATHS = (
    "data.root",
    "loop.out",
    "start_from",
    "refiner.weights",
    "refiner.parts",
    "unpaired.photos",
    "material.painted",
)


@dataclass(frozen=True)
class RunRequest:
    """A training that somebody wants."""

    name: str  # of the run and its folder
    kind: str  # a key of `core.training.kinds.KINDS`
    preset: str  # name of one of its presets
    data: Path  # folder of pairs
    validation: str  # as `core.training.data.DataConfig` says
    steps: int
    batch_size: int
    image_size: int
    lr: float
    device: str = "auto"
    threads: int = 0
    photos: Path | None = None  # for unpaired kinds: another folder for the photos, or none
    # Autoencoder that refines the input, where the kind takes one. The run keeps a copy.
    refiner: Path | None = None
    start_from: Path | None = None  # weights to begin with, or none
    licence: str = ""
    more: str = ""  # any other settings, as YAML
    who: str = ""  # whoever asked


def config_of(request: RunRequest, folder: Path) -> dict[str, Any]:
    """Give the settings of a run, all but ``loop.out``, as its configuration file holds them.

    Parameters
    ----------
    folder
        Where the run will be; its copy of the refiner lies in it.

    Raises
    ------
    ValueError
        If kind or preset is unknown, or ``more`` is no YAML of settings.
    """
    kind = KINDS.get(request.kind)
    found = {preset.name: preset for preset in presets(request.kind)}  # refuses an unknown kind
    if kind is None or request.preset not in found:
        raise ValueError(f"expected a preset of {', '.join(found)}, got {request.preset!r}")
    config = merge(found[request.preset].settings, {
        "data": {
            "root": str(request.data.absolute()), "image_size": request.image_size,
            "validation": request.validation,
        },
        "loop": {
            "steps": request.steps, "batch_size": request.batch_size, "lr": request.lr,
            "device": request.device, "threads": request.threads,
        },
    })  # fmt: skip
    for key in kind.size_keys:
        put(config, key, request.image_size)
    if kind.crop and dig(config, "loss.crop", kind.crop) > request.image_size:
        put(config, "loss.crop", 0)  # the discriminators see all of a small picture
    if request.licence.strip():
        config["licence"] = request.licence.strip()
    if request.start_from is not None:
        config["start_from"] = str(request.start_from.absolute())
    if kind.takes_refiner and request.refiner is not None:
        put(config, "refiner.weights", str(folder.absolute() / REFINER_FILE))
    if kind.is_unpaired and request.photos is not None:
        put(config, "unpaired.photos", str(request.photos.absolute()))
    return merge(config, _more(request.more))


def check_config(kind: str, folder: Path) -> None:
    """Read a run's configuration as its training will, so that a mistake is told before anything is started.

    Raises
    ------
    ValueError
        If a setting is unknown, of the wrong kind, or does not fit the others.
    """
    from core.training.command import check_settings

    train = importlib.import_module(KINDS[kind].module).train
    config = load_yaml(read_regular_file(folder / CONFIG_FILE))
    check_training(
        KINDS[kind], check_settings(train, merge(config, {"loop": {"out": str(folder.absolute())}}))
    )


def changed_config(config: dict[str, Any], changes: dict[str, Any], more: str = "") -> dict[str, Any]:
    """Give the settings that a run goes on with.

    Parameters
    ----------
    changes
        By their dotted names.
    more
        Any others, as YAML; they win.

    Raises
    ------
    ValueError
        If one of them must stay as it is while a run goes on.
    """
    wanted = changes | flat_settings(_more(more))
    refused = [key for key in wanted if not may_change(key) and wanted[key] != dig(config, key)]
    if refused:
        raise ValueError(
            f"{', '.join(refused)} must stay as it is while a run goes on. What may change is "
            f"{', '.join(MAY_CHANGE)} and the weights of losses; for anything else begin a new run with its weights."
        )
    merged = merge({}, config)
    for key, value in wanted.items():
        section = key.partition(".")[0]
        merged[section] = dict(merged.get(section) or {})
        put(merged, key, value)
    return merged


class _NoAliases(yaml.SafeDumper):
    """Writes what is there twice out twice, because `load_yaml` takes no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def write_config(folder: Path, config: dict[str, Any]) -> None:
    """Write the configuration file of a run."""
    text = yaml.dump(config, Dumper=_NoAliases, sort_keys=False, allow_unicode=True, width=110)
    write_atomically(folder / CONFIG_FILE, text.encode())


def read_config(folder: Path) -> dict[str, Any]:
    """Read the configuration file of a run; empty where it is missing or damaged."""
    try:
        found = load_yaml(read_regular_file(folder / CONFIG_FILE))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _more(text: str) -> dict[str, Any]:
    try:
        found = load_yaml(text) if text.strip() else {}
    except ValueError as error:
        raise ValueError(f"The further settings are no YAML: {error}") from error
    if not isinstance(found, dict):
        raise ValueError("The further settings must be names with values, such as 'loss: {l1: 10}'.")
    _refuse_paths(found)
    return found


def _refuse_paths(more: dict[str, Any]) -> None:
    """Whoever may type settings may not name files of the server by them."""
    for name in PATHS:
        if dig(more, name) is not None:
            raise ValueError(
                f"{name} cannot be chosen under further settings: files and folders have fields of their own."
            )
    for (
        key,
        value,
    ) in more.items():  # the parser would take 'data.root: DIR', and 'data: FILE' as a file to read
        inner = value if isinstance(value, dict) else {}
        if dotted := [name for name in (key, *inner) if "." in str(name)]:
            raise ValueError(f"Write {dotted[0]} with braces, such as 'loss: {{l1: 10}}'.")
        if not isinstance(value, dict) and key != "licence":
            raise ValueError(f"{key} needs settings below it, such as 'loss: {{l1: 10}}'; got {value!r}.")
