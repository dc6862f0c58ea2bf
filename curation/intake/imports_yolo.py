"""Import of a YOLO dataset: a text file of boxes beside each picture, names of classes in a YAML or text file."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import yaml

from core.names import decode_text, find_file
from curation.ingest import find_files, is_named_like_photo
from curation.intake.imports import dataset_item
from curation.intake.ingestion import IntakeItem
from curation.library.records import Provenance

MAX_TEXT_BYTES = 5_000_000
NAME_FILES = ("classes.txt", "obj.names", "labels.txt")


def read_yolo(folder: Path, provenance: Provenance) -> list[IntakeItem]:
    """List the pictures of a YOLO dataset, in all its splits.

    An image carries the names of all classes with a box (or pose, or outline) on it; boxes are not used.

    Parameters
    ----------
    folder
        Pictures lie anywhere below it; the text of ``images/a/1.jpg`` is ``labels/a/1.txt``, of any other it
        lies beside the picture. Classes are named by ``names`` in a YAML file, or line by line in
        ``classes.txt``.

    Raises
    ------
    ValueError
        If no picture has such a text, or a file of names cannot be read.
    """
    names = _class_names(folder)
    found = [(name, _text_of(folder, name)) for name in find_files(folder) if is_named_like_photo(name)]
    if not any(text for _, text in found):
        raise ValueError(
            f"{folder} holds no YOLO labels (labels/NAME.txt for images/NAME.jpg, or beside it)."
        )
    return [
        dataset_item(folder, name, provenance, _labels(text, names) if text else ()) for name, text in found
    ]


def _text_of(folder: Path, name: str) -> Path | None:
    """The text of a picture, where it has one."""
    place = PurePosixPath(name).with_suffix(".txt")
    parts = list(place.parts)
    if "images" in parts[:-1]:
        at = len(parts) - 2 - parts[-2::-1].index("images")
        place = PurePosixPath(*parts[:at], "labels", *parts[at + 1 :])
    path = find_file([folder], place.as_posix())
    return path if path.is_file() and not path.is_symlink() else None


def _labels(path: Path, names: dict[int, str]) -> list[str]:
    numbers = {line.split()[0] for line in _read(path).splitlines() if line.strip()}
    classes = sorted(int(number) for number in numbers if number.isascii() and number.isdigit())
    return [names.get(number, f"class {number}") for number in classes]


def _class_names(folder: Path) -> dict[int, str]:
    for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        text = _read(path)
        try:
            if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
                raise ValueError(f"{path} uses YAML aliases, which are not read. Write its names out.")
            table = yaml.safe_load(text)
        except (yaml.YAMLError, RecursionError) as error:
            raise ValueError(f"{path} is no YAML: {error}.") from error
        names = table.get("names") if isinstance(table, dict) else None
        if isinstance(names, dict):
            return {number: str(name) for number, name in names.items() if isinstance(number, int)}
        if isinstance(names, list):
            return dict(enumerate(map(str, names)))
    for place in (folder / name for name in NAME_FILES):
        if place.is_file():
            return dict(enumerate(line.strip() for line in _read(place).splitlines()))
    return {}


def _read(path: Path) -> str:
    if path.stat().st_size > MAX_TEXT_BYTES:
        raise ValueError(f"{path} is larger than {MAX_TEXT_BYTES / 1e6:.0f} MB, which no YOLO file is.")
    try:
        return decode_text(path.read_bytes())
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text: {error}.") from error
