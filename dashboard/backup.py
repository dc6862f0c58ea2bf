"""Back up what a studio keeps into one file, and restore it: ``python -m dashboard.backup create|restore FILE``.

The file is a zip of the library (database and pictures), runs, models, comparisons and the audit file, with a
SHA-256 of each. It is made while others work: the database is read as it is at one moment, originals are there
before their rows, and everything else is replaced at once by whoever writes it. Left out is what can be made or
fetched again (caches, model files of others), temporary files, records of the library's jobs, and the settings.

A restore fills a folder beside the target first, proves every checksum, and then moves all into place. Cut short,
it leaves the target as it was or marked as half restored, which the studio refuses to serve; the same command
again goes on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import secrets
import shutil
import stat
import sys
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from core.atomic_files import replacing, temporary_beside, write_atomically
from core.cli import FAILED, STOPPED, fail
from core.config import settings
from core.names import normal_name
from core.processes import jobs
from core.processes.lock import is_held
from core.safe_zip import UnsafeZip, ZipEntry, check_entry, list_entries, unpack_pieces
from curation.library import dump
from curation.library.database import Database
from curation.library.library import FILE, Library
from curation.library.records import LibraryError, clean_reviewer
from dashboard.shared.audit import AUDIT_FILE
from dashboard.shared.uploads import FOLDER as UPLOADS
from dashboard.shared.uploads import LOCK as UPLOADS_LOCK

FORMAT = 1
UNFINISHED = "restore-unfinished.json"  # in the data folder, between the first move of a restore and its last
REPLACED = ".replaced-"  # where `--replace` puts what was there
MAX_ENTRIES = 20_000_000
_HEAD, _SUMS, _TABLES = "backup.json", "sha256.jsonl", "tables"
_OF_IMAGES = ("originals", "crops", "sketches", "thumbs", "identities")
_FOLDERS = ("runs", "models", "comparisons")
_LOCKS = ("lock", "starting")  # held by whoever works there, and empty
_PIECE = 1 << 20
_MAX_HEAD, _MAX_LINE = 100_000_000, 256_000_000
_RESERVE = 200_000_000  # bytes of the disk that a restore leaves free
_PICTURE = re.compile(rf"library/({'|'.join(_OF_IMAGES)})/[0-9a-f]{{2}}/[0-9a-f]{{64}}(\.png|\.jpg)?")

Progress = Callable[[int, int], None]


class BackupError(ValueError):
    """A backup cannot be made or restored; the message says why and what to do."""


@dataclass(frozen=True)
class Summary:
    """What a backup holds.

    Attributes
    ----------
    left_out
        Links, which are never followed, special files, and names that a zip does not keep.
    """

    images: int
    files: int
    size_bytes: int
    left_out: tuple[str, ...] = ()


def create(path: Path, *, data: Path, address: str = "", progress: Progress | None = None) -> Summary:
    """Write a backup of a data folder and its database to ``path``; it takes that place when it is whole.

    Parameters
    ----------
    address
        Of the database; empty for the SQLite file of the library's folder.

    Raises
    ------
    LibraryError, OSError
        If the database, the folder or the disk fails; ``path`` is untouched then.
    """
    with closing(_library(data, address)) as library, replacing(path) as temporary:
        with zipfile.ZipFile(temporary, "w", allowZip64=True) as archive:
            writer = _Writer(archive)
            with library.snapshot() as snapshot:
                ids, deleted = snapshot.image_ids(), snapshot.deletions()
                head = {"format": FORMAT, "revision": snapshot.revision, "counters": snapshot.counters()}
                for name, lines in snapshot.tables():
                    writer.add(f"{_TABLES}/{name}.jsonl", lines, zipfile.ZIP_DEFLATED)
            left_out = _add_files(writer, data, ids, progress)
            with library.snapshot() as later:
                since = {
                    image_id: each
                    for image_id, each in later.deletions().items()
                    if image_id not in deleted and image_id in ids
                }
            writer.finish(head | {"created": _now(), "images": len(ids), "deleted_since": _as_record(since)})
        size = temporary.stat().st_size
    return Summary(len(ids), writer.files, size, tuple(left_out))


def _library(data: Path, address: str) -> Library:
    return Library.open(data / "library", address or f"sqlite:///{data / 'library' / FILE}")


class _Writer:
    """Adds entries to a zip and keeps their checksums."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._sums: list[bytes] = []
        self.files = 0

    def add(self, name: str, pieces: Iterable[bytes], method: int, changed: float | None = None) -> None:
        info = zipfile.ZipInfo(name, time.gmtime(max(changed or time.time(), 315532800))[:6])
        info.compress_type, info.external_attr = method, (stat.S_IFREG | 0o644) << 16
        digest, size = hashlib.sha256(), 0
        with self._archive.open(info, "w", force_zip64=True) as entry:
            for piece in pieces:
                entry.write(piece)
                digest.update(piece)
                size += len(piece)
        self._sums.append(json.dumps([digest.hexdigest(), size, name]).encode() + b"\n")

    def finish(self, head: Mapping[str, Any]) -> None:
        """Add the sums and the head; what is added later is no part of the backup."""
        sums, self.files = list(self._sums), len(self._sums)
        self.add(_SUMS, sums, zipfile.ZIP_DEFLATED)
        whole = hashlib.sha256(b"".join(sums)).hexdigest()
        self.add(_HEAD, [json.dumps({**head, "sha256": whole}).encode()], zipfile.ZIP_STORED)


