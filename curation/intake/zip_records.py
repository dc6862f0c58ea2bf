"""What a zip file's end says, read without listing its entries.

`zipfile` makes an object for every entry before anybody can count them: a 60 MB file can make it hold a
million. The few fields that tell are read here first; everything else is left to `zipfile`.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

from curation.intake.refusal import Refused

_END, _END_64, _LOCATOR_64, _ENTRY = b"PK\5\6", b"PK\6\6", b"PK\6\7", b"PK\1\2"
_ENTRY_BYTES = 46
_NO_ZIP = "It is no whole zip file: its list of entries is missing or damaged. Fetch it again."


@dataclass(frozen=True)
class Directory:
    """The list of entries at the end of a zip file."""

    start: int
    size: int
    entries: int


def read_directory(file: BinaryIO, *, max_entries: int) -> Directory:
    """Where the list of entries lies and how long it is, counted and not believed.

    Raises
    ------
    Refused
        ``too_many_entries``, or ``damaged`` if this is no plain zip file.
    """
    claimed = _read_end(file)
    if claimed.entries > max_entries or claimed.size > _most_bytes(max_entries):
        raise _too_many(max(claimed.entries, claimed.size // 300), max_entries)
    file.seek(claimed.start)
    records = file.read(claimed.size)
    at = counted = 0
    while at + _ENTRY_BYTES <= len(records) and records.startswith(_ENTRY, at):
        name, extra, comment = struct.unpack_from("<HHH", records, at + 28)
        at += _ENTRY_BYTES + name + extra + comment
        counted += 1
        if counted > max_entries:
            raise _too_many(counted, max_entries)
    if at != claimed.size or counted != claimed.entries:
        raise Refused("damaged", _NO_ZIP)
    return claimed


def _read_end(file: BinaryIO) -> Directory:
    file.seek(0, os.SEEK_END)
    total = file.tell()
    start = max(0, total - 22 - 65_535)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or at + 22 > len(tail):
        raise Refused("damaged", _NO_ZIP)
    disk, first, here, entries, size, offset = struct.unpack_from("<HHHHII", tail, at + 4)
    end = start + at
    if (
        0xFFFF in (here, entries)
        or 0xFFFFFFFF in (size, offset)
        or tail[max(0, at - 20) :].startswith(_LOCATOR_64)
    ):
        disk, first, here, entries, size, offset, end = _read_end_64(file, end)
    if disk != first or here != entries or offset + size != end:
        raise Refused("damaged", _NO_ZIP)  # several disks, or something before or between the parts
    return Directory(offset, size, entries)


def _read_end_64(file: BinaryIO, end: int) -> tuple[int, int, int, int, int, int, int]:
    file.seek(max(0, end - 20))
    locator = file.read(20)
    if not locator.startswith(_LOCATOR_64) or len(locator) < 20:
        raise Refused("damaged", _NO_ZIP)
    place = struct.unpack_from("<Q", locator, 8)[0]
    if place + 56 != end - 20:
        raise Refused("damaged", _NO_ZIP)
    file.seek(place)
    record = file.read(56)
    if len(record) < 56 or not record.startswith(_END_64):
        raise Refused("damaged", _NO_ZIP)
    return (*struct.unpack_from("<IIQQQQ", record, 16), place)


def _most_bytes(entries: int) -> int:
    return 300 * entries + 100_000  # names and extras are shorter than that on average


def _too_many(found: int, limit: int) -> Refused:
    return Refused(
        "too_many_entries",
        f"It lists {found} entries or more; up to {limit} are read. Split it into several.",
    )
