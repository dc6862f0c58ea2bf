"""Open a folder of pictures, or any other source, as a set of images.

Opening a set reads every file once, for its hash and its header; what a file that has not changed since held
is remembered (`eval.sets.file_hash_cache`), so that the second time only their dates are looked at.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from core import safe_zip
from core.errors import UnsafeImage
from core.names import normal_name
from core.safe_zip import UnsafeZip, ZipEntry
from core.untrusted_files import read_regular_file
from eval.sets.contents import ImageSet, Item, Kind, LeftOut, Reader, read_header
from eval.sets.file_hash_cache import FileHashCache, Seen, is_settled, stamp_of
from eval.sets.labels import METADATA_FILES, Listed, with_labels

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


def open_folder(root: Path, seen: FileHashCache, progress: Progress | None = None) -> Listed:
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
                read[file] = (
                    stamp_of(stat),
                    look_at(partial(_read_below, root, file), stat.st_size),
                )
                if is_settled(stat, now):
                    fresh[file] = read[file]
        except OSError as error:
            read.pop(file, None)
            left_out.append(LeftOut(name=file, reason=f"It cannot be read: {error.strerror or error}."))
        if progress and (done % 64 == 0 or done == len(pictures)):
            progress(done, len(pictures))
    seen.keep_files(place, fresh, gone=[file for file in known if file not in read])
    items, problems = items_of({file: one for file, (_, one) in read.items()}, partial(_read_below, root))
    texts = {}
    for file in metadata:
        try:
            texts[file] = read_regular_file(root / file)
        except (OSError, ValueError) as error:
            left_out.append(LeftOut(name=file, reason=f"It cannot be read: {error}"))
    return Listed(items, tuple(sorted(left_out + problems, key=lambda one: one.name)), texts)


def _read_below(root: Path, file: str) -> bytes:
    return read_regular_file(root / file, MAX_FILE_BYTES)


def look_at(read: Callable[[], bytes], size: int = 0) -> Seen:
    """Hash and header of a file's content, or the problem with it; one of too large a ``size`` is not read."""
    if size > MAX_FILE_BYTES:
        return Seen("", None, f"It has {size / 1e6:.0f} MB, at most {MAX_FILE_BYTES / 1e6:.0f} MB are read.")
    data = read()
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
    """Tell whether a file or a folder above it is hidden, or is macOS's shadow of another one."""
    return any(part.startswith(".") or part == "__MACOSX" for part in file.split("/"))


def is_system_file(file: str) -> bool:
    """Tell whether macOS or Windows put a file there by themselves: nobody misses it in a set."""
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


MAX_ENTRIES = 200_000
MAX_RATIO, RATIO_FROM_BYTES = 200.0, 8_000_000  # photos are packed already; a white bitmap reaches 1000


class ZipReader:
    """Reads the entries of one zip file, of which a list was read and checked; safe to call from several threads."""

    def __init__(self, path: Path, entries: Sequence[ZipEntry]) -> None:
        self._archive = zipfile.ZipFile(path)
        self._entries = {entry.name: entry.info for entry in entries}

    def __call__(self, file: str) -> bytes:
        try:
            return safe_zip.unpack(
                self._archive, self._entries[file],
                max_bytes=MAX_FILE_BYTES, max_ratio=MAX_RATIO, ratio_from_bytes=RATIO_FROM_BYTES,
            )  # fmt: skip
        except UnsafeZip as error:
            raise UnsafeImage(str(error)) from error


