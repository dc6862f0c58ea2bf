"""Find what comparisons and trainings keep of an image that is deleted, and remove its own pictures there.

Both name the folder of pairs that they read. What belongs to one image alone (pictures of a case, drawings that
were copied, cached features) goes with it. Weights, samples, figures and banks were made of many images at once;
they stay, keep a trace of it, and are listed for the person who deletes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.config import settings
from core.untrusted_files import load_json, load_yaml, read_regular_file
from curation.export.publish import VERSION_FILE
from curation.export.summary import SHORT_NAME
from curation.export.taking_out import exported_elsewhere, exports_with, rows_of

if TYPE_CHECKING:
    from curation.library.library import Library

COMPARISONS, RUNS, MODELS = "comparisons", "runs", "models"  # in the data folder
_MAX_HEADER_BYTES = 100_000_000  # of a safetensors file


@dataclass(frozen=True)
class Traces:
    """What still holds something of images that were deleted for good.

    Attributes
    ----------
    elsewhere
        Exports outside the library's own folder, with version and day.
    comparisons
        Titles of those that read a dataset which held one of the images.
    runs
        Names of the trainings that did, and of those that began with their weights.
    banks
        Files that hold a sketch of one among those of others.
    """

    elsewhere: tuple[str, ...] = ()
    comparisons: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    banks: tuple[str, ...] = ()

    def sentence(self) -> str:
        """All of it for the person who deletes; empty where nothing is left."""
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


def take_out_of_comparisons(library: Library, ids: Collection[str]) -> None:
    """Remove pictures and cached features of these images alone from what comparisons keep.

    Exports name a pair by the first digits of its image's id, and so does whatever is made of it. Doing it twice
    changes nothing; the exports must still hold the images, which tell their features.
    """
    root = settings().data / COMPARISONS
    if not root.is_dir():
        return
    by_start = {image_id[:SHORT_NAME]: image_id for image_id in ids}
    own = [path for path in _files(root) if by_start.get(path.stem[:SHORT_NAME], "").startswith(path.stem)]
    exported = [
        folder / str(row[kind])
        for folder in _places(library, ids)
        if folder.is_dir()
        for row in rows_of(folder, frozenset(ids))
        for kind in ("photo", "sketch")
        if row.get(kind)
    ]
    digests = {_digest(path) for path in (*own, *exported)}
    for rows in root.glob(".cache/features/*/*/rows.bin"):
        with suppress(OSError):  # gone meanwhile: a cache
            held = rows.read_bytes()
            if any(held[at : at + 32] in digests for at in range(0, len(held), 32)):
                shutil.rmtree(rows.parent, ignore_errors=True)
    for path in own:
        path.unlink(missing_ok=True)


def _places(library: Library, ids: Collection[str]) -> set[Path]:
    """Folders and zips of exports whose version holds, or held, one of the images."""
    named = [str(entry.get(kind) or "") for entry in exports_with(library, ids) for kind in ("out", "zip")]
    found = {Path(place).resolve() for place in named if place}
    versions = {v.name for v in library.versions() if not frozenset(v.ids + v.removed).isdisjoint(ids)}
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


def _files(root: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(root):
        yield from (Path(folder, name) for name in names)


def _digest(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return b""
