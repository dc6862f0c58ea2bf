"""Which files of a folder are curated, and what each pair will be called."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from core.errors import UnsafeImage

MAX_NAME = 100
MAX_FILE_BYTES = 200_000_000
PHOTO_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif", ".mpo"}
)


def find_files(folder: Path, *, leave_out: Path | None = None) -> list[str]:
    """Regular files below ``folder``, sorted, as paths relative to it.

    Hidden files and folders are skipped. No link is followed, neither to a file nor to a folder, so
    nothing outside ``folder`` is ever read.

    Parameters
    ----------
    leave_out
        A folder not to look into, such as an output folder inside ``folder``.
    """
    return list_folder(folder, leave_out=leave_out)[0]


def list_folder(folder: Path, *, leave_out: Path | None = None) -> tuple[list[str], list[str]]:
    """List the files of `find_files`, and the links beside them."""
    found: tuple[list[str], list[str]] = ([], [])
    for name, is_link in _walk(folder, "", leave_out.resolve() if leave_out else None):
        found[is_link].append(name)
    return sorted(found[0]), sorted(found[1])


def _walk(folder: Path, prefix: str, leave_out: Path | None) -> Iterator[tuple[str, bool]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                if leave_out is None or Path(entry.path).resolve() != leave_out:
                    yield from _walk(Path(entry.path), f"{prefix}{entry.name}/", leave_out)
            elif entry.is_symlink() or entry.is_file(follow_symlinks=False):
                yield prefix + entry.name, entry.is_symlink()


def name_files(sources: Iterable[str], known: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give each source (path below its folder) a name that is its own and safe on every file system.

    A file keeps the name it has in ``known``. A new one takes its stem, or, where that is taken, its
    stem and a hash of its path; files named like pictures choose first, so ``0001.txt`` does not
    take the name of ``0001.jpg``. Names differ by more than upper and lower case.
    """
    ordered = sorted(sources, key=lambda source: (not is_named_like_photo(source), source))
    names = {source: known[source] for source in ordered if source in known} if known else {}
    taken = {name.casefold() for name in (known or {}).values()}
    for source in ordered:
        if source not in names:
            names[source] = _free_name(source, taken)
            taken.add(names[source].casefold())
    return dict(sorted(names.items()))


def is_named_like_photo(source: str) -> bool:
    """Whether the file's ending is that of a picture (its content decides what it is)."""
    return Path(source).suffix.lower() in PHOTO_SUFFIXES


def _free_name(source: str, taken: set[str]) -> str:
    stem = re.sub(r"[^\w.\- ]", "_", Path(source).stem, flags=re.ASCII)[:MAX_NAME].strip(" .") or "photo"
    digest = hashlib.sha256(source.encode("utf-8", "surrogateescape")).hexdigest()
    candidates = [stem, *(f"{stem}-{digest[:length]}" for length in (8, 16, 64))]
    return next(name for name in candidates if name.casefold() not in taken)


def read_source(path: Path) -> bytes:
    """A source file's bytes.

    Raises
    ------
    UnsafeImage
        If it is larger than any photo (a film, a disk image).
    OSError
        If it cannot be read.
    """
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise UnsafeImage(
            f"It is {size / 1e6:.0f} MB; files of up to {MAX_FILE_BYTES / 1e6:.0f} MB are read."
        )
    return path.read_bytes()


def hash_source(path: Path) -> str:
    """SHA-256 of a source file, empty where `read_source` would not read it."""
    try:
        return hashlib.sha256(read_source(path)).hexdigest()
    except (UnsafeImage, OSError):
        return ""
