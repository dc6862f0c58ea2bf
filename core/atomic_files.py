"""Replace files at once and append whole lines: a reader sees what was before or what is now, never a part."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import lock_descriptor

_SUFFIX = ".tmp"


@contextmanager
def replacing(path: str | Path, *, durable: bool = True) -> Iterator[Path]:
    """Write a file beside ``path`` under a temporary name; it takes that place when the block ends well.

    What killed processes have left of earlier attempts at the same place is deleted.

    Parameters
    ----------
    durable
        Wait until the disk has it, so that it also outlives a power cut. Without that a killed
        process still leaves the old file or the whole new one, at a tenth of the time.

    Yields
    ------
    temporary
        An empty file to write to.

    Raises
    ------
    OSError
        If the folder is missing or the disk is full; ``path`` is untouched then.
    """
    path = Path(path)
    with temporary_beside(path) as temporary:
        yield temporary
        if durable:
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
        temporary.chmod(0o644)
        os.replace(temporary, path)


@contextmanager
def temporary_beside(path: Path, *, suffix: str = _SUFFIX, is_folder: bool = False) -> Iterator[Path]:
    """Make a file or folder beside ``path`` to be filled; what is still at that name after the block is deleted.

    The temporary itself is locked, so that the lock goes with its writer however that ends: what nobody locks was
    left by a killed one, and is deleted when the next one comes.
    """
    remove_abandoned(path.parent, f".{path.name}.", suffix)
    handle, temporary = _locked(path, suffix, is_folder)
    try:
        yield temporary
    finally:
        os.close(handle)
        _remove(temporary)


def remove_abandoned(folder: Path, start: str, suffix: str) -> None:
    """Delete what killed writers have left among the names that begin and end like that."""
    for other in folder.iterdir():
        if other.name.startswith(start) and other.name.endswith(suffix):
            with suppress(OSError):  # gone meanwhile
                handle = os.open(other, os.O_RDONLY)
                try:
                    if lock_descriptor(handle, blocking=False):  # else somebody writes it
                        _remove(other)
                finally:
                    os.close(handle)


def _locked(path: Path, suffix: str, is_folder: bool) -> tuple[int, Path]:
    while True:
        prefix = f".{path.name}."
        if is_folder:
            temporary = Path(tempfile.mkdtemp(prefix=prefix, suffix=suffix, dir=path.parent))
            try:
                handle = os.open(temporary, os.O_RDONLY)
            except FileNotFoundError:
                continue
        else:
            handle, name = tempfile.mkstemp(prefix=prefix, suffix=suffix, dir=path.parent)
            temporary = Path(name)
        if lock_descriptor(handle, blocking=False) and temporary.exists():
            return handle, temporary
        os.close(handle)  # somebody took it for abandoned before it was locked


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def write_atomically(path: str | Path, data: bytes, *, durable: bool = True) -> None:
    """Put ``data`` into ``path``; see `replacing`.

    Raises
    ------
    OSError
        If the folder is missing or the disk is full; ``path`` is untouched then.
    """
    with replacing(path, durable=durable) as temporary:
        temporary.write_bytes(data)


def append_line(path: Path, content: Mapping[str, object]) -> None:
    """Append a line of JSON to a file that several processes write to; it is on the disk when this returns.

    A line that a killed writer has cut short stays by itself and swallows no other.

    Raises
    ------
    OSError
        If the folder cannot be written to or the disk is full; the file is then as it was before.
    """
    # A lone surrogate, of a file's name say, is escaped just as JSON would.
    line = json.dumps(content, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        lock_descriptor(handle)
        size = os.fstat(handle).st_size
        if size and os.pread(handle, 1, size - 1) != b"\n":
            line = b"\n" + line
        if os.write(handle, line) != len(line):
            os.ftruncate(handle, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        os.fsync(handle)
    finally:
        os.close(handle)
