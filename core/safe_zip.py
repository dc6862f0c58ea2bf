"""Read zip files of strangers: nothing is unpacked to disk, and none of their claims is believed.

Refused as a whole: what is no whole zip file, lists more entries than the limit (known before `zipfile` makes
an object for each: a 60 MB file can make it hold a million), or has entries that share bytes. Refused by
entry: links and devices, names that lead outside, passwords, packing methods other than stored and deflated,
and what unpacks to more than a file may have or to many times its packed size.
"""

from __future__ import annotations

import math
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from core.names import decode_names, normal_name

_END, _END_64, _LOCATOR_64, _ENTRY = b"PK\5\6", b"PK\6\6", b"PK\6\7", b"PK\1\2"
_ENTRY_BYTES, _LOCAL_HEADER = 46, 30
_UTF8, _UNICODE_PATH = 0x800, 0x7075
_PIECE = 1 << 16
_MAX_NAME = 1000
_NOT_WHOLE = "It is no whole zip file: its list of entries is missing or damaged. Fetch it again."
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError, NotImplementedError)


class UnsafeZip(ValueError):
    """A zip file or an entry of it is refused.

    Attributes
    ----------
    code
        ``damaged``, ``too_many_entries``, ``overlap``, ``link``, ``unsafe_name``, ``encrypted``, ``method``,
        ``too_many_bytes`` or ``bomb``.
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(code, sentence)
        self.code = code
        self.sentence = sentence

    def __str__(self) -> str:
        return self.sentence


@dataclass(frozen=True)
class ZipEntry:
    """A file in a zip."""

    name: str  # its place as people write it, with ``/``, in whole characters (NFC)
    info: zipfile.ZipInfo  # what `zipfile` reads it by


def list_entries(file: BinaryIO, *, max_entries: int) -> list[ZipEntry]:
    """List the files of a zip, without folders, in its own order.

    Raises
    ------
    UnsafeZip
        If it is refused as a whole.
    """
    start = _check_directory(file, max_entries)
    try:
        with zipfile.ZipFile(file) as archive:
            infos = archive.infolist()
    except BROKEN as error:
        raise UnsafeZip("damaged", f"It is no whole zip file ({error}).") from error
    _refuse_overlaps(infos, start)
    entries = [ZipEntry(name, info) for name, info in zip(read_names(infos), infos, strict=True)]
    return [entry for entry in entries if not entry.name.endswith("/")]


def read_names(infos: Sequence[zipfile.ZipInfo]) -> list[str]:
    """Read the names of a zip's entries: as UTF-8 where they say so, else by the code page they fit best."""
    names = [_own_unicode(info) for info in infos]
    untold = [number for number, name in enumerate(names) if name is None]
    for number, name in zip(untold, decode_names(_raw(infos[number]) for number in untold), strict=True):
        names[number] = name
    return [normal_name(str(name)).replace("\\", "/") for name in names]


def _own_unicode(info: zipfile.ZipInfo) -> str | None:
    """The name where the entry says how it is written: by its flag, or by Info-ZIP's field."""
    if info.flag_bits & _UTF8:
        return info.orig_filename
    raw, extra, at = _raw(info), info.extra, 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        field, at = extra[at + 4 : at + 4 + size], at + 4 + size
        if kind == _UNICODE_PATH and field[:5] == b"\1" + struct.pack("<I", zlib.crc32(raw)):
            return field[5:].decode("utf-8", "replace")
    return None


def _raw(info: zipfile.ZipInfo) -> bytes:
    return info.orig_filename.encode("cp437", "replace")  # as `zipfile` has decoded it


def check_entry(entry: ZipEntry) -> None:
    """Refuse what cannot be a plain file of its zip, by its record alone.

    Raises
    ------
    UnsafeZip
        ``link``, ``unsafe_name``, ``encrypted`` or ``method``.
    """
    name, info = entry.name, entry.info
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
        raise UnsafeZip("link", "It is a link or device. Pack the file itself.")
    parts = name.split("/")
    is_absolute = not parts[0] or re.match(r"[A-Za-z]:", name)
    if is_absolute or ".." in parts or any(ord(c) < 32 for c in name) or len(name) > _MAX_NAME:
        raise UnsafeZip(
            "unsafe_name", "Its name leads out of the archive or is no name of a file. Pack it anew."
        )
    if info.flag_bits & 0x41:  # also "strong encryption"
        raise UnsafeZip("encrypted", "It needs a password. Pack it without one.")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UnsafeZip("method", "It is packed in a way that is not unpacked here. Pack it as plain zip.")


