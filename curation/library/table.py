"""Read the library as one table: one row per image with its state, which people filter and sort.

The table is kept in memory and brought up to date: only what was written since the last look is read. Arrays
are replaced, never changed, so a table that somebody still holds stays as it was.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from core.names import search_key
from curation.library.database import Database, last_write
from curation.library.records import GROUP_PICTURE, MEASUREMENT_NAMES
from curation.library.schema import (
    duplicates,
    examinations,
    images,
    proposals,
    provenance,
    states,
    tombstones,
    verdicts,
    versions,
)

Names = str | Sequence[str]
Range = tuple[float | None, float | None]
STATES = ("undecided", "keep", "reject", "unsure")
FLOATS = (*MEASUREMENT_NAMES, "value", "threshold", "proposal", "confidence")
TIMES = ("added_at", "decided_at")
TUPLES = ("reviewers", "labels")
WORDS = {  # columns of few different words, and those that come first
    "status": (),
    "verdict": ("keep", "reject"),
    "rule": (),
    "decision": ("keep", "reject", "unsure"),
    "source": (),
    "licence": (),
    "author": (),
    "uploader": (),
    "duplicate_group": (),
    "duplicate_kind": ("bytes", "pixels", "near"),
}
COLUMNS = (
    *("name", "source", "licence", "author", "uploader", "added_at", "status"),
    *MEASUREMENT_NAMES,
    *("verdict", "rule", "value", "threshold", "decision", "state", "disputed", "reviewers", "labels"),
    *("decided_at", "duplicate_group", "duplicate_kind", "duplicate_best", "proposal", "confidence"),
)
_STORED = tuple(name for name in COLUMNS if name not in ("name", "state", "duplicate_best"))
_COUNTED = {
    "states": "state",
    "verdicts": "verdict",
    "rules": "rule",
    "sources": "source",
    "status": "status",
}
_BATCH = 20_000


@dataclass(frozen=True)
class _Part:
    """Columns that one database table brings: a query with ``number`` first, and the column ``changed``."""

    columns: tuple[str, ...]
    query: sa.Select[Any]
    changed: sa.Column[int]


def _part(table: sa.Table, *columns: str, stored: tuple[str, ...] = ()) -> _Part:
    return _Part(columns, sa.select(*table.c["number", *(stored or columns)]), table.c.changed)


_ORIGIN = ("source", "name", "licence", "author", "uploader")
_ARRIVALS = _Part(
    ("image_id", "added_at", *_ORIGIN),
    sa.select(*images.c["number", "id", "added_at"], *provenance.c[_ORIGIN])
    .select_from(
        images.outerjoin(provenance, (provenance.c.number == images.c.number) & (provenance.c.position == 0))
    )
    .order_by(images.c.number),
    images.c.changed,
)
_PARTS = (
    _part(examinations, "status", *MEASUREMENT_NAMES),
    _part(verdicts, "verdict", "rule", "value", "threshold"),
    _part(states, "decision", "disputed", "reviewers", "labels", "decided_at"),
    _part(duplicates, "duplicate_group", "duplicate_kind", stored=("best", "kind")),
    _part(proposals, "proposal", "confidence"),
)


class TableCache:
    """Holds the table of one database; may be shared by threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = Lock()
        self._count = -1
        self._counts: tuple[int, dict[str, Any]] = (-1, {})
        self._forget()

    def table(self) -> tuple[int, pd.DataFrame]:
        """Give the table as it is now, and the number of the write that it shows."""
        with self._lock:
            try:
                with self._database.read() as connection:
                    count = last_write(connection)
                    if count != self._count:
                        self._refresh(connection)
            except BaseException:
                self._forget()  # half refreshed
                raise
            if count != self._count:
                self._frame = self._build()
                self._count = count
            return count, self._frame

    def counts(self) -> dict[str, Any]:
        """Count images by state, verdict, rule, source, label and reviewer: numbers for the head of a page."""
        count, table = self.table()
        with self._lock:
            if self._counts[0] != count:
                self._counts = count, _summarise(self._database, table)
            return self._counts[1]

    def _forget(self) -> None:
        self._count = -1
        self._numbers = np.empty(0, np.int64)
        self._ids = pd.Index([], dtype="str", name="image_id")
        self._vocabularies = {name: ["", *first] for name, first in WORDS.items()}
        self._arrays: dict[str, np.ndarray] = {name: _empty(name, 0) for name in _STORED}
        self._names = pd.array([], dtype="str")
        self._made: dict[str, tuple[tuple[Any, ...], Any]] = {}
        self._frame = self._build()

    def _refresh(self, connection: sa.Connection) -> None:
        for rows in self._news(connection, _ARRIVALS):
            self._append(rows)
        gone = connection.execute(
            sa.select(tombstones.c.number).where(tombstones.c.finished, tombstones.c.changed > self._count)
        )
        self._drop(np.array(gone.scalars().all(), np.int64))
        for part in _PARTS:
            copied: set[str] = set()
            for rows in self._news(connection, part):
                self._enter(part, rows, copied)

    def _news(self, connection: sa.Connection, part: _Part) -> Iterator[list[Sequence[Any]]]:
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
        values = dict(zip(_ARRIVALS.columns[1:], picked[2:], strict=True))
        names = pd.array([name or "" for name in values.pop("name")], dtype="str")
        self._names = pd.concat([pd.Series(self._names), pd.Series(names)]).array
        for name, array in self._arrays.items():
            more = self._convert(name, values[name]) if name in values else _empty(name, len(picked[0]))
            self._arrays[name] = np.concatenate([array, more])

    def _drop(self, numbers: np.ndarray) -> None:
        if not len(numbers):
            return
        stays = ~np.isin(self._numbers, numbers)
        self._numbers, self._ids, self._names = self._numbers[stays], self._ids[stays], self._names[stays]
        self._arrays = {name: array[stays] for name, array in self._arrays.items()}

    def _enter(self, part: _Part, rows: list[Sequence[Any]], copied: set[str]) -> None:
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
            shown[name] = self._once(name, _categorical, self._arrays[name], words)
        arrays = self._arrays
        shown["state"] = self._once(
            "state", _states_of, *(arrays[n] for n in ("decision", "verdict", "disputed"))
        )
        groups = self._vocabularies["duplicate_group"]
        shown["duplicate_best"] = self._once(
            "duplicate_best", _is_best, arrays["duplicate_group"], groups, self._ids
        )
        return pd.DataFrame({name: shown[name] for name in COLUMNS}, index=self._ids, copy=False)

    def _once(self, name: str, make: Callable[..., Any], *sources: Any) -> Any:
        """A derived column, made anew only where one of its sources was replaced."""
        known, made = self._made.get(name, ((), None))
        if len(known) != len(sources) or any(a is not b for a, b in zip(known, sources, strict=True)):
            made = make(*sources)
            self._made[name] = sources, made
        return made


