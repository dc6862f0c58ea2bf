"""Taking a folder of files; what has not changed since the last time is not opened again."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from curation.ingest import list_folder
from curation.intake.children import PictureBytes, PictureFile
from curation.intake.ingestion import IntakeItem, IntakeResult, ingest_pictures, plain_name
from curation.intake.picture import CHECK_VERSION, DEFAULT_LIMITS, RejectedFile
from curation.library.records import Provenance

if TYPE_CHECKING:
    from curation.library.library import Library

NOTE_EVERY = 500
_NOTHING = PictureBytes(b"")
RETRIED = frozenset({"timeout", "crashed", "memory", "unreadable"})  # the machine's doing, not the file's


def take_folder(
    library: Library,
    folder: Path,
    *,
    provenance: Provenance | None = None,
    progress: Callable[[int, int], None] | None = None,
    workers: int | None = None,
    leave_out: Path | None = None,
    remember: bool = True,
    follow_links: bool = False,
) -> Iterator[IntakeResult]:
    """Take the pictures below a folder; hidden files are left out.

    A link is taken for its file where that lies in the folder itself, or where Hugging Face's cache, DVC or
    git-annex keeps the folder's files; every other one is refused by name. A file is not opened again while
    its size and times stay the same, unless it is given another licence, author, page or uploader than
    before, or what is accepted has changed.

    Parameters
    ----------
    provenance
        For all files; ``name`` becomes the path below ``folder``. Without it the source is
        ``folder:`` and the folder's name.
    leave_out
        A folder below ``folder`` not to look into, such as the library's own.
    remember
        Note what became of each file, for the next run; not worth it for a folder that goes away.
    follow_links
        Take a link to a file wherever it leads.

    Raises
    ------
    ValueError
        If ``folder`` is no folder.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder. Name the folder that holds the pictures.")
    provenance = provenance or Provenance(f"folder:{plain_name(folder.resolve().name)}")
    names, links = list_folder(folder, leave_out=leave_out)
    found: dict[str, Path | RejectedFile] = {name: folder / name for name in names}
    stores = _stores(folder.resolve()) if links and not follow_links else []
    found |= {name: _behind(folder / name, stores, is_any=follow_links) for name in links}
    key = _memory_key(folder, provenance) if remember else ""
    return _take(library, dict(sorted(found.items())), key, provenance, progress, workers)


def _take(
    library: Library,
    files: Mapping[str, Path | RejectedFile],
    key: str,
    provenance: Provenance,
    progress: Callable[[int, int], None] | None,
    workers: int | None,
) -> Iterator[IntakeResult]:
    known = library.known_sources(key) if key else {}
    stamps: dict[str, str] = {}
    items: list[IntakeItem] = []
    done = 0
    for name, path in files.items():
        plain = plain_name(name)
        where = replace(provenance, name=plain)
        if isinstance(path, RejectedFile):
            stamps[plain] = ""
            items.append(IntakeItem(_NOTHING, where, refusal=path))
            continue
        stamp = stamp_of(path)
        before, image_id, code, sentence = known[plain].split("|", 3) if plain in known else [""] * 4
        # An original that is gone (deleted for good, or lost) is looked at again.
        if stamp and stamp == before and (not image_id or library.files.original(image_id).exists()):
            done += 1
            if progress:
                progress(done, len(files))
            yield IntakeResult(plain, "known" if image_id else "refused", image_id, code, sentence)
            continue
        stamps[plain] = "" if plain in stamps else stamp  # of two spellings of one name neither is remembered
        items.append(IntakeItem(PictureFile(str(path)), where))
    if progress:
        progress(done, len(files))
    notes: dict[str, str] = {}
    answers = ingest_pictures(library, items, workers=workers) if items else iter(())
    try:
        for number, answer in enumerate(answers, start=done + 1):
            if key and stamps[answer.name] and answer.outcome != "deleted" and answer.code not in RETRIED:
                noted = (stamps[answer.name], answer.image_id, answer.code, answer.sentence)
                notes[answer.name] = "|".join(noted)
            if len(notes) >= NOTE_EVERY:
                library.note_source_files(key, notes)
                notes = {}
            if progress:
                progress(number, len(files))
            yield answer
    finally:
        if notes:  # what is not noted is checked again, so a killed run loses time only
            library.note_source_files(key, notes)


def _behind(link: Path, stores: list[Path], *, is_any: bool) -> Path | RejectedFile:
    """The file that a link stands for, or why it is not taken."""
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError):
        return RejectedFile(
            "link", "It is a link that leads nowhere. Fetch the file itself (as with dvc pull)."
        )
    if target.is_dir():
        return RejectedFile("link", "It is a link to a folder. Name that folder itself.")
    if not target.is_file():
        return RejectedFile("link", "It is a link to something that is no file.")
    if is_any or any(target.is_relative_to(store) for store in stores):
        return target
    return RejectedFile(
        "link",
        "It is a link to a file outside the folder. Name the folder with the file itself, or take it with "
        "--follow-links.",
    )


def _stores(folder: Path) -> list[Path]:
    """Where the files of a folder may lie: in itself, and where tools for data keep them."""
    places = [folder, *folder.parents]
    caches = [place.parent / "blobs" for place in places if place.name == "snapshots"]  # Hugging Face
    tools = [place / tool for place in places for tool in (".dvc/cache", ".git/annex/objects")]
    return [folder, *(each.resolve() for each in caches + tools if each.is_dir())]


def stamp_of(path: Path) -> str:
    """Size, time of change and time of renaming of a file; empty if it is gone."""
    try:
        found = os.lstat(path)
    except OSError:
        return ""
    return f"{found.st_size}:{found.st_mtime_ns}:{found.st_ctime_ns}"


def _memory_key(folder: Path, provenance: Provenance) -> str:
    """Names the folder by its place, and all that decides what becomes of a file beside its content."""
    rest = {
        "provenance": asdict(replace(provenance, name="")),
        "limits": asdict(DEFAULT_LIMITS),
        "check": CHECK_VERSION,
    }
    digest = hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()[:16]
    return plain_name(f"{digest} {folder.resolve()}")