def unpack_pieces(
    archive: zipfile.ZipFile,
    info: zipfile.ZipInfo,
    *,
    max_bytes: int,
    max_ratio: float = math.inf,
    ratio_from_bytes: int = 0,
) -> Iterator[bytes]:
    """Unpack an entry piece by piece, and no further than is allowed.

    Parameters
    ----------
    max_ratio, ratio_from_bytes
        Unpacked to packed bytes, where there are more than that. Photos are packed already; a white bitmap
        reaches 1000.

    Raises
    ------
    UnsafeZip
        ``too_many_bytes``, ``bomb`` or ``damaged``.
    """
    unpacked = 0
    try:
        with archive.open(info) as stream:
            while piece := stream.read(_PIECE):
                unpacked += len(piece)
                if unpacked > max_bytes:
                    raise UnsafeZip("too_many_bytes", f"It has more than {max_bytes / 1e6:.0f} MB.")
                if unpacked > max(ratio_from_bytes, max_ratio * info.compress_size):
                    raise UnsafeZip(
                        "bomb",
                        f"It unpacks to more than {max_ratio:g} times its packed size, as a bomb does.",
                    )
                yield piece
    except BROKEN as error:
        if isinstance(error, UnsafeZip):
            raise
        raise UnsafeZip("damaged", f"It cannot be unpacked ({error}).") from error


def unpack(
    archive: zipfile.ZipFile,
    info: zipfile.ZipInfo,
    *,
    max_bytes: int,
    max_ratio: float,
    ratio_from_bytes: int,
) -> bytes:
    """Give what `unpack_pieces` yields in one."""
    limits: dict[str, Any] = {"max_ratio": max_ratio, "ratio_from_bytes": ratio_from_bytes}
    return b"".join(unpack_pieces(archive, info, max_bytes=max_bytes, **limits))


def _refuse_overlaps(infos: Sequence[zipfile.ZipInfo], end: int) -> None:
    """No byte belongs to two entries: that is how a few kilobytes become petabytes."""
    at = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < at or info.header_offset + _LOCAL_HEADER + info.compress_size > end:
            raise UnsafeZip("overlap", "Its entries share their bytes, as only a zip bomb's do.")
        at = info.header_offset + _LOCAL_HEADER + info.compress_size


def _check_directory(file: BinaryIO, max_entries: int) -> int:
    """Count the list of entries, which claims less than it holds or more; return where it begins."""
    start, size, entries = _read_end(file)
    if entries > max_entries or size > 300 * max_entries + 100_000:  # names are shorter than that on average
        raise _too_many(max(entries, size // 300), max_entries)
    file.seek(start)
    records = file.read(size)
    at = counted = 0
    while at + _ENTRY_BYTES <= len(records) and records.startswith(_ENTRY, at):
        name, extra, comment = struct.unpack_from("<HHH", records, at + 28)
        at += _ENTRY_BYTES + name + extra + comment
        counted += 1
        if counted > max_entries:
            raise _too_many(counted, max_entries)
    if at != size or counted != entries:
        raise UnsafeZip("damaged", _NOT_WHOLE)
    return start


def _read_end(file: BinaryIO) -> tuple[int, int, int]:
    """Start, bytes and number of entries of the list, as the end record claims."""
    file.seek(0, os.SEEK_END)
    start = max(0, file.tell() - 22 - 65_535)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or at + 22 > len(tail):
        raise UnsafeZip("damaged", _NOT_WHOLE)
    disk, first, here, entries, size, offset = struct.unpack_from("<HHHHII", tail, at + 4)
    end = start + at
    if (
        0xFFFF in (here, entries)
        or 0xFFFFFFFF in (size, offset)
        or tail[max(0, at - 20) :].startswith(_LOCATOR_64)
    ):
        disk, first, here, entries, size, offset, end = _read_end_64(file, end)
    if disk != first or here != entries or offset + size != end:
        raise UnsafeZip("damaged", _NOT_WHOLE)  # several disks, or something before or between the parts
    return offset, size, entries


def _read_end_64(file: BinaryIO, end: int) -> tuple[int, int, int, int, int, int, int]:
    file.seek(max(0, end - 20))
    locator = file.read(20)
    if not locator.startswith(_LOCATOR_64) or len(locator) < 20:
        raise UnsafeZip("damaged", _NOT_WHOLE)
    place = struct.unpack_from("<Q", locator, 8)[0]
    if place + 56 != end - 20:
        raise UnsafeZip("damaged", _NOT_WHOLE)
    file.seek(place)
    record = file.read(56)
    if len(record) < 56 or not record.startswith(_END_64):
        raise UnsafeZip("damaged", _NOT_WHOLE)
    return (*struct.unpack_from("<IIQQQQ", record, 16), place)


def _too_many(found: int, limit: int) -> UnsafeZip:
    return UnsafeZip(
        "too_many_entries",
        f"It lists {found} entries, and no more than {limit} entries are read. Split it into several.",
    )
