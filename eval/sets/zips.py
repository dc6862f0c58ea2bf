"""The files of a zip as a set; none is ever unpacked to disk, and none of its claims is believed (`core.safe_zip`)."""

from __future__ import annotations

import threading
import time
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from core import safe_zip
from core.errors import UnsafeImage
from core.safe_zip import UnsafeZip, ZipEntry
from eval.sets.contents import Item, LeftOut
from eval.sets.folders import MAX_FILE_BYTES, Progress, is_hidden, items_of, look_at, why_not
from eval.sets.labels import METADATA_FILES, Listed
from eval.sets.seen_files import Seen, SeenFiles, is_settled, stamp_of

MAX_ENTRIES = 200_000
MAX_RATIO, RATIO_FROM_BYTES = 200.0, 8_000_000  # photos are packed already; a white bitmap reaches 1000


class ZipReader:
    """Reads the entries of one zip file; safe to call from several threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._archive: zipfile.ZipFile | None = None
        self._entries: dict[str, zipfile.ZipInfo] = {}

    def __call__(self, file: str, /) -> bytes:
        with self._lock:
            if self._archive is None:
                self.open_with(list_entries(self.path))
            assert self._archive is not None
            try:
                return _unpack(self._archive, self._entries[file])
            except UnsafeZip as error:
                raise UnsafeImage(str(error)) from error

    def open_with(self, entries: Sequence[ZipEntry]) -> None:
        """Use a list of entries that has been read and checked."""
        self._archive = zipfile.ZipFile(self.path)
        self._entries = {entry.name: entry.info for entry in entries}

    def __getstate__(self) -> dict[str, Path]:
        return {"path": self.path}

    def __setstate__(self, state: dict[str, Path]) -> None:
        self.__init__(state["path"])  # type: ignore[misc]


def open_zip(path: Path, seen: SeenFiles, progress: Progress | None = None) -> Listed:
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
    reader = ZipReader(path)
    reader.open_with(entries)
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
                data = reader(file)
                if is_metadata:
                    metadata[file] = data
                else:
                    read[file] = look_at(data, len(data))
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


def _unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    return safe_zip.unpack(
        archive, info, max_bytes=MAX_FILE_BYTES, max_ratio=MAX_RATIO, ratio_from_bytes=RATIO_FROM_BYTES
    )


def _without_top(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """Names without the one folder that a packed folder puts around all of them."""
    tops = {item.name.split("/", 1)[0] for item in items if "/" in item.name}
    if len(tops) != 1 or any("/" not in item.name for item in items):
        return items
    return tuple(replace(item, name=item.name.split("/", 1)[1]) for item in items)
