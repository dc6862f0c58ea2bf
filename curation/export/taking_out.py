"""Take deleted images out of exports that were made already, and pack their archives anew.

Images that were deleted for good leave what was exported of them.

Exports in the library's own folder are made anew without them, and their zip with them; one that cannot be made
anew is withdrawn, and a text beside its place says so. Exports elsewhere belong to whoever asked for them: they
are remembered in a list, so that the person who deletes an image can be told. Every step can be repeated:
`curation.library.deletion` does so after a kill.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import zipfile
from collections.abc import Collection, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.atomic_files import replacing, write_atomically
from curation.export.publish import VERSION_FILE, ExportError, explained, remove_left_over
from curation.export.splits import Fractions
from curation.export.summary import MEMBERS_FILE, ExportSummary
from curation.library.records import LibraryError
from curation.manifest import MANIFEST

if TYPE_CHECKING:
    from curation.library.library import Library

_TIME = (1980, 1, 1, 0, 0, 0)
_STORED = frozenset({".png", ".parquet"})  # compressed already


def write_zip(folder: Path, target: Path) -> None:
    """Pack ``folder`` under its own name; ``target`` is there whole or not at all.

    Times, order and rights are fixed, so that equal folders give equal files.

    Raises
    ------
    ExportError
        If ``target`` cannot be written.
    """
    with explained(target), replacing(target) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            _add(archive, path, f"{folder.name}/{path.relative_to(folder).as_posix()}")


def _add(archive: zipfile.ZipFile, path: Path, name: str) -> None:
    entry = zipfile.ZipInfo(name, _TIME)
    entry.create_system = 3  # Unix, whatever this machine is
    entry.external_attr = 0o100644 << 16
    entry.compress_type = zipfile.ZIP_STORED if path.suffix in _STORED else zipfile.ZIP_DEFLATED
    entry.file_size = path.stat().st_size
    with path.open("rb") as source, archive.open(entry, "w") as target:
        while block := source.read(1 << 20):
            target.write(block)


logger = logging.getLogger(__name__)

LEDGER = "exports.jsonl"  # in the library's folder: where versions were exported to
_GOING = ".withdrawn-"


def note_export(root: Path, summary: ExportSummary) -> None:
    """Remember where a version was exported to, for those who delete one of its images later."""
    entry = {
        "version": summary.version, "out": summary.out, "zip": summary.zip,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }  # fmt: skip
    handle = os.open(root / LEDGER, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        os.write(handle, json.dumps(entry, ensure_ascii=False).encode("utf-8", "surrogateescape") + b"\n")
        os.fsync(handle)
    finally:
        os.close(handle)


def exported_elsewhere(library: Library, ids: Collection[str]) -> tuple[str, ...]:
    """Exports outside the library's own folder whose version holds, or held, one of these images.

    Returns
    -------
    places
        Each with its version and day, the latest last.
    """
    own, found = library.files.exports.resolve(), dict[str, str]()
    for entry in exports_with(library, ids):
        out = Path(str(entry.get("out", "")))
        if not out.resolve().is_relative_to(own):
            found[str(out)] = f"{out} (version {entry['version']}, {str(entry.get('at', ''))[:10]})"
    return tuple(found.values())


def exports_with(library: Library, ids: Collection[str]) -> list[dict[str, Any]]:
    """What `note_export` remembered of versions that hold, or held, one of these images, the latest last."""
    versions = {v.name for v in library.versions() if not frozenset(v.ids + v.removed).isdisjoint(ids)}
    return [entry for entry in _entries(library.root / LEDGER) if str(entry.get("version")) in versions]


def take_out(library: Library, ids: Collection[str]) -> None:
    """Leave nothing of these images in the library's own exports and in what waits to be added.

    They must be out of the library's versions already.
    """
    wanted, exports = frozenset(ids), library.files.exports
    if exports.is_dir():
        for left in exports.glob(f"{_GOING}*"):
            shutil.rmtree(left, ignore_errors=True)
        remove_left_over(exports)
        for folder in sorted(exports.iterdir()):
            if not folder.name.startswith(".") and (folder / VERSION_FILE).is_file():
                _take_out_of(library, folder, wanted)
        for archive in sorted(exports.glob("*.zip")):
            if not archive.with_suffix("").is_dir() and _zip_holds(archive, wanted):
                archive.unlink()  # its folder was removed by hand, so it cannot be made anew
    _take_out_of_uploads(library.files.jobs, wanted)


def _take_out_of(library: Library, folder: Path, ids: frozenset[str]) -> None:
    from curation.export.dataset import export_version

    archive = folder.with_name(f"{folder.name}.zip")
    try:
        if _holds(folder, ids):
            _remove_pictures(folder, ids)
            about = json.loads((folder / VERSION_FILE).read_bytes())
            split = dict(about["splits"])
            seed = int(split.pop("seed"))
            export_version(
                library, about["name"], folder, kind=about["kind"], seed=seed, fractions=Fractions(**split),
                annotations=about.get("annotation_formats", ()),  # earlier exports name none
                compare_faces=bool(about.get("compare_faces")),  # earlier exports did not: they keep their splits
            )  # fmt: skip
        if archive.exists() and _is_of_another(archive, folder):
            write_zip(folder, archive)
    except (ExportError, LibraryError, OSError, ValueError, KeyError, TypeError) as error:
        _withdraw(folder, archive, str(error))


def _withdraw(folder: Path, archive: Path, why: str) -> None:
    """Take an export away that cannot be made anew, and say so in its place."""
    logger.warning("The export %s was withdrawn: %s", folder, why)
    archive.unlink(missing_ok=True)
    going = folder.with_name(f"{_GOING}{folder.name}")
    shutil.rmtree(going, ignore_errors=True)
    folder.rename(going)
    text = (
        f"This export was withdrawn on {datetime.now(UTC):%Y-%m-%d}, because an image in it was deleted for good "
        f"and it could not be made without it: {why}\nExport the version again.\n"
    )
    with suppress(OSError):  # a full disk: the withdrawal counts
        write_atomically(folder.with_name(f"{folder.name}.withdrawn.txt"), text.encode())
    shutil.rmtree(going, ignore_errors=True)


def _holds(folder: Path, ids: frozenset[str]) -> bool:
    """Whether an export lists one of the images; one that names it as somebody's duplicate does not."""
    return any(row.get("image_id") in ids for row in _rows(folder / MEMBERS_FILE, ids)) or any(
        True for _ in rows_of(folder, ids)
    )


