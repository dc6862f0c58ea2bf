"""Uploaded files on their way into the library: in folders of their own that the job deletes."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dashboard.upload_staging import StagedFile

from core.names import normal_name

SPOOL = "spool"


def spool_pictures(library: Path, files: Iterable[StagedFile]) -> Path:
    """Write pictures into a new folder below ``<library>/jobs``; their names stay readable and harmless.

    Raises
    ------
    OSError
        If there is no room; what was written is removed.
    """
    folder = _new_folder(library)
    try:
        for number, file in enumerate(files):
            file.copy_to(folder / f"{number:05d}-{harmless(file.name)}")
    except BaseException:
        remove_spool(folder)
        raise
    return folder


def spool_archive(library: Path, file: StagedFile) -> Path:
    """Put an archive into a new folder of its own; return the file."""
    folder = _new_folder(library)
    try:
        file.copy_to(folder / harmless(file.name))
    except BaseException:
        remove_spool(folder)
        raise
    return folder / harmless(file.name)


def spool_file(library: Path, name: str, data: bytes) -> Path:
    """Write one file, such as a list, into a new folder of its own; return the file."""
    folder = _new_folder(library)
    try:
        _write(folder / harmless(name), data)
    except BaseException:
        remove_spool(folder)
        raise
    return folder / harmless(name)


def harmless(name: str) -> str:
    """A file name without folders and without characters that mean something to a file system."""
    plain = re.sub(r"[^\w.\- ]", "_", PurePosixPath(normal_name(name).replace("\\", "/")).name)
    return plain.strip(" .")[-80:] or "file"


def remove_spool(folder: Path) -> None:
    """Delete a spool folder that no job took over."""
    for file in folder.glob("*"):
        file.unlink(missing_ok=True)
    folder.rmdir()


def _new_folder(library: Path) -> Path:
    folder = library / "jobs" / f"{SPOOL}-{secrets.token_hex(8)}"
    folder.mkdir(parents=True)
    return folder


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)
