"""Import of what FiftyOne exports for classification, without FiftyOne (it brings a database server).

Two of its documented layouts are read: ``data/`` with a ``labels.json`` (FiftyOneImageClassificationDataset:
``classes`` and ``labels`` by file name without ending, a label being a number, a name, an object with
``label``, or a list of these), and a folder for each class (ImageClassificationDirectoryTree, ``_unlabeled``
included).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from core.names import normal_name
from curation.ingest import find_files
from curation.intake.imports import dataset_item, read_json
from curation.intake.ingestion import IntakeItem
from curation.library.records import Provenance

UNLABELLED = "_unlabeled"


def read_fiftyone(folder: Path, provenance: Provenance) -> list[IntakeItem]:
    """List the pictures of a classification dataset that FiftyOne has exported.

    Raises
    ------
    ValueError
        If ``folder`` has neither ``labels.json`` beside ``data/`` nor folders of pictures.
    """
    is_table = (folder / "labels.json").is_file()
    items = list(_from_table(folder, provenance) if is_table else _from_tree(folder, provenance))
    if not items:
        raise ValueError(f"{folder} holds neither data/ with labels.json nor a folder for each class.")
    return items


def _from_table(folder: Path, provenance: Provenance) -> Iterator[IntakeItem]:
    table = read_json(folder / "labels.json")
    classes, labels = table.get("classes"), table.get("labels", {})
    if not isinstance(labels, dict) or not isinstance(classes, list | None):
        raise ValueError(
            f"{folder / 'labels.json'} is not of FiftyOne's format: expected classes and labels."
        )
    data = folder / "data"
    if not data.is_dir():
        raise ValueError(f"{data} is missing; the pictures of labels.json belong there.")
    files = {normal_name(str(PurePosixPath(name).with_suffix(""))): name for name in find_files(data)}
    for key, target in labels.items():
        name = files.get(normal_name(str(key)), str(key))
        yield dataset_item(data, name, provenance, _names(target, classes))


def _from_tree(folder: Path, provenance: Provenance) -> Iterator[IntakeItem]:
    for name in find_files(folder):
        parts = PurePosixPath(name).parts
        if len(parts) > 1:
            labels = () if parts[0] == UNLABELLED else (parts[0],)
            yield dataset_item(folder, name, provenance, labels)


def _names(target: Any, classes: list[Any] | None) -> list[object]:
    """Label texts of a target, whatever its shape; a number counts into ``classes``."""
    if isinstance(target, list):
        return [name for each in target for name in _names(each, classes)]
    if isinstance(target, dict):
        return _names(target.get("label"), classes)
    if isinstance(target, int) and classes is not None:
        return [classes[target]] if 0 <= target < len(classes) else []
    return [target] if isinstance(target, str) else []
