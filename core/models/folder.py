"""List the models in the weights folder."""

from __future__ import annotations

import hashlib
import logging
import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.checkpoints import read_info, read_shapes
from core.config import settings
from core.conversion.settings import DEFAULT_GENERATOR
from core.errors import AssetMissing
from core.models.conventions import check_conventions
from core.models.families import (
    GENERATORS,
    ModelInfo,
    build_config,
    differences,
    shapes_of_network,
)

logger = logging.getLogger(__name__)

AUTOENCODER_FILE = "sketch_autoencoder.safetensors"
BANK_FILE = "face_bank.safetensors"
_NAME = re.compile(r"[^\W_][\w.-]{0,59}")
_MAX_NAME_BYTES = 180  # file systems take 255, endings and stamps included


def plain_name(name: str) -> str:
    """A name of a model or run that any file system takes, in composed Unicode.

    Raises
    ------
    ValueError
        Says what a name may be.
    """
    composed = unicodedata.normalize("NFC", name)
    if not _NAME.fullmatch(composed) or len(composed.encode()) > _MAX_NAME_BYTES:
        raise ValueError(
            f"A name has 1 to 60 letters, digits, dots, dashes or underscores and begins with a letter or digit; "
            f"got {name!r}."
        )
    return composed


def models_folder() -> Path:
    """Folder of the networks that people imported or trained here; git ignores it, and it may not exist yet."""
    return settings().data / "models"


def generators(folder: Path, imported: Path | None = None) -> list[str]:
    """Names of the stage 2 networks at hand, the shipped ones first, each kind sorted.

    A file that cannot be read is left out: the Models page shows it with its problem.
    """
    names: dict[str, None] = {}
    for place in (folder, models_folder() if imported is None else imported):
        files = sorted(place.glob("*.safetensors"))
        names |= dict.fromkeys(file.stem for file in files if is_generator(file))
    return list(names)


def generator_file(folder: Path, name: str, imported: Path | None = None) -> Path:
    """Give the file of a generator by its name; that of the default one even if it is not there.

    Parameters
    ----------
    folder, imported
        As for `generators`; where both hold the name, the shipped file is meant.

    Raises
    ------
    ValueError
        If there is no generator of that name.
    """
    is_plain = Path(name).name == name  # a name, not a way to another folder
    if is_plain:
        for place in (folder, models_folder() if imported is None else imported):
            path = place / f"{name}.safetensors"
            if path.is_file() and is_generator(path):
                return path
    if name == DEFAULT_GENERATOR:
        return folder / f"{name}.safetensors"
    known = ", ".join(generators(folder, imported)) or f"none, {folder} holds no weights"
    raise ValueError(f"generator must be one of: {known}; got {name!r}.")


def is_generator(file: Path) -> bool:
    """Tell whether a file holds a stage 2 network; False for a damaged one."""
    try:
        return read_info(file).family in GENERATORS
    except (AssetMissing, ValueError) as error:
        logger.info("%s is left out: %s", file, error)
        return False


def check_bank_belongs(folder: Path) -> None:
    """Refuse a bank whose latents another autoencoder wrote: distances to it would mean nothing.

    Raises
    ------
    ValueError
        If the bank names the autoencoder that it was made with, and it is not the one beside it.
    """
    check_belongs(folder / BANK_FILE, "autoencoder_sha256", folder / AUTOENCODER_FILE)


def check_belongs(bank: Path, key: str, networks: Path) -> None:
    """Refuse a bank that says, under ``key`` of its provenance, that other networks made it.

    Raises
    ------
    ValueError
        With both checksums.
    """
    expected = read_info(bank).provenance.get(key)
    actual = hashlib.sha256(networks.read_bytes()).hexdigest()
    if expected is not None and expected != actual:
        raise ValueError(
            f"{bank.name} was made by networks {str(expected)[:12]}, but {networks.name} is {actual[:12]}. "
            "Restore both from the repository, or publish them again together."
        )


_BUFFERS = ("running_mean", "running_var", "num_batches_tracked")


@dataclass(frozen=True)
class ModelFile:
    """A file of the weights folder or of the models folder."""

    name: str  # its stem
    path: Path
    is_shipped: bool  # whether it came with the product; such files are not renamed or removed
    size_bytes: int
    fingerprint: tuple[int, int]  # changes with the file
    info: ModelInfo | None = None  # what it says of itself, None where that cannot be read
    parameters: int = 0  # how many numbers it holds, without running statistics; 0 where that cannot be read
    problem: str = ""  # why it cannot be used, empty if it can

    @property
    def is_generator(self) -> bool:
        """Tell whether it turns sketches into photos."""
        return self.info is not None and self.info.family in GENERATORS


def list_models(weights: Path, models: Path) -> list[ModelFile]:
    """Every model file of both folders, shipped ones first; damaged ones with their problem."""
    files = [(path, True) for path in sorted(weights.glob("*.safetensors"))]
    files += [(path, False) for path in sorted(models.glob("*.safetensors"))]
    found = (_look_at(path, is_shipped) for path, is_shipped in files)
    return [model for model in found if model is not None]


def _look_at(path: Path, is_shipped: bool) -> ModelFile | None:
    """One file; None if it was removed meanwhile."""
    try:
        stat = path.stat()
    except OSError:
        return None
    common: dict[str, Any] = {
        "name": path.stem, "path": path, "is_shipped": is_shipped, "size_bytes": stat.st_size,
        "fingerprint": (stat.st_size, stat.st_mtime_ns),
    }  # fmt: skip
    try:
        info = read_info(path)
        shapes = read_shapes(path)
    except (ValueError, RuntimeError, OSError) as error:
        return ModelFile(**common, problem=str(error))
    parameters = sum(math.prod(shape) for name, shape in shapes.items() if not name.endswith(_BUFFERS))
    return ModelFile(**common, info=info, parameters=parameters, problem=_problem(info, shapes))


def _problem(info: ModelInfo, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Why a file whose header can be read cannot be used; looks at generators only."""
    if info.family not in GENERATORS or info.conventions is None:
        return ""
    try:
        config = build_config(info)
        check_conventions(info.conventions, config)
        expected = shapes_of_network(info.family, config)
    except (ValueError, TypeError) as error:
        return f"Its configuration makes no network: {error}"
    unfit = differences(expected, shapes)
    return f"The weights do not fit their own configuration: {unfit}." if unfit else ""