def _add_files(writer: _Writer, data: Path, ids: set[str], progress: Progress | None) -> list[str]:
    """Add all files that are kept; gives those that are links or special."""
    left_out: list[str] = []
    paths = list(_kept_files(data, ids, left_out))
    for number, path in enumerate(paths, 1):
        with suppress(FileNotFoundError):  # replaced or deleted since it was listed
            _add_file(writer, path, path.relative_to(data).as_posix())
        if progress is not None:
            progress(number, len(paths))
    return left_out


def _add_file(writer: _Writer, path: Path, name: str) -> None:
    packed = path.suffix in (".jsonl", ".json", ".csv", ".txt", ".log")
    with path.open("rb") as file:  # the file that is there now, also if another takes its place meanwhile
        pieces = iter(lambda: file.read(_PIECE), b"")
        changed = os.fstat(file.fileno()).st_mtime
        writer.add(name, pieces, zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED, changed)


def _kept_files(data: Path, ids: set[str], left_out: list[str]) -> Iterator[Path]:
    library = data / "library"
    for kind in _OF_IMAGES:
        yield from (
            path for path in _files(library / kind, data, left_out) if path.name.partition(".")[0] in ids
        )
    for folder in (library / "exports", *(data / name for name in _FOLDERS)):
        yield from _files(folder, data, left_out)
    if (data / AUDIT_FILE).is_file():
        yield data / AUDIT_FILE


