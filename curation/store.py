"""The output folder: ``photos/``, ``sketches/``, and which source folder it belongs to."""

from __future__ import annotations

import os
from pathlib import Path

from core.atomic_files import write_atomically

PHOTOS, SKETCHES = "photos", "sketches"
OWNER = ".source"
PNG_END = b"IEND\xaeB`\x82"


def check_folders(source: Path, out: Path) -> None:
    """Refuse folders that cannot be a run's input and output.

    Raises
    ------
    ValueError
        If ``source`` is no folder, ``out`` is a file, or they are the same.
    """
    if not source.is_dir():
        raise ValueError(f"{source} is no folder. Name the folder that holds the photos.")
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file, and a folder is needed for the pairs. Choose another --out.")
    if out.resolve() == source.resolve():
        raise ValueError(f"{out} cannot be both input and output. Choose another --out.")


def claim(out: Path, source: Path) -> None:
    """Note which source folder the pairs come from; files that it no longer holds lose their pair.

    Raises
    ------
    ValueError
        If ``out`` belongs to another source folder.
    """
    owner, name = out / OWNER, os.fsencode(source.resolve())
    if not owner.exists():
        write_atomically(owner, name + b"\n")
    elif (known := owner.read_bytes().rstrip(b"\n")) != name:
        raise ValueError(
            f"{out} holds pairs made from {os.fsdecode(known)}. Choose another folder with --out, "
            f"or, if that folder has moved to {source}, delete {owner} and start again."
        )


def make_folders(out: Path) -> None:
    """Make what is missing of ``out``."""
    for folder in (PHOTOS, SKETCHES):
        (out / folder).mkdir(parents=True, exist_ok=True)


def remove_unfinished(out: Path) -> None:
    """Delete the temporary files that a killed run left."""
    for folder in (out, out / PHOTOS, out / SKETCHES):
        for file in folder.glob(".*.png.*" if folder != out else ".manifest.jsonl.*"):
            file.unlink(missing_ok=True)


def write_pair(out: Path, name: str, photo_png: bytes, sketch_png: bytes) -> None:
    """Put a pair in place, each file at once. Not synced to the disk: see `has_pair`."""
    write_atomically(out / PHOTOS / f"{name}.png", photo_png, durable=False)
    write_atomically(out / SKETCHES / f"{name}.png", sketch_png, durable=False)


def has_pair(out: Path, name: str) -> bool:
    """Whether both files are there to their last byte, which after a power cut they may not be."""
    return all(ends_with(out / folder / f"{name}.png", PNG_END) for folder in (PHOTOS, SKETCHES))


def remove_pair(out: Path, name: str) -> None:
    """Delete a pair, if it is there."""
    for folder in (PHOTOS, SKETCHES):
        (out / folder / f"{name}.png").unlink(missing_ok=True)


def ends_with(path: Path, end: bytes) -> bool:
    """Whether a file is there and its last bytes are these, that is, whether all of it was written."""
    try:
        with path.open("rb") as file:
            file.seek(-len(end), os.SEEK_END)
            return file.read() == end
    except OSError:
        return False
