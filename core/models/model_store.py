"""Add, rename and remove the models that people brought, beside those that are shipped.

Shipped networks lie in the weights folder and are never touched. Imported ones, and those trained here,
lie in a folder of their own.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core.checkpoints import read_header, read_info
from core.checksum import PLACE, add_checksum, check_checksum
from core.conversion.settings import DEFAULT_GENERATOR
from core.models.conventions import Conventions, check_conventions
from core.models.families import FAMILIES, build_config
from core.models.folder import plain_name


def check_name(name: str, weights: Path, models: Path) -> str:
    """A name as a new model may have it, without spaces around.

    Raises
    ------
    ValueError
        If it is no plain name, or taken by a shipped or an imported model.
    """
    name = plain_name(name.strip().removesuffix(".safetensors"))
    taken = {path.stem.casefold() for folder in (weights, models) for path in folder.glob("*.safetensors")}
    if name.casefold() in taken | {DEFAULT_GENERATOR} | set(FAMILIES):
        raise ValueError(f"The name {name!r} is taken. Choose another one.")
    return name


def add_model(
    source: Path,
    models: Path,
    name: str,
    *,
    conventions: Conventions,
    licence: str,
    provenance: Mapping[str, Any],
) -> Path:
    """Put a generator's file into the models folder under a name that `check_name` gave.

    Parameters
    ----------
    source
        A generator's model file; it stays as it is.
    conventions, licence, provenance
        What the new file says of itself; its weights are those of ``source``.

    Raises
    ------
    ValueError
        If the conventions do not fit, the file is damaged, or somebody took the name meanwhile.
    OSError
        If there is no room.
    """
    models.mkdir(parents=True, exist_ok=True)
    path = models / f"{name}.safetensors"
    with _restamped(source, path, conventions, licence, provenance) as temporary:
        _move_to_free_name(temporary, path)
    return path


def change_model(
    path: Path, *, conventions: Conventions, licence: str, provenance: Mapping[str, Any]
) -> None:
    """Change what a model file says of itself; readers see the old file or the new one.

    Raises
    ------
    ValueError
        If the conventions do not fit its network.
    OSError
        If there is no room, or the file is gone.
    """
    with _restamped(path, path, conventions, licence, provenance) as temporary:
        os.replace(temporary, path)


@contextmanager
def _restamped(
    source: Path, path: Path, conventions: Conventions, licence: str, provenance: Mapping[str, Any]
) -> Iterator[Path]:
    """A copy with other metadata beside ``path``, under a temporary name that is gone with the block."""
    check_conventions(conventions, build_config(read_info(source)))
    check_checksum(source)  # a damaged file would get a checksum of its damage
    header, start = read_header(source)
    header["__metadata__"] = {
        **header.get("__metadata__", {}),
        "conventions": json.dumps(asdict(conventions)),
        "licence": licence.strip() or "unknown",
        "provenance": json.dumps(dict(provenance)),
        **PLACE,
    }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # weights begin at multiples of 8
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with source.open("rb") as old, temporary.open("wb") as new:
            old.seek(start)
            new.write(len(text).to_bytes(8, "little") + text)
            shutil.copyfileobj(old, new, 1 << 20)
        add_checksum(temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def rename_model(models: Path, name: str, new: str) -> Path:
    """Give an imported model with its card another name, one that `check_name` gave.

    Raises
    ------
    ValueError
        If it is gone, or somebody took the name meanwhile.
    """
    old, path = _existing(models, name), models / f"{new}.safetensors"
    _move_to_free_name(old, path)
    with suppress(FileNotFoundError):  # what was imported has none
        os.replace(old.with_suffix(".md"), path.with_suffix(".md"))
    return path


def remove_model(models: Path, name: str) -> None:
    """Delete an imported model with its card, for good.

    Raises
    ------
    ValueError
        If it is gone already.
    """
    path = _existing(models, name)
    path.unlink()
    path.with_suffix(".md").unlink(missing_ok=True)


def _existing(folder: Path, name: str) -> Path:
    path = folder / f"{name}.safetensors"
    if Path(name).name != name or not path.is_file():
        raise ValueError(f"{name} is not there any more: somebody renamed or removed it. Look again.")
    return path


def _move_to_free_name(source: Path, path: Path) -> None:
    """Move a file unless the name is taken, which two people may find free at the same moment."""
    try:
        try:
            os.link(source, path)
        except FileExistsError:
            raise
        except OSError:  # a file system without links: reserve the name, then move over it
            path.open("xb").close()
            os.replace(source, path)
            return
    except FileExistsError as error:
        raise ValueError(f"The name {path.stem!r} is taken. Choose another one.") from error
    source.unlink()
