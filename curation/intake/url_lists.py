"""Lists of pictures to download: CSV, JSON Lines, a JSON array or Parquet, told apart by their content.

Columns are ``url`` (needed), ``licence`` (or ``license``), ``author`` and ``page``; others are ignored.
A text file with nothing but one URL a line is a list, too. Texts may be in UTF-8, UTF-16 or an East Asian code
page, and begin with the ``sep=;`` of Excel.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.names import decode_text
from core.untrusted_files import read_regular_file

MAX_LIST_BYTES = 500_000_000
MAX_ROWS = 2_000_000
MAX_DETAIL_LENGTH = 1000
MAX_TEXT_LENGTH = 100_000
SHOWN_ERRORS = 5
COLUMNS = {"url": "url", "licence": "licence", "license": "licence", "author": "author", "page": "page"}

Row = tuple[int, dict[str, Any] | str]  # the row's number as a person counts; its values, or what is wrong


class UrlListError(ValueError):
    """A list that cannot be read as one; the message names the rows."""


@dataclass(frozen=True)
class UrlEntry:
    """A picture on the web and what its list says about it."""

    url: str
    licence: str = ""
    author: str = ""
    page: str = ""


@dataclass(frozen=True)
class UrlList:
    """A list as it was read."""

    entries: tuple[UrlEntry, ...]  # each URL once
    blank: int = 0  # rows without a URL, left out
    duplicates: int = 0  # rows whose URL came before, left out


def read_url_list(source: str | Path | bytes) -> UrlList:
    """Read a list from a file, or from the bytes of one.

    Whether a URL is one that can be fetched is found out when it is downloaded, so that one bad row
    costs itself only.

    Raises
    ------
    UrlListError
        If there is no column ``url``, or rows cannot be read.
    FileNotFoundError
        If there is no such file.
    """
    data = source if isinstance(source, bytes) else _read(Path(source))
    if data.startswith(b"PAR1"):
        return _collect(_parquet_rows(data))
    try:
        text = decode_text(data)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UrlListError(
            f"Row {line} is no UTF-8 text, nor in a known East Asian code page. Save the list as CSV in UTF-8, "
            "as JSON Lines or as Parquet."
        ) from None
    if "\0" in text:
        raise UrlListError("This is a binary file. A list of URLs is CSV, JSON Lines or Parquet.")
    if text.lstrip()[:1] == "[":
        return _collect(_array_rows(text))
    if text.lstrip()[:1] == "{":
        return _collect(_json_rows(text))
    return _collect(_csv_rows(text))


def _read(path: Path) -> bytes:
    try:
        return read_regular_file(path, MAX_LIST_BYTES)
    except ValueError as error:
        raise UrlListError(f"{path.name} cannot be read: {error}.") from None


def _collect(rows: Iterable[Row]) -> UrlList:
    entries: dict[str, UrlEntry] = {}
    blank = duplicates = 0
    errors: list[str] = []
    for count, (number, values) in enumerate(rows, start=1):
        if count > MAX_ROWS:
            raise UrlListError(f"The list has more than {MAX_ROWS} rows. Split it.")
        if isinstance(values, str):
            errors.append(f"row {number} {values}")
            continue
        named = _by_column(values)
        wrong = sorted(column for column, value in named.items() if not isinstance(value, str))
        if wrong:
            errors.append(f"row {number} has {' and '.join(wrong)} that is no text")
            continue
        url = named.pop("url", "").strip()
        if not url:
            blank += 1
        elif url in entries:
            duplicates += 1
        else:
            details = {column: value.strip()[:MAX_DETAIL_LENGTH] for column, value in named.items()}
            entries[url] = UrlEntry(url, **details)
    if errors:
        more = f", and {len(errors) - SHOWN_ERRORS} more" if len(errors) > SHOWN_ERRORS else ""
        raise UrlListError(f"The list cannot be read: {'; '.join(errors[:SHOWN_ERRORS])}{more}.")
    return UrlList(tuple(entries.values()), blank, duplicates)


def _by_column(values: dict[str, Any]) -> dict[str, Any]:
    """Values under our names for the columns; of two spellings the one that says something."""
    named: dict[str, Any] = {}
    for name, value in values.items():
        column = COLUMNS.get(name.strip().lower())
        if column is not None and value is not None and not named.get(column):
            named[column] = value
    return named


def _need_url(columns: Iterable[str]) -> None:
    columns = list(columns)
    if not any(COLUMNS.get(column.strip().lower()) == "url" for column in columns):
        shown = ", ".join(column.strip()[:40] for column in columns[:10]) or "none"
        raise UrlListError(f"The list has no column 'url'. Its columns: {shown}.")


def _csv_rows(text: str) -> Iterator[Row]:
    first = text.lstrip().partition("\n")[0].strip()
    if first.lower().startswith(("http://", "https://")):
        yield from _bare_rows(text)
        return
    delimiter, skipped = max(",;\t", key=first.count), 0
    if told := re.fullmatch(r'"?sep=(.)"?[,;\t]*', first, re.IGNORECASE):  # as Excel reads and writes it
        delimiter, skipped = told[1], text.index("\n") + 1 if "\n" in text else len(text)
    reader = csv.reader(io.StringIO(text[skipped:], newline=""), delimiter=delimiter, strict=True)
    header: list[str] = []
    before = text.count("\n", 0, skipped)
    number = 1 + before
    try:
        for cells in reader:
            if header:
                yield number, _row_of(header, cells)
            elif any(cell.strip() for cell in cells):
                header = cells
                _need_url(header)
            number = before + reader.line_num + 1
    except csv.Error as error:
        raise UrlListError(f"The list cannot be read from row {number} on: {error}.") from None
    _need_url(header)


def _row_of(header: list[str], cells: list[str]) -> dict[str, Any] | str:
    if len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
        return f"has {len(cells)} cells for {len(header)} columns"
    return dict(zip(header, cells, strict=False))


def _bare_rows(text: str) -> Iterator[Row]:
    """One URL a line, without a header."""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and len(line.split()) > 1:
            yield number, "has more than a URL; a list with more columns needs a header"
        else:
            yield number, {"url": line}


def _json_rows(text: str) -> Iterator[Row]:
    has_url = False
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except (ValueError, RecursionError):
            yield number, "is no JSON"
            continue
        if not isinstance(values, dict):
            yield number, "is no JSON object"
            continue
        has_url = has_url or _names_url(values)
        yield number, values
    if not has_url:
        raise UrlListError("No row of the list has a 'url'.")


def _array_rows(text: str) -> Iterator[Row]:
    """The objects or addresses of one JSON array."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UrlListError(f"The list begins like a JSON array, but is no JSON: {error}.") from None
    if not any((isinstance(value, dict) and _names_url(value)) or isinstance(value, str) for value in values):
        raise UrlListError("No entry of the JSON array has a 'url'.")
    for number, value in enumerate(values, start=1):
        if isinstance(value, str):
            yield number, {"url": value}
        else:
            yield number, value if isinstance(value, dict) else "is no JSON object and no address"