def _summarise(database: Database, table: pd.DataFrame) -> dict[str, Any]:
    with database.read() as connection:
        deleted = connection.execute(sa.select(sa.func.count()).select_from(tombstones)).scalar_one()
        frozen = connection.execute(sa.select(sa.func.count()).select_from(versions)).scalar_one()
        everybody = connection.execute(sa.select(states.c.labels, states.c.reviewers)).all()
    labels = Counter(label for row in everybody for label in json.loads(row.labels))
    reviewers = Counter(name for row in everybody for name in json.loads(row.reviewers))
    return {
        "images": len(table),
        "examined": int((table["status"] != "").sum()),
        "decided": int((table["decision"] != "").sum()),
        "disputed": int(table["disputed"].sum()),
        "deleted": deleted,
        "versions": frozen,
        **{
            name: {word: int(n) for word, n in table[column].value_counts().items() if n and word}
            for name, column in _COUNTED.items()
        },
        "labels": dict(sorted(labels.items())),
        "reviewers": dict(sorted(reviewers.items())),
    }


def _states_of(decision: np.ndarray, verdict: np.ndarray, disputed: np.ndarray) -> pd.Categorical:
    """Let a person beat the machine; what is disputed or not judged yet is undecided."""
    codes = np.where(decision > 0, decision, np.where(disputed, 0, verdict))
    return _categorical(codes, STATES)


def _is_best(group: np.ndarray, groups: list[str], ids: pd.Index) -> np.ndarray:
    """Mark rows (N,) bool that are in no group of duplicates, or its best."""
    best = group == 0
    spare = np.flatnonzero(~best)
    best[spare] = np.array(groups, dtype=object)[group[spare]] == ids.to_numpy(dtype=object)[spare]
    return best


def _categorical(codes: np.ndarray, words: Sequence[str]) -> pd.Categorical:
    """Give words by their codes (N,) int."""
    return pd.Categorical.from_codes(codes, pd.Index(list(words), dtype="str"), validate=False)


