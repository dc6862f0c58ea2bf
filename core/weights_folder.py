"""The folder of trained networks: which file is which, and whether they fit one another."""

from __future__ import annotations

import hashlib
from pathlib import Path

from core.autoencoder import SketchAutoencoder
from core.checkpoints import read_info
from core.coverage_network import CoverageNetwork
from core.manifold import FAMILY as BANK_FAMILY

DEFAULT_GENERATOR = "pix2pixhd"
AUTOENCODER_FILE = "sketch_autoencoder.safetensors"
BANK_FILE = "face_bank.safetensors"


def generators(folder: Path) -> list[str]:
    """Names of the stage 2 networks in a weights folder, sorted."""
    return [file.stem for file in sorted(folder.glob("*.safetensors")) if _is_generator(file)]


def generator_file(folder: Path, name: str) -> Path:
    """The file of a generator by its name; that of the default one even if it is not there.

    Raises
    ------
    ValueError
        If there is no generator of that name.
    """
    path = folder / f"{name}.safetensors"
    is_plain = Path(name).name == name  # a name, not a way to another folder
    if name == DEFAULT_GENERATOR or (is_plain and path.is_file() and _is_generator(path)):
        return path
    known = ", ".join(generators(folder)) or f"none, {folder} holds no weights"
    raise ValueError(f"generator must be one of: {known}; got {name!r}.")


def check_bank_belongs(folder: Path) -> None:
    """Refuse a bank whose latents another autoencoder wrote: distances to it would mean nothing.

    Raises
    ------
    ValueError
        If the bank names the autoencoder that it was made with, and it is not the one beside it.
    """
    expected = read_info(folder / BANK_FILE).provenance.get("autoencoder_sha256")
    actual = hashlib.sha256((folder / AUTOENCODER_FILE).read_bytes()).hexdigest()
    if expected is not None and expected != actual:
        raise ValueError(
            f"{BANK_FILE} was made by autoencoder {expected[:12]}, but {AUTOENCODER_FILE} is {actual[:12]}. "
            "Restore both from the repository, or build the bank again."
        )


def _is_generator(file: Path) -> bool:
    return read_info(file).family not in (SketchAutoencoder.family, BANK_FAMILY, CoverageNetwork.family)