def _names_url(values: dict[str, Any]) -> bool:
    return any(COLUMNS.get(name.strip().lower()) == "url" for name in values)


def _parquet_rows(data: bytes) -> Iterator[Row]:
    import pyarrow
    import pyarrow.parquet

    try:
        schema = pyarrow.parquet.read_schema(pyarrow.BufferReader(data))
        _need_url(schema.names)
        wanted = [column for column in schema.names if column.strip().lower() in COLUMNS]
        texts = [column for column in wanted if pyarrow.types.is_string(schema.field(column).type)]
        # As a dictionary a text that a few bytes repeat a million times is in memory once.
        file = pyarrow.parquet.ParquetFile(pyarrow.BufferReader(data), read_dictionary=texts)
        if file.metadata.num_rows > MAX_ROWS:
            raise UrlListError(f"The list has more than {MAX_ROWS} rows. Split it.")
        number = 0
        for batch in file.iter_batches(batch_size=4096, columns=wanted):
            _refuse_long_texts(batch)
            for values in batch.to_pylist():
                number += 1
                yield number, values
    except (pyarrow.ArrowException, OSError) as error:
        raise UrlListError(f"The Parquet file is damaged: {str(error).splitlines()[0][:200]}") from None


def _refuse_long_texts(batch: Any) -> None:
    """Before rows are made of a batch: a row for each of 4096 references to one text of 100 MB has 400 GB."""
    import pyarrow.compute

    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        texts = getattr(column, "dictionary", column)
        if pyarrow.types.is_string(texts.type):
            longest = pyarrow.compute.max(pyarrow.compute.binary_length(texts)).as_py() or 0
            if longest > MAX_TEXT_LENGTH:
                raise UrlListError(
                    f"Column {name} holds a text of {longest:,} bytes, which is no address or name."
                )
