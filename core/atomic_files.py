"""Files that a reader sees as they were or as they are meant to be, never in part."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: str | Path, *, durable: bool = True) -> Iterator[Path]:
    """Write a file beside ``path`` under a temporary name; it takes that place when the block ends well.

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
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
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


def write_atomically(path: str | Path, data: bytes, *, durable: bool = True) -> None:
    """Put ``data`` into ``path``; see `replacing`.

    Raises
    ------
    OSError
        If the folder is missing or the disk is full; ``path`` is untouched then.
    """
    with replacing(path, durable=durable) as temporary:
        temporary.write_bytes(data)
