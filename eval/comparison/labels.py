"""Read the labels of cases, which a comparison is filtered by."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.names import decode_text, normal_name
from core.untrusted_files import load_json, read_regular_file

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
    rows = _rows(path)
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


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        text = decode_text(read_regular_file(path, MAX_BYTES))
        if path.suffix.lower() == ".jsonl":
            rows = [load_json(line) for line in text.splitlines() if line.strip()]
            if not all(isinstance(row, dict) for row in rows):
                raise ValueError("a line holds no object")
            return rows
        return list(csv.DictReader(text.splitlines()))
    except (OSError, ValueError, csv.Error) as error:
        raise ValueError(f"{path} cannot be read as a table of labels ({error}).") from error


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
