"""The table that people filter and sort: one row per image, kept in memory and brought up to date.

Only what was written since the last look is read. Arrays are replaced, never changed, so a table that
somebody still holds stays as it was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from threading import Lock
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, select

from curation.library.columns import (
    ARRIVALS,
    COLUMNS,
    FLOATS,
    PARTS,
    STORED,
    TIMES,
    TUPLES,
    WORDS,
    Part,
    categorical,
    empty,
    is_best,
    states_of,
)
from curation.library.database import CHANGES, Database
from curation.library.schema import meta, tombstones

_BATCH = 20_000


class TableCache:
    """Holds the table of one database; may be shared by threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = Lock()
        self._count = -1
        self._forget()

    def table(self) -> tuple[int, pd.DataFrame]:
        """The table as it is now, and the number of the write that it shows."""
        with self._lock:
            try:
                with self._database.read() as connection:
                    query = select(meta.c.value).where(meta.c.name == CHANGES)
                    count = connection.execute(query).scalar_one()
                    if count != self._count:
                        self._refresh(connection)
            except BaseException:
                self._forget()  # half refreshed
                raise
            if count != self._count:
                self._frame = self._build()
                self._count = count
            return count, self._frame

    def _forget(self) -> None:
        self._count = -1
        self._numbers = np.empty(0, np.int64)
        self._ids = pd.Index([], dtype="str", name="image_id")
        self._vocabularies = {name: ["", *first] for name, first in WORDS.items()}
        self._arrays: dict[str, np.ndarray] = {name: empty(name, 0) for name in STORED}
        self._names = pd.array([], dtype="str")
        self._made: dict[str, tuple[tuple[Any, ...], Any]] = {}
        self._frame = self._build()

    def _refresh(self, connection: Connection) -> None:
        for rows in self._news(connection, ARRIVALS):
            self._append(rows)
        gone = connection.execute(
            select(tombstones.c.number).where(tombstones.c.finished, tombstones.c.changed > self._count)
        )
        self._drop(np.array(gone.scalars().all(), np.int64))
        for part in PARTS:
            copied: set[str] = set()
            for rows in self._news(connection, part):
                self._enter(part, rows, copied)

    def _news(self, connection: Connection, part: Part) -> Iterator[list[Sequence[Any]]]:
        """Columns of the rows that changed since the last look, some thousand rows at a time."""
        query = part.query.where(part.changed > self._count) if self._count >= 0 else part.query
        for rows in connection.execute(query).partitions(_BATCH):
            yield list(zip(*rows, strict=True))

    def _append(self, rows: list[Sequence[Any]]) -> None:
        number, ids, *rest = rows
        is_new = ~np.isin(np.array(number, np.int64), self._numbers)
        if not is_new.any():
            return
        picked = [np.array(values, dtype=object)[is_new].tolist() for values in (number, ids, *rest)]
        self._numbers = np.concatenate([self._numbers, np.array(picked[0], np.int64)])
        self._ids = self._ids.append(pd.Index(picked[1], dtype="str", name="image_id"))
        values = dict(zip(ARRIVALS.columns[1:], picked[2:], strict=True))
        names = pd.array([name or "" for name in values.pop("name")], dtype="str")
        self._names = pd.concat([pd.Series(self._names), pd.Series(names)]).array
        for name, array in self._arrays.items():
            more = self._convert(name, values[name]) if name in values else empty(name, len(picked[0]))
            self._arrays[name] = np.concatenate([array, more])

    def _drop(self, numbers: np.ndarray) -> None:
        if not len(numbers):
            return
        stays = ~np.isin(self._numbers, numbers)
        self._numbers, self._ids, self._names = self._numbers[stays], self._ids[stays], self._names[stays]
        self._arrays = {name: array[stays] for name, array in self._arrays.items()}

    def _enter(self, part: Part, rows: list[Sequence[Any]], copied: set[str]) -> None:
        numbers = np.array(rows[0], np.int64)
        place = np.searchsorted(self._numbers, numbers).clip(max=max(len(self._numbers) - 1, 0))
        known = self._numbers[place] == numbers if len(self._numbers) else np.zeros(len(numbers), bool)
        for name, values in zip(part.columns, rows[1:], strict=True):
            if name not in copied:
                self._arrays[name] = self._arrays[name].copy()
                copied.add(name)
            self._arrays[name][place[known]] = self._convert(name, values)[known]

    def _convert(self, name: str, values: Sequence[Any]) -> np.ndarray:
        if name in FLOATS:
            return np.array(values, dtype=np.float32)
        if name in TIMES:
            return np.array([text[:19] if text else "NaT" for text in values], dtype="datetime64[s]")
        if name in TUPLES:
            return self._tuples(values)
        if name == "disputed":
            return np.array(values, dtype=bool)
        words = self._vocabularies[name]
        codes = {word: code for code, word in enumerate(words)}
        found = [codes.setdefault(value or "", len(codes)) for value in values]
        if len(codes) > len(words):
            self._vocabularies[name] = list(codes)
        return np.array(found, dtype=np.int32)

    def _tuples(self, values: Sequence[str]) -> np.ndarray:
        known = {text: tuple(json.loads(text)) for text in set(values)}
        found = np.empty(len(values), dtype=object)
        found[:] = [known[text] for text in values]
        return found

    def _build(self) -> pd.DataFrame:
        shown: dict[str, Any] = {"name": self._names, **self._arrays}
        for name, words in self._vocabularies.items():
            shown[name] = self._once(name, categorical, self._arrays[name], words)
        arrays = self._arrays
        shown["state"] = self._once(
            "state", states_of, *(arrays[n] for n in ("decision", "verdict", "disputed"))
        )
        groups = self._vocabularies["duplicate_group"]
        shown["duplicate_best"] = self._once(
            "duplicate_best", is_best, arrays["duplicate_group"], groups, self._ids
        )
        return pd.DataFrame({name: shown[name] for name in COLUMNS}, index=self._ids, copy=False)

    def _once(self, name: str, make: Callable[..., Any], *sources: Any) -> Any:
        """A derived column, made anew only where one of its sources was replaced."""
        known, made = self._made.get(name, ((), None))
        if len(known) != len(sources) or any(a is not b for a, b in zip(known, sources, strict=True)):
            made = make(*sources)
            self._made[name] = sources, made
        return made
