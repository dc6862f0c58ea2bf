"""Read the labels of cases, which a comparison is filtered by.

They come with a Hugging Face ImageFolder (``metadata.csv``, ``metadata.jsonl``, or class folders) or in a table.
"""

from __future__ import annotations

import csv
import io
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.names import decode_text, normal_name
from core.untrusted_files import load_json, read_regular_file
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
        rows = _table(data, is_json=not place.lower().endswith(".csv"))
    except (ValueError, csv.Error) as error:
        raise ValueError(f"It is damaged ({error}); its labels are not used.") from error
    for row in rows:
        if not isinstance(row.get(_FILE_COLUMN), str):
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
        elif isinstance(value, (str, int, float)) and (text := _text(value)):
            labels[key] = text
    return {key: value for key, value in labels.items() if len(key) + len(value) <= _MAX_TEXT}


def _place(folder: str, file: str) -> str:
    return normal_name(posixpath.normpath(posixpath.join(folder, file.replace("\\", "/"))))


MAX_BYTES = 20_000_000
NAME_COLUMNS = ("file_name", "name", "image")
MAX_VALUES = 12  # of a label in words; more of them is no label but a description


def read_labels(path: Path, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Labels of a table, by case.

    A column of numbers becomes three bands of equal size, one with few different words is taken as it is, and
    any other (a caption) is left out.

    Parameters
    ----------
    path
        ``.csv`` or ``.jsonl`` with a column ``file_name``, ``name`` or ``image``.
    names
        Of the cases; rows of other files are left out.

    Raises
    ------
    ValueError
        If the file cannot be read or has no such column.
    """
    try:
        rows = _table(read_regular_file(path, MAX_BYTES), is_json=path.suffix.lower() == ".jsonl")
    except (OSError, ValueError, csv.Error) as error:
        raise ValueError(f"{path} cannot be read as a table of labels ({error}).") from error
    column = next((name for name in NAME_COLUMNS if rows and name in rows[0]), None)
    if column is None:
        raise ValueError(
            f"{path} has no column {', '.join(NAME_COLUMNS)}; it cannot be told whose labels these are."
        )
    whole = {normal_name(name): name for name in names}
    wanted = {Path(name).name: case for name, case in whole.items()} | whole
    by_case: dict[str, dict[str, Any]] = {}
    for row in rows:
        stem = Path(normal_name(str(row[column])).replace("\\", "/")).with_suffix("").as_posix()
        case = wanted.get(stem) or wanted.get(Path(stem).name)
        if case is not None:
            by_case[case] = {key: value for key, value in row.items() if key != column}
    return in_words(by_case)


def in_words(table: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Values of any kind as labels of a few words each."""
    found: dict[str, dict[str, str]] = {case: {} for case in table}
    for key in sorted({key for row in table.values() for key in row}):
        values = {case: row[key] for case, row in table.items() if row.get(key) not in (None, "")}
        for case, word in _words(values).items():
            found[case][key] = word
    return found


def _words(values: Mapping[str, Any]) -> dict[str, str]:
    texts = {case: _text(value) for case, value in values.items()}
    if len(set(texts.values())) <= min(MAX_VALUES, max(2, len(texts) // 2)):
        return texts
    numbers = {case: number for case, text in texts.items() if (number := _number(text)) is not None}
    if len(numbers) < len(texts) or len(numbers) < 6:
        return {}
    ordered = sorted(numbers.values())
    low, high = ordered[len(ordered) // 3], ordered[2 * len(ordered) // 3]
    names = (f"low (below {low:g})", f"middle ({low:g} to {high:g})", f"high (above {high:g})")
    return {case: names[(value >= low) + (value > high)] for case, value in numbers.items()}


def _table(data: bytes, *, is_json: bool) -> list[dict[str, Any]]:
    """Rows of a table, CSV or JSON Lines. ValueError or csv.Error if it is damaged."""
    text = decode_text(data)
    if not is_json:
        return list(csv.DictReader(io.StringIO(text, newline="")))
    rows = [load_json(line) for line in text.splitlines() if line.strip()]
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError("a line holds no object")
    return rows


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value).strip()


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
