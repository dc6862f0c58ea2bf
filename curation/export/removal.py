"""Remove deleted images from what was made of them, and list what keeps a trace.

Exports in the library's own folder are made anew without them, and their zip with them; one that cannot be made
anew is withdrawn, and a text beside its place says so. Exports elsewhere belong to whoever asked for them: they
are remembered in a list, so that the person who deletes an image can be told. Every step can be repeated:
`curation.library.deletion` does so after a kill.

Comparisons and trainings name the folder of pairs that they read. What belongs to one image alone (pictures of a
case, drawings that were copied, cached features) goes with it. Weights, samples, figures and banks were made of
many images at once; they stay, keep a trace of it, and are listed for the person who deletes.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import sqlite3
import zipfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.atomic_files import append_line, replacing, write_atomically
from core.config import settings
from core.untrusted_files import load_json, load_yaml, read_json_lines, read_regular_file
from curation.export.publish import VERSION_FILE, ExportError, remove_left_over, write_zip
from curation.export.splits import Fractions
from curation.export.summary import MEMBERS_FILE, SHORT_NAME, ExportSummary
from curation.library.records import LibraryError
from curation.manifest import MANIFEST

if TYPE_CHECKING:
    from curation.library.library import Library

logger = logging.getLogger(__name__)

LEDGER = "exports.jsonl"  # in the library's folder: where versions were exported to
_GOING = ".withdrawn-"


def note_export(root: Path, summary: ExportSummary) -> None:
    """Remember an export, for the Export page and for those who delete one of its images later."""
    entry = {**asdict(summary), "at": datetime.now(UTC).isoformat(timespec="seconds")}
    append_line(root / LEDGER, entry)


def noted_exports(root: Path) -> list[dict[str, Any]]:
    """Read what `note_export` remembered, the latest last."""
    return list(read_json_lines(root / LEDGER))


def exported_elsewhere(library: Library, ids: Collection[str]) -> tuple[str, ...]:
    """List exports outside the library's own folder whose version holds, or held, one of these images.

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
    """Read what `note_export` remembered of versions that hold, or held, one of these images, the latest last."""
    versions = _versions_with(library, ids)
    return [entry for entry in noted_exports(library.root) if str(entry.get("version")) in versions]


def _versions_with(library: Library, ids: Collection[str]) -> set[str]:
    """Names of the versions that hold, or held, one of these images."""
    return {v.name for v in library.versions() if not frozenset(v.ids + v.removed).isdisjoint(ids)}


def remove_from_exports(library: Library, ids: Collection[str]) -> None:
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
                _remove_from(library, folder, wanted)
        for archive in sorted(exports.glob("*.zip")):
            if not archive.with_suffix("").is_dir() and _zip_holds(archive, wanted):
                archive.unlink()  # its folder was removed by hand, so it cannot be made anew
    _remove_from_uploads(library.files.jobs, wanted)


def _remove_from(library: Library, folder: Path, ids: frozenset[str]) -> None:
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
    members = read_json_lines(folder / MEMBERS_FILE, ids)
    return any(row.get("image_id") in ids for row in members) or any(True for _ in rows_of(folder, ids))


def rows_of(folder: Path, ids: frozenset[str]) -> Iterable[dict[str, Any]]:
    """Read the rows of an export's manifest that are of these images."""
    return (row for row in read_json_lines(folder / MANIFEST, ids) if row.get("sha256") in ids)


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


def _remove_from_uploads(jobs: Path, ids: frozenset[str]) -> None:
    """Uploads of stopped jobs wait in folders of their own until the job goes on."""
    for path in sorted(jobs.glob("spool-*/*")):
        if not path.is_file() or path.is_symlink():
            continue
        if zipfile.is_zipfile(path):
            _remove_from_zip(path, ids)
        elif _digest(path) in ids:
            path.unlink()


def _remove_from_zip(path: Path, ids: frozenset[str]) -> None:
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


COMPARISONS, RUNS, MODELS = "comparisons", "runs", "models"  # in the data folder
_MAX_HEADER_BYTES = 100_000_000  # of a safetensors file


@dataclass(frozen=True)
class Traces:
    """What still holds something of images that were deleted for good."""

    elsewhere: tuple[str, ...] = ()  # exports outside the library's own folder, with version and day
    comparisons: tuple[str, ...] = ()  # titles of those that read a dataset which held one of the images
    runs: tuple[str, ...] = ()  # names of the trainings that did, and of those that began with their weights
    banks: tuple[str, ...] = ()  # files that hold a sketch of one among those of others

    def sentence(self) -> str:
        """Write all of it for the person who deletes; empty where nothing is left."""
        parts = []
        if self.elsewhere:
            parts.append(f"It was also exported to {'; '.join(self.elsewhere)}. Remove it there, too.")
        if self.comparisons:
            parts.append(
                f"Compared on a dataset that held it: {'; '.join(self.comparisons)}. Its pictures were taken out "
                "there; the figures keep its part until you delete them on Compare."
            )
        if self.runs:
            parts.append(
                f"Trained on a dataset that held it: {', '.join(self.runs)}. Their weights and samples, and models "
                "made of them, keep a trace of it until you delete them on Train and Models."
            )
        if self.banks:
            parts.append(
                f"Its sketch stays in {', '.join(self.banks)}: build them again from an export without it "
                "(python -m core.training.publish)."
            )
        return " ".join(parts)