def _empty(name: str, size: int) -> np.ndarray:
    """Fill (size,) rows of a column of which nothing is known."""
    if name in FLOATS:
        return np.full(size, np.nan, np.float32)
    if name in TIMES:
        return np.full(size, np.datetime64("NaT"), "datetime64[s]")
    if name in TUPLES:
        found = np.empty(size, dtype=object)
        found[:] = [()] * size
        return found
    return np.zeros(size, bool if name == "disputed" else np.int32)


@dataclass(frozen=True)
class Filters:
    """Conditions that an image must meet to be shown; empty means any."""

    # state, verdict, rule, source, licence, status, decision: a name, or several of which one must hold; the source
    # ``picture:`` holds for all faces that were cut out of group pictures.
    state: Names = ()
    verdict: Names = ()
    rule: Names = ()
    source: Names = ()
    licence: Names = ()
    status: Names = ()
    decision: Names = ()
    # label, reviewer: a name or several: the image carries one of these labels, or was decided by one of them.
    label: Names = ()
    reviewer: Names = ()
    disputed: bool | None = None  # only disputed images, or only others
    # Column -> (low, high), both included, either may be ``None``; what was not measured is left out.
    ranges: Mapping[str, Range] = field(default_factory=dict)
    text: str = ""  # part of the file's name, author or image id, in any case


_NAMED = ("state", "verdict", "rule", "source", "licence", "status", "decision")
_LISTED = {"label": "labels", "reviewer": "reviewers"}


def select(
    table: pd.DataFrame, filters: Filters | None = None, sort: str = "added_at", *, descending: bool = False
) -> list[str]:
    """List the ids of the images that pass, sorted.

    Parameters
    ----------
    sort
        Any column; what was not measured comes last, equals keep their order of arrival.

    Raises
    ------
    ValueError
        If a column is unknown or cannot be sorted or cut into ranges.
    """
    picked = np.flatnonzero(matching(table, filters or Filters()))
    keys = _sort_keys(table, sort)[picked]
    order = np.argsort(-keys if descending else keys, kind="stable")  # NaN goes last either way
    return table.index.take(picked[order]).tolist()


def matching(table: pd.DataFrame, filters: Filters) -> np.ndarray:
    """Mark the rows that pass, as (N,) bool."""
    passed = np.ones(len(table), dtype=bool)
    for name in _NAMED:
        if wanted := _names(getattr(filters, name)):
            if GROUP_PICTURE in wanted and name == "source":
                known = table[name].cat.categories
                wanted = (*wanted, *known[known.str.startswith(GROUP_PICTURE)])
            passed &= table[name].isin(wanted).to_numpy()
    for name, column in _LISTED.items():
        if wanted := _names(getattr(filters, name)):
            some = set(wanted)
            passed &= np.fromiter((not some.isdisjoint(found) for found in table[column]), bool, len(table))
    if filters.disputed is not None:
        passed &= table["disputed"].to_numpy() == filters.disputed
    for column, (low, high) in filters.ranges.items():
        values = _sort_keys(table, column)
        passed &= values >= (-np.inf if low is None else np.float32(low))
        passed &= values <= (np.inf if high is None else np.float32(high))
    if text := search_key(filters.text.strip()):
        passed &= _contains(table, text)
    return passed


def _names(wanted: Names) -> tuple[str, ...]:
    return (wanted,) if isinstance(wanted, str) else tuple(wanted)


def _contains(table: pd.DataFrame, text: str) -> np.ndarray:
    authors = table["author"].cat
    hits = [code for code, author in enumerate(authors.categories) if text in search_key(str(author))]
    found = np.fromiter((text in search_key(name) for name in table["name"]), bool, len(table))
    return found | authors.codes.isin(hits).to_numpy() | table.index.str.startswith(text)


def _sort_keys(table: pd.DataFrame, column: str) -> np.ndarray:
    """Give numbers (N,) float64 in the order of a column's values, NaN where there is none."""
    if column not in table:
        raise ValueError(f"{column!r} is no column. Valid names: {', '.join(map(str, table.columns))}.")
    values = table[column]
    if isinstance(values.dtype, pd.CategoricalDtype):
        ranks = np.argsort(np.argsort(values.cat.categories.astype(str).to_numpy(), kind="stable"))
        return ranks[values.cat.codes.to_numpy()].astype(np.float64)
    if values.dtype.kind == "M":
        keys = values.to_numpy().astype("datetime64[s]").astype(np.int64).astype(np.float64)
        return np.where(values.isna(), np.nan, keys)
    if values.dtype.kind in "fiub":
        return values.to_numpy(np.float64)
    if column == "name":
        return values.rank(method="dense").to_numpy(np.float64)
    raise ValueError(f"{column!r} holds lists, which have no order. Choose another column.")
