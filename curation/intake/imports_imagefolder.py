"""Import of Hugging Face's ImageFolder: class folders, ``metadata.jsonl``, ``metadata.csv``, splits."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from curation.intake.imports import dataset_item, text_of
from curation.intake.ingestion import IntakeItem
from curation.library.records import Provenance

LABEL_COLUMNS = ("label", "labels", "tags")
_PROVENANCE_COLUMNS = {
    "licence": ("licence", "license"), "author": ("author", "credit"), "url": ("url", "image_url"),
    "page": ("page", "page_url"), "uploader": ("uploader",),
}  # fmt: skip


def read_imagefolder(folder: Path, provenance: Provenance) -> list[IntakeItem]:
    """List the pictures of an ImageFolder, in all its splits.

    Folder names become labels, or, where there is metadata, its columns ``label``, ``labels`` and
    ``tags``. Columns named like a field of `Provenance` (also ``license``) become provenance.

    Raises
    ------
    ValueError
        If datasets does not see an ImageFolder there.
    """
    return list(_items(folder, provenance))


def _items(folder: Path, provenance: Provenance) -> Iterator[IntakeItem]:
    base = folder.resolve()
    for split in _load(base).values():
        names = {
            column: split.features[column].names
            for column in LABEL_COLUMNS
            if column in split.features and hasattr(split.features[column], "names")
        }
        for row in split:
            path = Path(os.path.normpath(row["image"]["path"]))
            name = path.relative_to(base).as_posix() if path.is_relative_to(base) else f"../{path.name}"
            yield dataset_item(base, name, replace(provenance, **_provenance(row)), _labels(row, names))


def _load(folder: Path) -> Any:
    """The dataset's rows with paths in place of pictures, which are decoded elsewhere."""
    import datasets

    bars = datasets.is_progress_bar_enabled()
    datasets.disable_progress_bars()
    try:
        with tempfile.TemporaryDirectory(prefix="imagefolder-") as cache:
            loaded = datasets.load_dataset(
                "imagefolder", data_dir=str(folder), cache_dir=cache, keep_in_memory=True
            )
            return loaded.cast_column("image", datasets.Image(decode=False))
    except (datasets.exceptions.DatasetsError, ValueError, FileNotFoundError, KeyError, TypeError) as error:
        reason = str(error.__cause__ or error).splitlines() or [type(error).__name__]
        raise ValueError(f"{folder} is no ImageFolder: {reason[0]}") from error
    finally:
        if bars:
            datasets.enable_progress_bars()


def _labels(row: dict[str, Any], names: dict[str, list[str]]) -> list[object]:
    found: list[object] = []
    for column in LABEL_COLUMNS:
        value = row.get(column)
        if column in names and isinstance(value, int):
            value = names[column][value] if 0 <= value < len(names[column]) else None
        found.extend(value if isinstance(value, list) else [value])
    return found


def _provenance(row: dict[str, Any]) -> dict[str, str]:
    found = {
        name: next((text_of(row[column]) for column in columns if text_of(row.get(column))), "")
        for name, columns in _PROVENANCE_COLUMNS.items()
    }
    return {name: text for name, text in found.items() if text}