def rows_of(folder: Path, ids: frozenset[str]) -> Iterable[dict[str, Any]]:
    """Rows of an export's manifest that are of these images."""
    return (row for row in _rows(folder / MANIFEST, ids) if row.get("sha256") in ids)


def _rows(path: Path, ids: frozenset[str]) -> Iterable[dict[str, Any]]:
    """Objects of a file of JSON lines, of the lines in which one of the ids stands."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            if any(image_id in line for image_id in ids):
                with suppress(ValueError):
                    row = json.loads(line)
                    if isinstance(row, dict):
                        yield row


def _remove_pictures(folder: Path, ids: frozenset[str]) -> None:
    """At once: making the export anew may take minutes."""
    for row in rows_of(folder, ids):
        for place in (row.get("photo"), row.get("sketch")):
            if place:
                (folder / str(place)).unlink(missing_ok=True)


def _is_of_another(archive: Path, folder: Path) -> bool:
    """Whether a zip was made of another state of the folder."""
    try:
        with zipfile.ZipFile(archive) as packed:
            return packed.read(f"{folder.name}/{VERSION_FILE}") != (folder / VERSION_FILE).read_bytes()
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        return True


def _zip_holds(archive: Path, ids: frozenset[str]) -> bool:
    """Whether one of the images stands in a zip's list; also where that cannot be read."""
    try:
        with zipfile.ZipFile(archive) as packed:
            places = [name for name in packed.namelist() if name.endswith(f"/{MEMBERS_FILE}")]
            texts = [packed.read(place).decode(errors="replace") for place in places]
    except (OSError, ValueError, RuntimeError, NotImplementedError, zipfile.BadZipFile):
        return True
    return any(image_id in text for image_id in ids for text in texts)


def _take_out_of_uploads(jobs: Path, ids: frozenset[str]) -> None:
    """Uploads of stopped jobs wait in folders of their own until the job goes on."""
    for path in sorted(jobs.glob("spool-*/*")):
        if not path.is_file() or path.is_symlink():
            continue
        if zipfile.is_zipfile(path):
            _take_out_of_zip(path, ids)
        else:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            if digest in ids:
                path.unlink()


def _take_out_of_zip(path: Path, ids: frozenset[str]) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            kept = [entry for entry in entries if hashlib.sha256(archive.read(entry)).hexdigest() not in ids]
            if len(kept) == len(entries):
                return
            with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as anew:
                for entry in kept:
                    anew.writestr(entry, archive.read(entry))
    except (OSError, ValueError, RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
        logger.warning("%s was removed, because it cannot be searched for what was deleted: %s", path, error)
        path.unlink(missing_ok=True)


def _entries(ledger: Path) -> Iterable[dict[str, Any]]:
    try:
        lines = ledger.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        with suppress(ValueError):
            entry = json.loads(line)
            if isinstance(entry, dict):
                yield entry
