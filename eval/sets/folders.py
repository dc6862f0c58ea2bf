"""The files of a folder, to any depth."""

from __future__ import annotations

import hashlib
import os
import posixpath
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from core.errors import UnsafeImage
from core.names import normal_name
from core.untrusted_files import read_regular_file
from eval.sets.contents import Item, LeftOut, Reader
from eval.sets.headers import read_header
from eval.sets.labels import METADATA_FILES, Listed
from eval.sets.seen_files import Seen, SeenFiles, is_settled, stamp_of

Progress = Callable[[int, int], None]

EXTENSIONS = frozenset(
    (
        ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif",
        ".ppm", ".pgm", ".heic", ".heif",
    )
)  # fmt: skip
SYSTEM_FILES = frozenset((".ds_store", ".localized", "icon\r", "thumbs.db", "ehthumbs.db", "desktop.ini"))
SYSTEM_FOLDERS = frozenset(
    ("__MACOSX", ".AppleDouble", ".Spotlight-V100", ".Trashes", ".fseventsd", "@eaDir")
)
MAX_FILE_BYTES = 200_000_000
MAX_FILES = 1_000_000  # of one set, whatever they are


class FolderReader:
    """Reads the files of one folder."""

    __slots__ = ("root",)

    def __init__(self, root: Path) -> None:
        self.root = root

    def __call__(self, file: str, /) -> bytes:
        return read_regular_file(self.root / file, MAX_FILE_BYTES)


def open_folder(root: Path, seen: SeenFiles, progress: Progress | None = None) -> Listed:
    """List a folder, reading only files that are new or changed."""
    place = str(root.resolve())
    pictures, metadata, left_out = _sorted_files(root)
    known = seen.files(place)
    read: dict[str, tuple[str, Seen]] = {}
    fresh: dict[str, tuple[str, Seen]] = {}
    for done, file in enumerate(pictures, start=1):
        try:
            stat = Path(f"{place}/{file}").stat()
            read[file] = known.get(file, ("", Seen("", None)))
            if read[file][0] != stamp_of(stat):
                now = time.time_ns()
                read[file] = stamp_of(stat), look_at(_read(root / file, stat.st_size), stat.st_size)
                if is_settled(stat, now):
                    fresh[file] = read[file]
        except OSError as error:
            read.pop(file, None)
            left_out.append(LeftOut(name=file, reason=f"It cannot be read: {error.strerror or error}."))
        if progress and (done % 64 == 0 or done == len(pictures)):
            progress(done, len(pictures))
    seen.keep_files(place, fresh, gone=[file for file in known if file not in read])
    items, problems = items_of({file: one for file, (_, one) in read.items()}, FolderReader(root))
    texts = {}
    for file in metadata:
        try:
            texts[file] = read_regular_file(root / file)
        except (OSError, ValueError) as error:
            left_out.append(LeftOut(name=file, reason=f"It cannot be read: {error}"))
    return Listed(items, tuple(sorted(left_out + problems, key=lambda one: one.name)), texts)


def _read(path: Path, size: int) -> bytes:
    return read_regular_file(path, MAX_FILE_BYTES) if size <= MAX_FILE_BYTES else b""


def look_at(data: bytes, size: int) -> Seen:
    """Hash and header of a file's content, or the problem with it."""
    if size > MAX_FILE_BYTES:
        return Seen("", None, f"It has {size / 1e6:.0f} MB, at most {MAX_FILE_BYTES / 1e6:.0f} MB are read.")
    digest = hashlib.sha256(data).hexdigest()
    try:
        return Seen(digest, read_header(data))
    except UnsafeImage as error:
        return Seen(digest, None, str(error))


def why_not(file: str) -> str:
    """Why a file is no picture by its name; empty if it may be one."""
    if is_system_file(file):
        return "The system keeps it there for itself; it is no picture."
    if is_hidden(file):
        return "It is hidden, or in a hidden folder."
    ending = posixpath.splitext(file)[1].lower()
    if ending not in EXTENSIONS:
        return (
            f"It is no picture by its name ({ending or 'no ending'}); expected .png, .jpg, .webp or the like."
        )
    return ""


