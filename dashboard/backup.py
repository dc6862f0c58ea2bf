"""Back up what a studio keeps into one file, and restore it: ``python -m dashboard.backup create|restore FILE``.

The file is a zip of the library (database and pictures), runs, models, comparisons and the audit file, with a
SHA-256 of each. It is made while others work: the database is read as it is at one moment, originals are there
before their rows, and everything else is replaced at once by whoever writes it. Left out is what can be made or
fetched again (caches, model files of others), temporary files, records of the library's jobs, and the settings.

`dashboard.restore` puts it back.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import stat
import sys
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.atomic_files import replacing
from core.cli import FAILED, STOPPED, fail
from core.config import settings
from core.names import normal_name
from core.processes.jobs import now
from curation.library import dump
from curation.library.library import FILE, Library
from curation.library.records import LibraryError
from curation.library.schema import HEAD as SCHEMA
from dashboard.shared.audit import AUDIT_FILE

FORMAT = 1
HEAD, SUMS, TABLES = "backup.json", "sha256.jsonl", "tables"
OF_IMAGES = ("originals", "crops", "sketches", "thumbs", "identities")
FOLDERS = ("runs", "models", "comparisons")
_LOCKS = ("lock", "starting")  # held by whoever works there, and empty
_PIECE = 1 << 20

Progress = Callable[[int, int], None]


class BackupError(ValueError):
    """A backup cannot be made or restored; the message says why and what to do."""


@dataclass(frozen=True)
class Summary:
    """What a backup holds."""

    images: int
    files: int
    size_bytes: int
    # Links, which are never followed, special files, and names that a zip does not keep.
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
    with closing(open_library(data, address)) as library, replacing(path) as temporary:
        with zipfile.ZipFile(temporary, "w", allowZip64=True) as archive:
            writer = Writer(archive)
            with library.snapshot() as snapshot:
                ids, deleted = snapshot.image_ids(), snapshot.deletions()
                head = {"format": FORMAT, "revision": SCHEMA, "counters": snapshot.counters()}
                for name, lines in snapshot.tables():
                    writer.add(f"{TABLES}/{name}.jsonl", lines, zipfile.ZIP_DEFLATED)
            left_out = _add_files(writer, data, ids, progress)
            with library.snapshot() as later:
                since = {
                    image_id: each
                    for image_id, each in later.deletions().items()
                    if image_id not in deleted and image_id in ids
                }
            writer.finish(head | {"created": now(), "images": len(ids), "deleted_since": as_record(since)})
        size = temporary.stat().st_size
    return Summary(len(ids), writer.files, size, tuple(left_out))


def open_library(data: Path, address: str) -> Library:
    """Open the library of a data folder, in its own SQLite file where there is no address."""
    return Library.open(data / "library", address or f"sqlite:///{data / 'library' / FILE}")


class Writer:
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
        self.add(SUMS, sums, zipfile.ZIP_DEFLATED)
        whole = hashlib.sha256(b"".join(sums)).hexdigest()
        self.add(HEAD, [json.dumps({**head, "sha256": whole}).encode()], zipfile.ZIP_STORED)


def _add_files(writer: Writer, data: Path, ids: set[str], progress: Progress | None) -> list[str]:
    """Add all files that are kept; gives those that are links or special."""
    left_out: list[str] = []
    paths = list(_kept_files(data, ids, left_out))
    for number, path in enumerate(paths, 1):
        with suppress(FileNotFoundError):  # replaced or deleted since it was listed
            _add_file(writer, path, path.relative_to(data).as_posix())
        if progress is not None:
            progress(number, len(paths))
    return left_out


def _add_file(writer: Writer, path: Path, name: str) -> None:
    packed = path.suffix in (".jsonl", ".json", ".csv", ".txt", ".log")
    with path.open("rb") as file:  # the file that is there now, also if another takes its place meanwhile
        pieces = iter(lambda: file.read(_PIECE), b"")
        changed = os.fstat(file.fileno()).st_mtime
        writer.add(name, pieces, zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED, changed)


def _kept_files(data: Path, ids: set[str], left_out: list[str]) -> Iterator[Path]:
    library = data / "library"
    for kind in OF_IMAGES:
        yield from (
            path for path in plain_files(library / kind, data, left_out) if path.name.partition(".")[0] in ids
        )
    for folder in (library / "exports", *(data / name for name in FOLDERS)):
        yield from plain_files(folder, data, left_out)
    if (data / AUDIT_FILE).is_file():
        yield data / AUDIT_FILE


def plain_files(folder: Path, data: Path, left_out: list[str]) -> Iterator[Path]:
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
            yield from plain_files(path, data, left_out)
        elif entry.is_file(follow_symlinks=False) and _has_plain_name(path.relative_to(data).as_posix()):
            yield path
        else:
            left_out.append(path.relative_to(data).as_posix())


def _has_plain_name(name: str) -> bool:
    """Whether a zip keeps a name as it is."""
    return name.isprintable() and "\\" not in name and normal_name(name) == name


def as_record(deleted: Mapping[str, dump.Deletion]) -> dict[str, list[str]]:
    """Write deletions as JSON takes them."""
    return {image_id: [each.who, each.why] for image_id, each in deleted.items()}


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
                from dashboard.restore import restore

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