def traces_of(library: Library, ids: Collection[str]) -> Traces:
    """Look for what was made of exports that hold, or held, one of these images."""
    data, names = settings().data, [image_id[:SHORT_NAME].encode() for image_id in ids]
    places = _places(library, ids)
    comparisons = [
        str(asked.get("title") or folder.name)
        for folder, asked in _asked(data / COMPARISONS, "request.json")
        if _names_one(asked, places) or _mentions(folder / "result.json", names)
    ]
    waiting, runs = dict(_asked(data / RUNS, "config.yaml")), list[str]()
    while found := [folder for folder, asked in waiting.items() if _names_one(asked, places)]:
        for folder in found:  # and then those that began with its weights
            del waiting[folder]
            places.add(folder.resolve())
            runs.append(folder.name)
    files = [path for folder in (settings().weights, data / MODELS) for path in folder.glob("*.safetensors")]
    banks = [path.name for path in sorted(files) if _mentions(path, names)]
    return Traces(
        exported_elsewhere(library, ids),
        tuple(dict.fromkeys(comparisons)),
        tuple(sorted(runs)),
        tuple(banks),
    )


def remove_from_comparisons(library: Library, ids: Collection[str]) -> None:
    """Remove pictures and cached features of these images alone from what comparisons keep.

    Exports name a pair by the first digits of its image's id, and so does whatever is made of it. Doing it twice
    changes nothing; the exports must still hold the images, which tell their features.
    """
    root = settings().data / COMPARISONS
    if not root.is_dir():
        return
    by_start = {image_id[:SHORT_NAME]: image_id for image_id in ids}
    files = (Path(folder, name) for folder, _, names in os.walk(root) for name in names)
    own = [path for path in files if by_start.get(path.stem[:SHORT_NAME], "").startswith(path.stem)]
    exported = [
        folder / str(row[kind])
        for folder in _places(library, ids)
        if folder.is_dir()
        for row in rows_of(folder, frozenset(ids))
        for kind in ("photo", "sketch")
        if row.get(kind)
    ]
    digests = {_digest(path) for path in (*own, *exported)}
    _forget_features(root / ".cache", digests)
    for path in own:
        path.unlink(missing_ok=True)


def _forget_features(cache: Path, digests: Collection[str]) -> None:
    """Delete rows of `eval.feature_cache`, and all of the folder that older releases kept features in."""
    shutil.rmtree(cache / "features", ignore_errors=True)
    if (cache / "features.sqlite").is_file():
        try:
            with closing(sqlite3.connect(cache / "features.sqlite", timeout=30)) as base, base:
                base.execute("PRAGMA secure_delete = ON")
                listed = json.dumps(list(digests))
                base.execute("DELETE FROM cached WHERE key IN (SELECT value FROM json_each(?))", (listed,))
        except sqlite3.Error as error:
            logger.warning("Cached features could not be searched for what was deleted: %s", error)


def _places(library: Library, ids: Collection[str]) -> set[Path]:
    """Folders and zips of exports whose version holds, or held, one of the images."""
    named = [str(entry.get(kind) or "") for entry in exports_with(library, ids) for kind in ("out", "zip")]
    found = {Path(place).resolve() for place in named if place}
    versions = _versions_with(library, ids)
    for about in library.files.exports.glob(f"*/{VERSION_FILE}"):  # also those of before there was a list
        with suppress(OSError, ValueError):
            if json.loads(about.read_bytes()).get("name") in versions:
                found.add(about.parent.resolve())
    return found


def _asked(root: Path, file: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Folders with what was asked for in each; those that cannot be read are left out."""
    for path in sorted(root.glob(f"*/{file}")):
        with suppress(OSError, ValueError):
            data = read_regular_file(path)
            asked = load_json(data) if path.suffix == ".json" else load_yaml(data)
            if isinstance(asked, dict):
                yield path.parent, asked


def _names_one(asked: object, places: Collection[Path]) -> bool:
    for text in _texts(asked):
        with suppress(OSError, ValueError):
            path = Path(text).resolve()
            if any(path == place or place in path.parents for place in places):
                return True
    return False


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)


def _mentions(path: Path, names: Iterable[bytes]) -> bool:
    """Whether a result, or the header of a file of weights, speaks of one of the images."""
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little") if path.suffix == ".safetensors" else -1
            text = file.read(min(size, _MAX_HEADER_BYTES))
    except OSError:
        return False
    return any(name in text for name in names)


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