def is_hidden(file: str) -> bool:
    """Whether a file or a folder above it is hidden, or is macOS's shadow of another one."""
    return any(part.startswith(".") or part == "__MACOSX" for part in file.split("/"))


def is_system_file(file: str) -> bool:
    """Whether macOS or Windows put a file there by themselves: nobody misses it in a set."""
    parts = file.split("/")
    return parts[-1].lower() in SYSTEM_FILES or any(p.startswith("._") or p in SYSTEM_FOLDERS for p in parts)


def items_of(seen: Mapping[str, Seen], reader: Reader) -> tuple[tuple[Item, ...], list[LeftOut]]:
    """Items in the order of their names, and what is no picture after all.

    Files that differ in their ending only (``a.png``, ``a.jpg``) keep it as a part of their names; names are
    in whole characters (NFC), so that what a Mac has written finds its partner. Files that differ in nothing
    else keep the names that they have.
    """
    stems = {file: normal_name(posixpath.splitext(file)[0]) for file, one in seen.items() if one.header}
    count, files = Counter(stems.values()), Counter(map(normal_name, stems))
    items, problems = [], []
    for file, one in seen.items():
        if one.header is None:
            problems.append(LeftOut(name=file, reason=one.problem))
            continue
        whole = normal_name(file)
        name = stems[file] if count[stems[file]] == 1 else whole if files[whole] == 1 else file
        items.append(Item(name, one.digest, file, one.header, reader))
    return tuple(sorted(items, key=lambda item: item.name)), problems


def _sorted_files(root: Path) -> tuple[list[str], list[str], list[LeftOut]]:
    """Pictures by their names, metadata files, and the rest."""
    start = len(str(root)) + 1
    pictures: list[str] = []
    metadata: list[str] = []
    left_out: list[LeftOut] = []
    for number, entry in enumerate(_walk(root, left_out, root, {os.path.realpath(root)})):
        if number == MAX_FILES:
            raise ValueError(
                f"{root.name} holds more than {MAX_FILES:,} files. Name a folder of pictures only."
            )
        file = entry.path[start:].replace(os.sep, "/")
        if not _is_text(file):
            name = file.encode("utf-8", "replace").decode()
            left_out.append(LeftOut(name=name, reason="Its name is no UTF-8 text. Rename it."))
        elif entry.is_symlink() and (reason := _bad_link(entry)):
            left_out.append(LeftOut(name=file, reason=reason))
        elif entry.name.lower() in METADATA_FILES and not is_hidden(file):
            metadata.append(file)
        elif not entry.is_file():
            left_out.append(LeftOut(name=file, reason="It is no plain file."))
        elif reason := why_not(file):
            left_out.append(LeftOut(name=file, reason=reason))
        else:
            pictures.append(file)
    return sorted(pictures), sorted(metadata), left_out


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:  # bytes that are no UTF-8 become halves of surrogates
        return False
    return True


def _walk(folder: Path, left_out: list[LeftOut], root: Path, entered: set[str]) -> Iterator[os.DirEntry[str]]:
    """Everything below a folder but folders; linked folders are entered once, and those entered before are given.

    Caches of data sets (Hugging Face, DVC) are folders of links. Who put a link there may read what it names.
    """
    try:
        with os.scandir(folder) as entries:
            found = list(entries)
    except OSError as error:
        where = Path(folder).relative_to(root).as_posix()
        left_out.append(LeftOut(name=where, reason=f"The folder cannot be read: {error.strerror}."))
        return
    for entry in found:
        place = os.path.realpath(entry.path) if entry.is_symlink() else ""
        if not entry.is_dir() or place in entered:
            yield entry
        else:
            entered |= {place} if place else set()
            yield from _walk(Path(entry.path), left_out, root, entered)


def _bad_link(entry: os.DirEntry[str]) -> str:
    if entry.is_dir():
        return "It is a link to a folder that is read already."
    return "" if Path(entry.path).exists() else "It is a link that leads nowhere."
