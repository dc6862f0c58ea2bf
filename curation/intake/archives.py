"""Taking the pictures in a zip file without trusting a word of it.

Nothing is unpacked to disk: entries are read one at a time, in pieces, and counted while they are read;
what their headers claim decides nothing. The unpacked bytes then go the way of every stranger's file
(`curation.intake.children`). Refused as a whole: archives with more entries than the limit (known from
the end record), and those whose entries share bytes. Refused by entry: links and devices, names that lead
outside, passwords, packing methods other than stored and deflated, archives inside, and whatever unpacks
to more than a photo may have or many times its packed size.
"""

from __future__ import annotations

import io
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from curation.intake.children import PictureBytes
from curation.intake.kinds import is_zip
from curation.intake.picture import DEFAULT_LIMITS, PictureLimits, Refused, too_many_bytes
from curation.intake.take import Answer, Item, TakesPictures, plain_name, refuse, take_pictures
from curation.intake.zip_records import read_directory
from curation.library.records import Provenance

_PIECE = 1 << 16
_LOCAL_HEADER = 30
_NOTHING = PictureBytes(b"")


@dataclass(frozen=True)
class ArchiveLimits:
    """How much an archive may hold.

    Attributes
    ----------
    max_entries
        Folders included.
    max_total_bytes
        Unpacked, over all entries.
    max_ratio
        Unpacked to packed bytes of one entry, where it unpacks to more than ``ratio_from_bytes``. Photos
        are packed already; a white bitmap reaches 1000 and is refused above 8 MB.
    """

    max_entries: int = 200_000
    max_total_bytes: int = 100_000_000_000
    max_ratio: float = 200.0
    ratio_from_bytes: int = 8_000_000


def take_archive(
    library: TakesPictures,
    archive: Path | bytes,
    *,
    provenance: Provenance | None = None,
    progress: Callable[[int, int], None] | None = None,
    workers: int | None = None,
    limits: PictureLimits = DEFAULT_LIMITS,
    archive_limits: ArchiveLimits = ArchiveLimits(),
) -> Iterator[Answer]:
    """Take the pictures in a zip file; folders, hidden files and ``__MACOSX`` are passed over.

    Parameters
    ----------
    archive
        Path, or the bytes of an upload.
    provenance
        For all entries; ``name`` becomes the entry's. Without it the source is ``archive:`` and the
        file's name.

    Returns
    -------
    answers
        One an entry; a single one, under the archive's name, if it is refused as a whole.
    """
    own_name = plain_name(archive.name) if isinstance(archive, Path) else "upload"
    provenance = provenance or Provenance(f"archive:{own_name}")
    opened: BinaryIO = archive.open("rb") if isinstance(archive, Path) else io.BytesIO(archive)
    with closing(opened) as file:
        try:
            entries = list_entries(file, archive_limits)
        except Refused as refused:
            yield refuse(provenance.name or own_name, refused)
            return
        items = _items(file, entries, provenance, limits, archive_limits)
        yield from take_pictures(
            library, items, limits=limits, workers=workers, progress=progress, total=len(entries)
        )


def list_entries(file: BinaryIO, limits: ArchiveLimits = ArchiveLimits()) -> list[zipfile.ZipInfo]:
    """The files that an archive lists, without folders and hidden ones, in its own order.

    Raises
    ------
    Refused
        If the archive is refused as a whole.
    """
    file.seek(0)
    if not is_zip(file.read(4)):
        raise Refused("damaged", "It does not begin like a zip file. Only zip archives are read.")
    directory = read_directory(file, max_entries=limits.max_entries)
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise Refused("damaged", f"It is no whole zip file ({error}).") from error
    _refuse_overlaps(entries, directory.start)
    return [entry for entry in entries if not entry.is_dir() and not _is_hidden(entry)]


def _items(
    file: BinaryIO,
    entries: Sequence[zipfile.ZipInfo],
    provenance: Provenance,
    limits: PictureLimits,
    archive_limits: ArchiveLimits,
) -> Iterator[Item]:
    """Unpack one entry after the other, when its turn comes."""
    left = archive_limits.max_total_bytes
    with zipfile.ZipFile(file) as archive:
        for entry in entries:
            where = replace(provenance, name=plain_name(entry.orig_filename))
            try:
                check_entry(entry)
                data = read_entry(archive, entry, min(limits.max_bytes, left), limits, archive_limits)
            except Refused as refused:
                yield Item(_NOTHING, where, refusal=refused)
                continue
            left -= len(data)
            yield Item(PictureBytes(data), where)


def check_entry(entry: zipfile.ZipInfo) -> None:
    """Refuse what cannot be a plain file of this archive, by its record alone."""
    name = entry.orig_filename
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise Refused("link", "It is a link or device. Pack the file itself.")
    parts = re.split(r"[/\\]", name)
    is_absolute = not parts[0] or re.match(r"[A-Za-z]:", name)
    if is_absolute or ".." in parts or any(ord(c) < 32 for c in name) or len(name) > 1000:
        raise Refused(
            "unsafe_name", "Its name leads out of the archive or is no name of a file. Pack it anew."
        )
    if entry.flag_bits & 0x41:  # also "strong encryption"
        raise Refused("encrypted", "It needs a password. Pack it without one.")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Refused("method", "It is packed in a way that is not unpacked here. Pack it as plain zip.")


def read_entry(
    archive: zipfile.ZipFile,
    entry: zipfile.ZipInfo,
    max_bytes: int,
    limits: PictureLimits,
    packed: ArchiveLimits,
) -> bytes:
    """Unpack an entry piece by piece, never more than ``max_bytes``.

    Raises
    ------
    Refused
        ``too_many_bytes``, ``quota``, ``bomb`` or ``damaged``.
    """
    unpacked = bytearray()
    try:
        with archive.open(entry) as stream:
            while piece := stream.read(_PIECE):
                unpacked += piece
                if len(unpacked) > limits.max_bytes:
                    raise too_many_bytes(len(unpacked), limits)
                if len(unpacked) > max_bytes:
                    total = packed.max_total_bytes / 1e9
                    raise Refused(
                        "quota", f"The archive unpacks to more than {total:g} GB. Split it into several."
                    )
                if len(unpacked) > max(packed.ratio_from_bytes, packed.max_ratio * entry.compress_size):
                    raise Refused(
                        "bomb", f"It unpacks to more than {packed.max_ratio:g} times its packed size."
                    )
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
        if isinstance(error, Refused):
            raise
        raise Refused("damaged", f"It cannot be unpacked ({error}).") from error
    return bytes(unpacked)


def _is_hidden(entry: zipfile.ZipInfo) -> bool:
    parts = [part for part in re.split(r"[/\\]", entry.orig_filename) if part not in ("", ".", "..")]
    return any(part.startswith(".") or part == "__MACOSX" for part in parts)


def _refuse_overlaps(entries: Sequence[zipfile.ZipInfo], end: int) -> None:
    """No byte belongs to two entries: that is how a few kilobytes become petabytes."""
    at = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if entry.header_offset < at or entry.header_offset + _LOCAL_HEADER + entry.compress_size > end:
            raise Refused("overlap", "Its entries share their bytes, as only a zip bomb's do.")
        at = entry.header_offset + _LOCAL_HEADER + entry.compress_size
