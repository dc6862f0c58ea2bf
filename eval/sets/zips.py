"""The files of a zip, none of which is ever unpacked to disk, and none of whose claims is believed.

Refused as a whole: what is no whole zip file, lists too many entries, or has entries that share bytes. Left
out one by one: links, names that lead outside, passwords, unknown packing, and what unpacks to more than a
picture may have or to many times its packed size.
"""

from __future__ import annotations

import os
import re
import stat
import struct
import threading
import time
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from core.errors import UnsafeImage
from eval.sets.contents import Item, LeftOut
from eval.sets.folders import MAX_FILE_BYTES, Progress, is_hidden, items_of, look_at, why_not
from eval.sets.labels import METADATA_FILES, Listed
from eval.sets.seen_files import Seen, SeenFiles, is_settled, stamp_of

MAX_ENTRIES = 200_000
MAX_RATIO, RATIO_FROM_BYTES = 200.0, 8_000_000  # photos are packed already; a white bitmap reaches 1000
_PIECE = 1 << 16
_LOCAL_HEADER, _ENTRY_BYTES = 30, 46
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError, NotImplementedError)


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
            except _BROKEN as error:
                raise UnsafeImage(f"It cannot be unpacked ({error}).") from error

    def open_with(self, entries: Sequence[zipfile.ZipInfo]) -> None:
        """Use a list of entries that has been read and checked."""
        self._archive = zipfile.ZipFile(self.path)
        self._entries = {place_of(entry): entry for entry in entries}

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
        file = place_of(entry)
        is_metadata = file.rsplit("/", 1)[-1].lower() in METADATA_FILES and not is_hidden(file)
        if reason := why_unsafe(entry) or ("" if is_metadata else why_not(file)):
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


def list_entries(path: Path) -> list[zipfile.ZipInfo]:
    """The files that a zip lists, without folders.

    Raises
    ------
    ValueError
        If it is refused as a whole.
    """
    try:
        start = _check_list(path)
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except _BROKEN as error:
        raise ValueError(f"{path} is no whole zip file ({error}). Pack it anew, or name a folder.") from error
    at = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        end = entry.header_offset + _LOCAL_HEADER + entry.compress_size
        if entry.header_offset < at or end > start:
            raise ValueError(f"{path} is refused: its entries share their bytes, as only a zip bomb's do.")
        at = end
    files = [entry for entry in entries if not entry.is_dir()]
    return list({place_of(entry): entry for entry in files}.values())


def _check_list(path: Path) -> int:
    """Count the entries before `zipfile` makes an object for each; where their list begins."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        tail_start = file.seek(max(0, end - 22 - 65_535))
        tail = file.read()
        at = tail.rfind(b"PK\5\6")
        if at < 0 or at + 22 > len(tail):
            raise zipfile.BadZipFile("its list of entries is missing")
        size, start = struct.unpack_from("<II", tail, at + 12)
        if tail[max(0, at - 20) : at].startswith(b"PK\6\7"):  # zip64
            (place,) = struct.unpack_from("<Q", tail, at - 12)
            file.seek(place)
            record = file.read(56)
            if not record.startswith(b"PK\6\6") or len(record) < 56:
                raise zipfile.BadZipFile("its list of entries is damaged")
            size, start = struct.unpack_from("<QQ", record, 40)
        elif start + size != tail_start + at:
            raise zipfile.BadZipFile("something lies before or between its parts")
        if size > 300 * MAX_ENTRIES or start + size > end:
            raise zipfile.BadZipFile(f"its list of entries has {size} bytes")
        file.seek(start)
        count = _count(file.read(size))
    if count > MAX_ENTRIES:
        raise zipfile.BadZipFile(f"it lists more than {MAX_ENTRIES} entries; split it into several")
    return int(start)


def _count(records: bytes) -> int:
    at = count = 0
    while at + _ENTRY_BYTES <= len(records) and records.startswith(b"PK\1\2", at) and count <= MAX_ENTRIES:
        name, extra, comment = struct.unpack_from("<HHH", records, at + 28)
        at += _ENTRY_BYTES + name + extra + comment
        count += 1
    return count


def place_of(entry: zipfile.ZipInfo) -> str:
    """An entry's place, with forward slashes."""
    return entry.filename.replace("\\", "/")


def why_unsafe(entry: zipfile.ZipInfo) -> str:
    """Why an entry cannot be a plain file of this zip, by its record alone; empty if it can."""
    name = entry.orig_filename
    if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
        return "It is a link or device. Pack the file itself."
    parts = re.split(r"[/\\]", name)
    if not parts[0] or re.match(r"[A-Za-z]:", name) or ".." in parts or any(ord(c) < 32 for c in name):
        return "Its name leads out of the zip. Pack it anew."
    if entry.flag_bits & 0x41:  # also "strong encryption"
        return "It needs a password. Pack it without one."
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "It is packed in a way that is not unpacked here. Pack it as plain zip."
    return ""


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    unpacked = bytearray()
    with archive.open(entry) as stream:
        while piece := stream.read(_PIECE):
            unpacked += piece
            if len(unpacked) > MAX_FILE_BYTES:
                raise ValueError(f"it has more than {MAX_FILE_BYTES / 1e6:.0f} MB")
            if len(unpacked) > max(RATIO_FROM_BYTES, MAX_RATIO * entry.compress_size):
                raise ValueError(
                    f"it unpacks to more than {MAX_RATIO:g} times its packed size, as a bomb does"
                )
    return bytes(unpacked)


def _without_top(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """Names without the one folder that a packed folder puts around all of them."""
    tops = {item.name.split("/", 1)[0] for item in items if "/" in item.name}
    if len(tops) != 1 or any("/" not in item.name for item in items):
        return items
    return tuple(replace(item, name=item.name.split("/", 1)[1]) for item in items)
