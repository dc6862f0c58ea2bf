"""Read the labels of a Hugging Face ImageFolder: ``metadata.csv``, ``metadata.jsonl``, or class folders."""

from __future__ import annotations

import csv
import io
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from core.names import decode_text, normal_name
from core.untrusted_files import load_json
from eval.sets.contents import Item, LeftOut

METADATA_FILES = ("metadata.csv", "metadata.jsonl")
CLASS = "label"  # as the datasets library calls it
_FILE_COLUMN = "file_name"
_OTHER_FILE = "_file_name"  # further pictures of a row, such as ``sketch_file_name``
_MAX_TEXT = 200


@dataclass(frozen=True)
class Listed:
    """Pictures and other files as they were found, and the texts of metadata files by their place."""

    items: tuple[Item, ...]
    left_out: tuple[LeftOut, ...]
    metadata: Mapping[str, bytes]


def with_labels(listed: Listed) -> tuple[tuple[Item, ...], tuple[LeftOut, ...], bool]:
    """Give the pictures with their labels, what was left out, and whether there was metadata.

    Without metadata, class folders are the labels.
    """
    rows: dict[str, dict[str, str]] = {}
    left_out = list(listed.left_out)
    others: set[str] = set()
    is_described = False
    for place, data in sorted(listed.metadata.items()):
        try:
            read = list(read_rows(place, data))
        except ValueError as error:
            left_out.append(LeftOut(name=place, reason=str(error)))
            continue
        is_described = True
        folder = posixpath.dirname(place)
        for row in read:
            file = _place(folder, row[_FILE_COLUMN])
            rows[file] = labels_of(row)
            others.update(
                _place(folder, v) for k, v in row.items() if k.endswith(_OTHER_FILE) and isinstance(v, str)
            )
    if not is_described:
        return _with_classes(listed.items), tuple(left_out), False
    others -= set(rows)
    files = {item.file: normal_name(item.file) for item in listed.items}
    there = {*files.values(), *(normal_name(one.name) for one in listed.left_out)}
    missing = sorted(set(rows) - there)
    left_out += [LeftOut(name=file, reason="The metadata names it, but it is not there.") for file in missing]
    left_out += [
        LeftOut(name=item.file, reason="The metadata calls it a further picture of another one.")
        for item in listed.items
        if files[item.file] in others
    ]
    items = tuple(
        replace(item, labels=labels) if (labels := rows.get(files[item.file])) else item
        for item in listed.items
        if files[item.file] not in others
    )
    return items, tuple(left_out), True


def _with_classes(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """The pictures of an ImageFolder without metadata: the folder right above each is its label.

    That is what it is where every picture lies in a folder, and the folders hold two and more on average.
    """
    folders = [posixpath.basename(posixpath.dirname(item.file)) for item in items]
    if not all(folders) or not 2 <= len(set(folders)) <= len(items) / 2:
        return items
    return tuple(replace(item, labels={CLASS: folder}) for item, folder in zip(items, folders, strict=True))


def read_rows(place: str, data: bytes) -> Iterator[dict[str, Any]]:
    """Rows of a metadata file, each with its ``file_name``.

    Raises
    ------
    ValueError
        If it is damaged, or has no such column.
    """
    try:
        text = decode_text(data)
        if place.lower().endswith(".csv"):
            rows: list[Any] = list(csv.DictReader(io.StringIO(text, newline="")))
        else:
            rows = [load_json(line) for line in text.splitlines() if line.strip()]
    except (ValueError, csv.Error) as error:
        raise ValueError(f"It is damaged ({error}); its labels are not used.") from error
    for row in rows:
        if not isinstance(row, dict) or not isinstance(row.get(_FILE_COLUMN), str):
            raise ValueError(f"It has a row without {_FILE_COLUMN}; its labels are not used.")
        yield row


def labels_of(row: Mapping[str, Any]) -> dict[str, str]:
    """Give the short values of a row as text: ``true`` is ``yes``, of a list each entry is a label of its own."""
    labels: dict[str, str] = {}
    for key, value in row.items():
        if key == _FILE_COLUMN or key is None or key.endswith(_OTHER_FILE):
            continue
        if isinstance(value, list):
            labels |= {str(entry): "yes" for entry in value if isinstance(entry, str)}
        elif isinstance(value, bool):
            labels[key] = "yes" if value else "no"
        elif isinstance(value, (str, int, float)) and str(value).strip():
            labels[key] = str(value).strip()
    return {key: value for key, value in labels.items() if len(key) + len(value) <= _MAX_TEXT}


def _place(folder: str, file: str) -> str:
    return normal_name(posixpath.normpath(posixpath.join(folder, file.replace("\\", "/"))))
