"""Taking a folder of files; what has not changed since the last time is not opened again."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol

from curation.ingest import find_files
from curation.intake.children import PictureFile
from curation.intake.picture import CHECK_VERSION, DEFAULT_LIMITS, PictureLimits
from curation.intake.take import Answer, Item, TakesPictures, plain_name, take_pictures
from curation.library.files import LibraryFiles
from curation.library.records import Provenance

NOTE_EVERY = 500
RETRIED = frozenset({"timeout", "crashed", "memory", "unreadable"})  # the machine's doing, not the file's


class RemembersFiles(TakesPictures, Protocol):
    """What a second run needs of the library."""

    @property
    def files(self) -> LibraryFiles: ...
    def known_sources(self, source: str) -> dict[str, str]: ...
    def note_source_files(self, source: str, marks: Mapping[str, str]) -> None: ...


@dataclass(frozen=True)
class _Mark:
    """What is noted of a file: size and times, and what became of it."""

    stamp: str
    image_id: str
    code: str
    sentence: str

    @classmethod
    def read(cls, text: str) -> _Mark:
        return cls(*text.split("|", 3))

    def text(self) -> str:
        return f"{self.stamp}|{self.image_id}|{self.code}|{self.sentence}"

    def answer(self, name: str) -> Answer:
        return Answer(name, "known" if self.image_id else "refused", self.image_id, self.code, self.sentence)


def take_folder(
    library: RemembersFiles,
    folder: Path,
    *,
    provenance: Provenance | None = None,
    progress: Callable[[int, int], None] | None = None,
    workers: int | None = None,
    limits: PictureLimits = DEFAULT_LIMITS,
    leave_out: Path | None = None,
    remember: bool = True,
) -> Iterator[Answer]:
    """Take the pictures below a folder; hidden files are left out, links are not followed.

    A file is not opened again while its size and times stay the same, unless it is given another licence,
    author, page or uploader than before, or what is accepted has changed.

    Parameters
    ----------
    provenance
        For all files; ``name`` becomes the path below ``folder``. Without it the source is
        ``folder:`` and the folder's name.
    leave_out
        A folder below ``folder`` not to look into, such as the library's own.
    remember
        Note what became of each file, for the next run; not worth it for a folder that goes away.

    Raises
    ------
    ValueError
        If ``folder`` is no folder.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder. Name the folder that holds the pictures.")
    provenance = provenance or Provenance(f"folder:{plain_name(folder.resolve().name)}")
    names = find_files(folder, leave_out=leave_out)
    key = _memory_key(folder, provenance, limits) if remember else ""
    return _take(library, folder, names, key, provenance, progress, workers, limits)


def _take(
    library: RemembersFiles,
    folder: Path,
    names: list[str],
    key: str,
    provenance: Provenance,
    progress: Callable[[int, int], None] | None,
    workers: int | None,
    limits: PictureLimits,
) -> Iterator[Answer]:
    known = library.known_sources(key) if key else {}
    stamps: dict[str, str] = {}
    items: list[Item] = []
    done = 0
    for name in names:
        plain = plain_name(name)
        stamp = stamp_of(folder / name)
        mark = known.get(plain, "")
        if stamp and mark.startswith(f"{stamp}|"):
            remembered = _Mark.read(mark)
            # An original that is gone (deleted for good, or lost) is looked at again.
            if not remembered.image_id or library.files.original(remembered.image_id).exists():
                done += 1
                yield remembered.answer(plain)
                continue
        stamps[plain] = stamp
        items.append(Item(PictureFile(str(folder / name)), replace(provenance, name=plain)))
    if progress:
        progress(done, len(names))
    notes: dict[str, str] = {}
    answers = take_pictures(library, items, limits=limits, workers=workers) if items else iter(())
    try:
        for number, answer in enumerate(answers, start=done + 1):
            if key and stamps[answer.name] and answer.outcome != "deleted" and answer.code not in RETRIED:
                mark_now = _Mark(stamps[answer.name], answer.image_id, answer.code, answer.sentence)
                notes[answer.name] = mark_now.text()
            if len(notes) >= NOTE_EVERY:
                library.note_source_files(key, notes)
                notes = {}
            if progress:
                progress(number, len(names))
            yield answer
    finally:
        if notes:  # what is not noted is checked again, so a killed run loses time only
            library.note_source_files(key, notes)


def stamp_of(path: Path) -> str:
    """Size, time of change and time of renaming of a file; empty if it is gone."""
    try:
        found = os.lstat(path)
    except OSError:
        return ""
    return f"{found.st_size}:{found.st_mtime_ns}:{found.st_ctime_ns}"


def _memory_key(folder: Path, provenance: Provenance, limits: PictureLimits) -> str:
    """Names the folder by its place, and all that decides what becomes of a file beside its content."""
    rest = {
        "provenance": asdict(replace(provenance, name="")),
        "limits": asdict(limits),
        "check": CHECK_VERSION,
    }
    digest = hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()[:16]
    return plain_name(f"{digest} {folder.resolve()}")