def _files(folder: Path, data: Path, left_out: list[str]) -> Iterator[Path]:
    """Plain files of a folder in any depth, without caches, temporary files and locks, which begin with a dot."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        path = Path(entry.path)
        if entry.name.startswith(".") or entry.name in _LOCKS or entry.name.endswith(".spare"):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _files(path, data, left_out)
        elif entry.is_file(follow_symlinks=False) and _has_plain_name(path.relative_to(data).as_posix()):
            yield path
        else:
            left_out.append(path.relative_to(data).as_posix())


def _has_plain_name(name: str) -> bool:
    """Whether a zip keeps a name as it is."""
    return name.isprintable() and "\\" not in name and normal_name(name) == name


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
        text = b"".join(unpack_pieces(archive, entries[_HEAD].info, max_bytes=_MAX_HEAD))
        head = json.loads(text)
        listing = b"".join(
            unpack_pieces(archive, entries[_SUMS].info, max_bytes=300 * len(listed) + _MAX_HEAD)
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
    if odd or len(listed) != len(entries) or sums.keys() != entries.keys() - {_HEAD, _SUMS}:
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


def _as_record(deleted: Mapping[str, dump.Deletion]) -> dict[str, list[str]]:
    return {image_id: [each.who, each.why] for image_id, each in deleted.items()}


def _may_be_restored(name: str) -> bool:
    folder, _, rest = name.partition("/")
    if folder == "library" and not rest.startswith("exports/"):
        return _PICTURE.fullmatch(name) is not None
    if folder == _TABLES:
        return re.fullmatch(r"[a-z_]+\.jsonl", rest) is not None
    is_plain = all(part and not part.startswith(".") for part in rest.split("/"))
    return name == AUDIT_FILE or (folder in ("library", *_FOLDERS) and is_plain)


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
            mark = {"backup": str(path), "since": _now(), "deleted": _as_record(deleted)}
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
        name = f"{_TABLES}/{table}.jsonl"
        return archive.lines(name) if name in archive.sums else ()

    return lambda database: dump.load(database, archive.revision, archive.counters, lines_of)


def _unpack(archive: _Archive, staging: Path, progress: Progress | None) -> None:
    (staging / "library").mkdir()
    names = [name for name in archive.sums if not name.startswith(f"{_TABLES}/")]
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


def _job_folders(data: Path) -> list[Path]:
    from core.training.runs import ATTEMPTS  # here, so that making a backup does not cost loading torch
    from eval.comparison.comparison_store import JOB, root_of

    return [
        data / "library" / "jobs",
        *(data / "runs").glob(f"*/{ATTEMPTS}"),
        *root_of(data).glob(f"*/{JOB}"),
    ]


def _end_jobs(staging: Path) -> None:
    """Jobs that ran when the backup was made do not run here: nobody may take another process for theirs."""
    for folder in _job_folders(staging):
        for record in folder.glob("*.json"):
            job_id = record.name.removesuffix(".json")
            if "." not in job_id and not (folder / f"{job_id}.end.json").exists():
                jobs.write_end(folder, job_id, "interrupted")


def _refuse_if_used(data: Path) -> None:
    from core.training.command import LOCK

    if any(is_held(lock) for lock in (data / UPLOADS).glob(f"*/{UPLOADS_LOCK}")):
        raise BackupError(f"A studio runs on {data}. Stop it first; nothing was changed.")
    busy = [job.kind for folder in _job_folders(data) for job in jobs.jobs(folder) if job.state == "running"]
    busy += [lock.parent.name for lock in (data / "runs").glob(f"*/{LOCK}") if is_held(lock)]
    if busy:
        raise BackupError(
            f"{', '.join(sorted(set(busy)))} still runs in {data}. Stop it first; nothing was changed."
        )


def _what_is_there(data: Path, address: str) -> str:
    """Say what would be replaced; empty where nothing would."""
    found = next((path for name in _FOLDERS for path in _files(data / name, data, [])), None)
    found = found or next((path for path in _files(data / "library" / "originals", data, [])), None)
    if found is not None or (data / AUDIT_FILE).exists():
        return f"{(found or data / AUDIT_FILE).relative_to(data)} is there"
    if not address and not (data / "library" / FILE).exists():
        return ""
    with closing(_library(data, address)) as library, library.snapshot() as snapshot:
        return "" if snapshot.is_empty() else "the library's database has rows"


def _deletions(data: Path, address: str) -> dict[str, dump.Deletion]:
    """What was deleted for good in the library that is replaced."""
    if not address and not (data / "library" / FILE).exists():
        return {}
    try:
        with closing(_library(data, address)) as library, library.snapshot() as snapshot:
            return snapshot.deletions()
    except LibraryError:  # it is damaged: that may be why it is replaced
        return {}


def _put_rows_aside(data: Path, address: str, aside: Path) -> None:
    """Keep the rows of a database of its own, which no move of files puts aside."""
    with closing(_library(data, address)) as library, library.snapshot() as snapshot:
        is_empty = snapshot.is_empty()
    if not is_empty:
        aside.mkdir(exist_ok=True)
        create(aside / "before.zip", data=data, address=address)


def _move(staging: Path, data: Path, aside: Path) -> None:
    for name in ("library", *_FOLDERS, AUDIT_FILE):
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
    with closing(_library(data, address)) as library:
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


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def main(arguments: list[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    from tqdm import tqdm

    parser = argparse.ArgumentParser(
        prog="python -m dashboard.backup",
        description="Back up library, runs and models into one file; restore it.",
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("create", help="write FILE; the studio may run meanwhile").add_argument(
        "file", type=Path
    )
    restoring = verbs.add_parser(
        "restore", help="fill the data folder and the database; the studio must not run"
    )
    restoring.add_argument("file", type=Path)
    restoring.add_argument("--replace", action="store_true", help="put aside what is there")
    chosen = parser.parse_args(arguments)
    try:
        configured = settings()
        address = configured.database.get_secret_value() if configured.database else ""
        data = configured.data.absolute()
        with tqdm(unit=" files", disable=None) as bar:

            def show(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            if chosen.verb == "create":
                done = create(chosen.file, data=data, address=address, progress=show)
            else:
                done = restore(chosen.file, data=data, address=address, replace=chosen.replace, progress=show)
    except KeyboardInterrupt:
        return fail("Stopped; nothing is left half written.", STOPPED)
    except OSError as error:
        return fail(f"{error.strerror or error}: {error.filename or chosen.file}", FAILED)
    except (ValueError, LibraryError) as error:
        return fail(error, FAILED)
    what = "Backed up" if chosen.verb == "create" else "Restored"
    print(f"{what} {done.images:,} images and {done.files:,} files, {done.size_bytes / 1e6:,.1f} MB.")
    for name in done.left_out:
        print(f"Left out, a link, a special file or an odd name: {name!r}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
