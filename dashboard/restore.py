"""Restore a backup that `dashboard.backup` made.

A restore fills a folder beside the target first, proves every checksum, and then moves all into place. Cut short,
it leaves the target as it was or marked as half restored, which the studio refuses to serve; the same command
again goes on.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import IO, Any

from core.atomic_files import temporary_beside, write_atomically
from core.processes import jobs
from core.processes.lock import is_held
from core.safe_zip import UnsafeZip, ZipEntry, check_entry, list_entries, unpack_pieces
from core.training.command import LOCK
from curation.library import dump
from curation.library.database import Database
from curation.library.library import FILE
from curation.library.records import LibraryError, clean_reviewer
from dashboard.backup import (
    FOLDERS,
    FORMAT,
    HEAD,
    OF_IMAGES,
    SUMS,
    TABLES,
    BackupError,
    Progress,
    Summary,
    as_record,
    create,
    now,
    open_library,
    plain_files,
)
from dashboard.shared.audit import AUDIT_FILE
from dashboard.shared.jobs import job_folders
from dashboard.shared.uploads import FOLDER as UPLOADS
from dashboard.shared.uploads import LOCK as UPLOADS_LOCK

UNFINISHED = "restore-unfinished.json"  # in the data folder, between the first move of a restore and its last
REPLACED = ".replaced-"  # where `--replace` puts what was there
MAX_ENTRIES = 20_000_000
_MAX_HEAD, _MAX_LINE = 100_000_000, 256_000_000
_RESERVE = 200_000_000  # bytes of the disk that a restore leaves free
_PICTURE = re.compile(rf"library/({'|'.join(OF_IMAGES)})/[0-9a-f]{{2}}/[0-9a-f]{{64}}(\.png|\.jpg)?")


@dataclass(frozen=True)
class _Archive:
    """A backup that has been looked through: every entry is listed, none is of a kind that is not expected."""

    zip: zipfile.ZipFile
    revision: str
    counters: dict[str, int]
    images: int
    deleted_since: dict[str, dump.Deletion]
    entries: Mapping[str, ZipEntry]
    sums: Mapping[str, tuple[str, int]]

    def pieces(self, name: str) -> Iterator[bytes]:
        """Unpack an entry; raises at its end if it is not what was backed up."""
        expected, size = self.sums[name]
        digest, got = hashlib.sha256(), 0
        try:
            for piece in unpack_pieces(self.zip, self.entries[name].info, max_bytes=size):
                digest.update(piece)
                got += len(piece)
                yield piece
        except UnsafeZip as error:
            raise BackupError(f"{name} in the backup is damaged: {error} Take another backup.") from error
        if (digest.hexdigest(), got) != (expected, size):
            raise BackupError(f"{name} in the backup is damaged: its checksum differs. Take another backup.")

    def lines(self, name: str) -> Iterator[bytes]:
        rest = b""
        for piece in self.pieces(name):
            *whole, rest = (rest + piece).split(b"\n")
            if len(rest) > _MAX_LINE:
                raise BackupError(f"{name} in the backup has a line of more than {_MAX_LINE // 10**6} MB.")
            yield from whole
        if rest:
            yield rest


def _look_through(file: IO[bytes]) -> _Archive:
    """Open a backup.

    Raises
    ------
    BackupError
        If it is none, is damaged, or has anything in it that no backup has.
    """
    try:
        listed = list_entries(file, max_entries=MAX_ENTRIES)  # type: ignore[arg-type]
        for entry in listed:
            check_entry(entry)
    except UnsafeZip as error:
        raise BackupError(f"This is no backup that can be restored: {error}") from error
    entries = {entry.name: entry for entry in listed}
    archive = zipfile.ZipFile(file)
    try:
        text = b"".join(unpack_pieces(archive, entries[HEAD].info, max_bytes=_MAX_HEAD))
        head = json.loads(text)
        listing = b"".join(
            unpack_pieces(archive, entries[SUMS].info, max_bytes=300 * len(listed) + _MAX_HEAD)
        )
        if hashlib.sha256(listing).hexdigest() != head["sha256"]:
            raise ValueError("the checksum of its list of files differs")
        rows = [json.loads(line) for line in listing.splitlines()]
        sums = {str(name): (str(digest), int(size)) for digest, size, name in rows}
        if head["format"] != FORMAT:
            raise ValueError(f"it has format {head['format']}, and this program reads {FORMAT}")
        found = _Archive(
            archive, str(head["revision"]), {str(name): int(last) for name, last in head["counters"].items()},
            int(head["images"]), _read_deletions(head["deleted_since"]), entries, sums,
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BackupError(f"This is no backup of a studio, or it is damaged ({error}).") from error
    odd = [name for name in sums if not _may_be_restored(name)]
    if odd or len(listed) != len(entries) or sums.keys() != entries.keys() - {HEAD, SUMS}:
        what = f", such as {odd[0]!r}" if odd else ""
        raise BackupError(
            f"This backup holds entries that no backup has{what}. It was changed; nothing was done."
        )
    return found


def _read_deletions(found: Mapping[str, Any]) -> dict[str, dump.Deletion]:
    return {
        str(image_id): dump.Deletion(clean_reviewer(str(who)), str(why))
        for image_id, (who, why) in found.items()
    }


def _may_be_restored(name: str) -> bool:
    folder, _, rest = name.partition("/")
    if folder == "library" and not rest.startswith("exports/"):
        return _PICTURE.fullmatch(name) is not None
    if folder == TABLES:
        return re.fullmatch(r"[a-z_]+\.jsonl", rest) is not None
    is_plain = all(part and not part.startswith(".") for part in rest.split("/"))
    return name == AUDIT_FILE or (folder in ("library", *FOLDERS) and is_plain)


def restore(
    path: Path, *, data: Path, address: str = "", replace: bool = False, progress: Progress | None = None
) -> Summary:
    """Put a backup into a data folder and its database.

    Parameters
    ----------
    address
        Of the database; empty for the SQLite file of the library's folder.
    replace
        Put what is there aside, into a folder ``.replaced-DATE`` of the data folder. Images that were deleted for
        good since the backup stay deleted.

    Raises
    ------
    BackupError, LibraryError, OSError
        If it is no whole backup, something is there already, the studio runs, or the disk fails; nothing was
        changed then, except where the message says so.
    """
    with path.open("rb") as file:
        archive = _look_through(file)
        data.mkdir(parents=True, exist_ok=True)
        _refuse_if_used(data)
        is_again = (data / UNFINISHED).exists()
        if not (replace or is_again) and (what := _what_is_there(data, address)):
            raise BackupError(
                f"{data} is not empty: {what}. Name another folder in STUDIO_DATA, or add --replace, which puts aside "
                "what is there."
            )
        total = sum(size for _, size in archive.sums.values())
        if (free := shutil.disk_usage(data).free) < total + _RESERVE:
            raise BackupError(
                f"The backup unpacks to {total / 1e9:,.1f} GB, and {free / 1e9:,.1f} GB are free in {data}. Make room."
            )
        deleted = _deletions(data, address) | archive.deleted_since
        if is_again:  # what was there may have been put aside already
            before = jobs.read_record(data / UNFINISHED) or {}
            deleted |= _read_deletions(before.get("deleted", {}))
        with temporary_beside(data / "restored", is_folder=True) as staging:
            _unpack(archive, staging, progress)
            _end_jobs(staging)
            load = _loader(archive)
            if not address:
                with closing(Database(f"sqlite:///{staging / 'library' / FILE}")) as database:
                    load(database)
                    database.scrub()
            os.sync()
            aside = data / f"{REPLACED}{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
            if address and not is_again:
                _put_rows_aside(data, address, aside)
            mark = {"backup": str(path), "since": now(), "deleted": as_record(deleted)}
            write_atomically(data / UNFINISHED, json.dumps(mark).encode())
            if address:
                with closing(Database(address)) as database:
                    load(database)
            _move(staging, data, aside)
    _delete_again(data, address, deleted)
    os.sync()
    (data / UNFINISHED).unlink()
    return Summary(archive.images, len(archive.sums), total)


def _loader(archive: _Archive) -> Callable[[Database], None]:
    def lines_of(table: str) -> Iterable[bytes]:
        name = f"{TABLES}/{table}.jsonl"
        return archive.lines(name) if name in archive.sums else ()

    return lambda database: dump.load(database, archive.revision, archive.counters, lines_of)


def _unpack(archive: _Archive, staging: Path, progress: Progress | None) -> None:
    (staging / "library").mkdir()
    names = [name for name in archive.sums if not name.startswith(f"{TABLES}/")]
    for number, name in enumerate(names, 1):
        target = staging / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            for piece in archive.pieces(name):
                file.write(piece)
        changed = datetime(*archive.entries[name].info.date_time, tzinfo=UTC).timestamp()
        os.utime(target, (changed, changed))
        if progress is not None:
            progress(number, len(names))


def _end_jobs(staging: Path) -> None:
    """Jobs that ran when the backup was made do not run here: nobody may take another process for theirs."""
    for folder in chain(*job_folders(staging).values()):
        for record in folder.glob("*.json"):
            job_id = record.name.removesuffix(".json")
            if "." not in job_id and not (folder / f"{job_id}.end.json").exists():
                jobs.write_end(folder, job_id, "interrupted")


def _refuse_if_used(data: Path) -> None:
    if any(is_held(lock) for lock in (data / UPLOADS).glob(f"*/{UPLOADS_LOCK}")):
        raise BackupError(f"A studio runs on {data}. Stop it first; nothing was changed.")
    folders = chain(*job_folders(data).values())
    busy = [job.kind for folder in folders for job in jobs.jobs(folder) if job.state == "running"]
    busy += [lock.parent.name for lock in (data / "runs").glob(f"*/{LOCK}") if is_held(lock)]
    if busy:
        raise BackupError(
            f"{', '.join(sorted(set(busy)))} still runs in {data}. Stop it first; nothing was changed."
        )


def _what_is_there(data: Path, address: str) -> str:
    """Say what would be replaced; empty where nothing would."""
    found = next((path for name in FOLDERS for path in plain_files(data / name, data, [])), None)
    found = found or next((path for path in plain_files(data / "library" / "originals", data, [])), None)
    if found is not None or (data / AUDIT_FILE).exists():
        return f"{(found or data / AUDIT_FILE).relative_to(data)} is there"
    if not address and not (data / "library" / FILE).exists():
        return ""
    with closing(open_library(data, address)) as library, library.snapshot() as snapshot:
        return "" if snapshot.is_empty() else "the library's database has rows"


def _deletions(data: Path, address: str) -> dict[str, dump.Deletion]:
    """What was deleted for good in the library that is replaced."""
    if not address and not (data / "library" / FILE).exists():
        return {}
    try:
        with closing(open_library(data, address)) as library, library.snapshot() as snapshot:
            return snapshot.deletions()
    except LibraryError:  # it is damaged: that may be why it is replaced
        return {}


def _put_rows_aside(data: Path, address: str, aside: Path) -> None:
    """Keep the rows of a database of its own, which no move of files puts aside."""
    with closing(open_library(data, address)) as library, library.snapshot() as snapshot:
        is_empty = snapshot.is_empty()
    if not is_empty:
        aside.mkdir(exist_ok=True)
        create(aside / "before.zip", data=data, address=address)


def _move(staging: Path, data: Path, aside: Path) -> None:
    for name in ("library", *FOLDERS, AUDIT_FILE):
        if (data / name).exists() and ((staging / name).exists() or _has_files(data / name)):
            aside.mkdir(exist_ok=True)
            os.replace(data / name, aside / name)
        if (staging / name).exists():
            os.replace(staging / name, data / name)
    if aside.exists() and not _has_files(aside):
        shutil.rmtree(aside)


def _has_files(path: Path) -> bool:
    return path.is_file() or any(each.is_file() for each in path.rglob("*"))


def _delete_again(data: Path, address: str, deleted: Mapping[str, dump.Deletion]) -> None:
    """Delete for good what was deleted for good since the backup was made."""
    with closing(open_library(data, address)) as library:
        with library.snapshot() as snapshot:
            back = snapshot.image_ids() & deleted.keys()
        for one in set(deleted.values()):
            ids = [image_id for image_id in back if deleted[image_id] == one]
            if ids:
                library.delete_for_good(ids, who=one.who, why=one.why)


def refuse_if_half_restored(data: Path) -> None:
    """Serve no data folder whose restore was cut short.

    Raises
    ------
    SystemExit
        If one was, with the command that ends it.
    """
    mark = data / UNFINISHED
    if mark.exists():
        path = (jobs.read_record(mark) or {}).get("backup", "FILE")
        raise SystemExit(
            f"A restore into {data} was cut short. Run it again: python -m dashboard.backup restore {path}"
        )
