"""Files that a reader sees as they were or as they are meant to be, never in part."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

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
    handle, temporary = _temporary(path)
    try:
        yield temporary
        if durable:
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
        temporary.chmod(0o644)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        os.close(handle)


def _temporary(path: Path) -> tuple[int, Path]:
    """A new file beside ``path`` that a lock marks as being written, and no abandoned ones."""
    _remove_abandoned(path)
    while True:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=_SUFFIX, dir=path.parent)
        fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            return handle, Path(name)
        os.close(handle)  # somebody took it for abandoned before it was locked


def _remove_abandoned(path: Path) -> None:
    start = f".{path.name}."
    for other in path.parent.iterdir():
        if other.name.startswith(start) and other.name.endswith(_SUFFIX):
            with suppress(OSError):  # gone meanwhile, or locked: somebody writes it
                handle = os.open(other, os.O_RDWR)
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    other.unlink()
                finally:
                    os.close(handle)


def write_atomically(path: str | Path, data: bytes, *, durable: bool = True) -> None:
    """Put ``data`` into ``path``; see `replacing`.

    Raises
    ------
    OSError
        If the folder is missing or the disk is full; ``path`` is untouched then.
    """
    with replacing(path, durable=durable) as temporary:
        temporary.write_bytes(data)
