"""Take the pictures in a zip file without trusting a word of it (`core.safe_zip`).

Entries are read one at a time, when their turn comes. The unpacked bytes then go the way of every stranger's
file (`curation.intake.children`); archives inside are refused there.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from core import safe_zip
from core.safe_zip import UnsafeZip, ZipEntry
from curation.intake.children import PictureBytes
from curation.intake.ingestion import (
    IntakeItem,
    IntakeResult,
    ingest_pictures,
    plain_name,
    refuse,
)
from curation.intake.picture import DEFAULT_LIMITS, PictureLimits, RejectedFile, is_zip, too_many_bytes
from curation.library.records import Provenance

if TYPE_CHECKING:
    from curation.library.library import Library

_NOTHING = PictureBytes(b"")


@dataclass(frozen=True)
class ArchiveLimits:
    """How much an archive may hold."""

    max_entries: int = 200_000  # folders included
    max_total_bytes: int = 100_000_000_000  # unpacked, over all entries
    # Unpacked to packed bytes of one entry, where it unpacks to more than ``ratio_from_bytes``. Photos are packed
    # already; a white bitmap reaches 1000 and is refused above 8 MB.
    max_ratio: float = 200.0
    ratio_from_bytes: int = 8_000_000


def take_archive(
    library: Library,
    archive: Path | bytes,
    *,
    provenance: Provenance | None = None,
    progress: Callable[[int, int], None] | None = None,
    workers: int | None = None,
    archive_limits: ArchiveLimits = ArchiveLimits(),
) -> Iterator[IntakeResult]:
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
        except RejectedFile as refused:
            yield refuse(provenance.name or own_name, refused)
            return
        items = _items(file, entries, provenance, archive_limits)
        yield from ingest_pictures(library, items, workers=workers, progress=progress, total=len(entries))


def list_entries(file: BinaryIO, limits: ArchiveLimits = ArchiveLimits()) -> list[ZipEntry]:
    """List the files of an archive, without folders and hidden ones, in its own order.

    Raises
    ------
    RejectedFile
        If the archive is refused as a whole.
    """
    file.seek(0)
    if not is_zip(file.read(4)):
        raise RejectedFile("damaged", "It does not begin like a zip file. Only zip archives are read.")
    try:
        entries = safe_zip.list_entries(file, max_entries=limits.max_entries)
    except UnsafeZip as error:
        raise RejectedFile(error.code, error.sentence) from error
    return [entry for entry in entries if not _is_hidden(entry.name)]


def _items(
    file: BinaryIO,
    entries: Sequence[ZipEntry],
    provenance: Provenance,
    archive_limits: ArchiveLimits,
) -> Iterator[IntakeItem]:
    """Unpack one entry after the other, when its turn comes."""
    left = archive_limits.max_total_bytes
    with zipfile.ZipFile(file) as archive:
        for entry in entries:
            where = replace(provenance, name=plain_name(entry.name))
            try:
                data = read_entry(archive, entry, left, DEFAULT_LIMITS, archive_limits)
            except RejectedFile as refused:
                yield IntakeItem(_NOTHING, where, refusal=refused)
                continue
            left -= len(data)
            yield IntakeItem(PictureBytes(data), where)


def read_entry(
    archive: zipfile.ZipFile,
    entry: ZipEntry,
    left: int,
    limits: PictureLimits,
    packed: ArchiveLimits,
) -> bytes:
    """Unpack a plain file piece by piece, never more than a picture may have or than is ``left`` of the total.

    Raises
    ------
    RejectedFile
        ``too_many_bytes``, ``quota``, ``bomb`` or ``damaged``, or what its record alone tells.
    """
    most = min(limits.max_bytes, left)
    try:
        safe_zip.check_entry(entry)
        return safe_zip.unpack(
            archive,
            entry.info,
            max_bytes=most,
            max_ratio=packed.max_ratio,
            ratio_from_bytes=packed.ratio_from_bytes,
        )
    except UnsafeZip as error:
        if error.code != "too_many_bytes":
            raise RejectedFile(error.code, error.sentence) from error
        if left >= limits.max_bytes:
            raise too_many_bytes(limits.max_bytes + 1, limits) from error
        total = packed.max_total_bytes / 1e9
        raise RejectedFile(
            "quota", f"The archive unpacks to more than {total:g} GB. Split it into several."
        ) from error


def _is_hidden(name: str) -> bool:
    parts = [part for part in name.split("/") if part not in ("", ".", "..")]
    return any(part.startswith(".") or part == "__MACOSX" for part in parts)
