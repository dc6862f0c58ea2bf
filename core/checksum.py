"""Check the checksum that a model file carries of itself: a byte that flips on a disk looks like any other weight.

It stands in the safetensors metadata and is taken over the whole file, as it was with zeros in its place.
Files without one, made before there was any, are taken as they are.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.atomic_files import replacing

UNKNOWN = "0" * 64
PLACE = {"sha256": UNKNOWN}  # of the metadata of a file that `add_checksum` is to fill in
_PLACE = re.compile(rb'"sha256": ?"([0-9a-f]{64})"')


@contextmanager
def replacing_with_checksum(path: str | Path) -> Iterator[Path]:
    """Write a file as `core.atomic_files.replacing` does, and its checksum into the place that it keeps."""
    with replacing(path) as temporary:
        yield temporary
        add_checksum(temporary)


def add_checksum(path: Path) -> None:
    """Write a file's checksum into the place that its metadata keeps for it."""
    header = _header(path)
    place = _PLACE.search(header)
    if place is None or place[1] != UNKNOWN.encode():
        raise ValueError(f"{path.name} keeps no place for its checksum in its metadata.")
    with path.open("r+b") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(place.start(1))
        file.write(digest.encode())


def check_checksum(path: str | Path) -> None:
    """Refuse a file that is not what was written.

    Raises
    ------
    ValueError
        If it carries a checksum and has another one.
    """
    path = Path(path)
    header = _header(path)
    place = _PLACE.search(header)
    if place is None:
        return
    digest = hashlib.sha256(header[: place.start(1)] + UNKNOWN.encode() + header[place.end(1) :])
    with path.open("rb") as file:
        file.seek(len(header))
        expected, actual = place[1].decode(), hashlib.file_digest(file, lambda: digest).hexdigest()
    if expected != actual:
        raise ValueError(
            f"{path.name} is damaged: its checksum is {actual[:12]} where {expected[:12]} was written. Restore it."
        )


def _header(path: Path) -> bytes:
    """The length and the JSON at the start of a safetensors file."""
    with path.open("rb") as file:
        length = file.read(8)
        return length + file.read(min(int.from_bytes(length, "little"), path.stat().st_size))
