"""Read all tables of a library as they are at one moment, and fill a database with them again.

A table is lines of JSON, its column names first and then its rows, so that what was dumped from SQLite fills
PostgreSQL as well, and the other way round. Rows go in as values of tables that the migrations made: a dump of a
stranger's can bring wrong rows, never statements of its own.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Connection, MetaData, Table, func, insert, select, text
from sqlalchemy.exc import SQLAlchemyError

from curation.library.database import Database, chunks, upgrade
from curation.library.records import LibraryError
from curation.library.schema import HEAD, images, tombstones, versions

_VERSION_TABLE = "alembic_version"
_BYTES = "base64"
_FETCHED = 1000


@dataclass(frozen=True)
class Deletion:
    """Who deleted an image for good, and why."""

    who: str
    why: str


class Snapshot:
    """What a library's database holds at one moment, whoever writes meanwhile."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def image_ids(self) -> set[str]:
        """Read the ids of all images."""
        return set(self._connection.execute(select(images.c.id)).scalars())

    def deletions(self) -> dict[str, Deletion]:
        """Read what was deleted for good, by id."""
        found = self._connection.execute(select(*tombstones.c["image_id", "who", "why"]))
        return {row.image_id: Deletion(row.who, row.why) for row in found}

    def is_empty(self) -> bool:
        """Tell whether nobody has kept anything in it."""
        return not any(
            self._connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (images, tombstones, versions)
        )

    def counters(self) -> dict[str, int]:
        """Read the last number that each table gave out: none may be given twice, also after a deletion."""
        if self._connection.dialect.name == "sqlite":
            rows = self._connection.execute(text("SELECT name, seq FROM sqlite_sequence"))
            return {row.name: row.seq for row in rows}
        found: dict[str, int] = {}
        for table in _tables(self._connection).sorted_tables:
            if sequence := _sequence_of(self._connection, table):
                row = self._connection.execute(text(f"SELECT last_value, is_called FROM {sequence}")).one()
                found |= {table.name: row.last_value} if row.is_called else {}
        return found

    def tables(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Yield each table's name and its lines."""
        for table in _tables(self._connection).sorted_tables:
            yield table.name, self._lines(table)

    def _lines(self, table: Table) -> Iterator[bytes]:
        yield json.dumps(list(table.c.keys())).encode() + b"\n"
        query = select(table).order_by(*table.primary_key.columns)
        with self._connection.execution_options(yield_per=_FETCHED).execute(query) as rows:
            for row in rows:
                yield json.dumps(list(row), default=_as_base64, separators=(",", ":")).encode() + b"\n"


def load(
    database: Database, revision: str, counters: dict[str, int], lines_of: Callable[[str], Iterable[bytes]]
) -> None:
    """Put dumped tables in the place of all that a database holds, in one transaction.

    Parameters
    ----------
    revision
        Schema of the dump; an older one is brought up to date.
    lines_of
        Gives the lines of a table.

    Raises
    ------
    LibraryError
        If the dump is of a newer program, or damaged; the database is as it was then.
    """
    with database.write() as write:
        connection = write.connection
        if revision != HEAD:
            _tables(connection, with_version=True).drop_all(connection)
            upgrade(connection, revision)
        tables = _tables(connection).sorted_tables
        for table in reversed(tables):
            connection.execute(table.delete())
        for table in tables:
            try:
                _fill(connection, table, lines_of(table.name))
            except (SQLAlchemyError, ValueError, TypeError, KeyError) as error:
                raise LibraryError(
                    f"The backup's table {table.name} is damaged: {_first_line(error)}"
                ) from error
        _set_counters(connection, tables, counters)
        if revision != HEAD:
            upgrade(connection, HEAD)


def _fill(connection: Connection, table: Table, lines: Iterable[bytes]) -> None:
    rest = iter(lines)
    columns = json.loads(next(rest, b"null"))
    if not isinstance(columns, list) or sorted(map(str, columns)) != sorted(table.c.keys()):
        raise ValueError(f"expected the columns {', '.join(table.c.keys())}")
    for some in chunks(rest):
        rows = [dict(zip(columns, map(_from_base64, json.loads(line)), strict=True)) for line in some]
        connection.execute(insert(table), rows)


def _set_counters(connection: Connection, tables: list[Table], counters: dict[str, int]) -> None:
    for table in tables:
        key = next(iter(islice(table.primary_key.columns, 1)))
        is_sqlite = connection.dialect.name == "sqlite"
        sequence = None if is_sqlite else _sequence_of(connection, table)
        if not (sequence or (is_sqlite and table.name in counters)):
            continue
        last = max(
            int(counters.get(table.name, 0)), connection.execute(select(func.max(key))).scalar_one() or 0
        )
        if sequence is not None:
            if last:
                connection.execute(
                    text("SELECT setval(:sequence, :last)"), {"sequence": sequence, "last": last}
                )
            continue
        connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": table.name})
        values = {"name": table.name, "last": last}
        connection.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)"), values)


def _tables(connection: Connection, *, with_version: bool = False) -> MetaData:
    """The tables as the database has them, which an older schema's may be."""
    found = MetaData()
    found.reflect(connection, only=None if with_version else lambda name, _: name != _VERSION_TABLE)
    return found


def _sequence_of(connection: Connection, table: Table) -> str | None:
    keys = list(table.primary_key.columns)
    if len(keys) != 1:
        return None
    query = text("SELECT pg_get_serial_sequence(:table, :key)")
    return connection.execute(query, {"table": table.name, "key": keys[0].name}).scalar_one()


def _as_base64(value: Any) -> dict[str, str]:
    return {_BYTES: base64.b64encode(bytes(value)).decode("ascii")}


def _from_base64(value: Any) -> Any:
    return base64.b64decode(value[_BYTES], validate=True) if isinstance(value, dict) else value


def _first_line(error: Exception) -> str:
    return (str(getattr(error, "orig", None) or error).strip().splitlines() or [type(error).__name__])[0]