def open_zip(path: Path, seen: FileHashCache, progress: Progress | None = None) -> Listed:
    """List a zip file, unpacking its entries only if it is new or changed.

    Raises
    ------
    ValueError
        If it is refused as a whole.
    """
    place, now, status = str(path.resolve()), time.time_ns(), path.stat()
    stamp = stamp_of(status)
    known = {file: one for file, (then, one) in seen.files(place).items() if then == stamp}
    entries = list_entries(path)
    reader = ZipReader(path, entries)
    read: dict[str, Seen] = {}
    metadata: dict[str, bytes] = {}
    left_out: list[LeftOut] = []
    for done, entry in enumerate(entries, start=1):
        file = entry.name
        is_metadata = file.rsplit("/", 1)[-1].lower() in METADATA_FILES and not is_hidden(file)
        if reason := _why_unsafe(entry) or ("" if is_metadata else why_not(file)):
            left_out.append(LeftOut(name=file, reason=reason))
        elif file in known and not is_metadata:
            read[file] = known[file]
        else:
            try:
                if is_metadata:
                    metadata[file] = reader(file)
                else:
                    read[file] = look_at(partial(reader, file))
            except UnsafeImage as error:
                read[file] = Seen("", None, str(error))
        if progress and (done % 64 == 0 or done == len(entries)):
            progress(done, len(entries))
    if is_settled(status, now):
        seen.keep_files(place, {file: (stamp, one) for file, one in read.items() if file not in known})
    items, problems = items_of(read, reader)
    return Listed(_without_top(items), tuple(sorted(left_out + problems, key=lambda one: one.name)), metadata)


def list_entries(path: Path) -> list[ZipEntry]:
    """List the files of a zip, without folders; of two of one name the last.

    Raises
    ------
    ValueError
        If it is refused as a whole.
    """
    try:
        with path.open("rb") as file:
            entries = safe_zip.list_entries(file, max_entries=MAX_ENTRIES)
    except (UnsafeZip, OSError) as error:
        raise ValueError(f"{path} is refused. {error} Or name a folder.") from error
    return list({entry.name: entry for entry in entries}.values())


def _why_unsafe(entry: ZipEntry) -> str:
    """Why an entry cannot be a plain file of this zip; empty if it can."""
    try:
        safe_zip.check_entry(entry)
    except UnsafeZip as error:
        return str(error)
    return ""


def _without_top(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """Names without the one folder that a packed folder puts around all of them."""
    tops = {item.name.split("/", 1)[0] for item in items if "/" in item.name}
    if len(tops) != 1 or any("/" not in item.name for item in items):
        return items
    return tuple(replace(item, name=item.name.split("/", 1)[1]) for item in items)


PHOTOS = "photos"
MANIFEST = "manifest.jsonl"


def open_set(
    path: Path,
    *,
    name: str | None = None,
    seen: FileHashCache | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ImageSet:
    """Open a folder, a zip file, or a Hugging Face ImageFolder (either with a ``metadata.csv`` or ``.jsonl``).

    Folders are searched to any depth. Of pairs that ``python -m curation.run`` or ``curation.export`` wrote
    the photos are meant.

    Parameters
    ----------
    name
        For people; default the file's or folder's name.
    seen
        Remembers what unchanged files held; see `eval.feature_cache.FeatureCache.open_set`.
    progress
        Called with files looked at and files in all.

    Raises
    ------
    FileNotFoundError
        If there is nothing at ``path``.
    ValueError
        If it is neither folder nor zip, the zip is damaged or a bomb, or no file in it is a picture.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist. Name a folder of pictures or a zip file.")
    memory = seen or FileHashCache(None)
    kind: Kind
    if path.is_dir():
        kind, root = "folder", _photos_of(path)
        listed = open_folder(root, memory, progress)
    else:
        kind, root = "zip", None
        listed = open_zip(path, memory, progress)
    return _make(listed, name or path.stem or path.resolve().name, kind, path, root)


def _make(listed: Listed, name: str, kind: Kind, path: Path, root: Path | None) -> ImageSet:
    items, left_out, has_metadata = with_labels(listed)
    if not items:
        first = f" The first: {left_out[0].name}: {left_out[0].reason}" if left_out else ""
        raise ValueError(
            f"{path} holds no picture that can be used; {len(left_out)} files were left out.{first} "
            "Name a folder or zip of PNG, JPEG, WebP, BMP, GIF, TIFF or AVIF files."
        )
    if has_metadata and kind == "folder":
        kind = "imagefolder"
    source = {"folder": "folder", "zip": "zip file", "imagefolder": "ImageFolder"}[kind]
    return ImageSet(name, kind, f"{source} {path.name or path.resolve().name}", items, left_out, root)


def _photos_of(path: Path) -> Path:
    """The photos of a folder of pairs, any other folder itself."""
    is_pairs = (path / MANIFEST).is_file() and (path / PHOTOS).is_dir() and (path / "sketches").is_dir()
    return path / PHOTOS if is_pairs else path
