"""Read the library as one table, with the state of every image.

The table that people filter and sort: one row per image, kept in memory and brought up to date.

Only what was written since the last look is read. Arrays are replaced, never changed, so a table that
somebody still holds stays as it was.

What follows from the log of decisions: each reviewer's opinion, and the state of each image.

Only actions count that were not undone. A reviewer's opinion of an image is the newest decision that
they did not withdraw. An image is *disputed*, and thereby undecided, while two opinions differ. It is
settled by a decision that is marked as settling, by one of the two or by a third: opinions that are
older than it no longer count, and who disagrees with it afterwards disputes it again.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Row, delete, select

from curation.library.database import CHANGES, Database, Write, chunks
from curation.library.schema import (
    ARRIVALS,
    COLUMNS,
    FLOATS,
    PARTS,
    STORED,
    TIMES,
    TUPLES,
    WORDS,
    Part,
    actions,
    categorical,
    decisions,
    empty,
    is_best,
    label_changes,
    meta,
    opinions,
    states,
    states_of,
    tombstones,
)

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


@dataclass(frozen=True)
class Opinion:
    """What one reviewer thinks of one image.

    Attributes
    ----------
    rating
        The decision, leaving out those that settle a dispute: what was thought before it was known
        what others think. Agreement is counted over these.
    """

    reviewer: str
    decision: str
    rating: str
    made_at: str
    action: int
    settled_at: int  # action of their newest settling decision, 0 if none


def derive(write: Write, numbers: Sequence[int]) -> None:
    """Work out opinions and states of some images anew from the log."""
    for chunk in chunks(numbers):
        found = opinions_from_log(write.connection, chunk)
        labels = _labels_from_log(write.connection, chunk)
        write.connection.execute(delete(opinions).where(opinions.c.number.in_(chunk)))
        rows = [
            {
                "number": number,
                "reviewer": one.reviewer,
                "decision": one.decision,
                "rating": one.rating,
                "made_at": one.made_at,
                "action": one.action,
            }
            for number in chunk
            for one in found[number]
        ]
        write.upsert(opinions, rows)
        write.upsert(
            states,
            [
                {"number": number, **_state(found[number], labels[number]), "changed": write.count}
                for number in chunk
            ],
        )


def _state(found: Sequence[Opinion], labels: Iterable[str]) -> dict[str, Any]:
    settled_at = max((one.settled_at for one in found), default=0)
    counting = {one.decision for one in found if one.action >= settled_at and one.decision}
    return {
        "decision": next(iter(counting)) if len(counting) == 1 else "",
        "disputed": len(counting) > 1,
        "reviewers": json.dumps(sorted(one.reviewer for one in found if one.decision)),
        "labels": json.dumps(sorted(labels)),
        "decided_at": max((one.made_at for one in found if one.decision), default=""),
    }


def opinions_from_log(connection: Connection, numbers: Sequence[int]) -> dict[int, list[Opinion]]:
    """Each reviewer's opinion of each image, from what was not undone."""
    log: dict[tuple[int, str], list[Row]] = defaultdict(list)
    made = select(decisions, actions.c.reviewer, actions.c.made_at).join_from(decisions, actions)
    for row in _effective(connection, made.where(decisions.c.number.in_(numbers)), decisions.c.action):
        if row.decision == "":
            log[row.number, row.reviewer].clear()
        elif row.decision is not None:
            log[row.number, row.reviewer].append(row)
    found: dict[int, list[Opinion]] = defaultdict(list)
    for (number, reviewer), rows in sorted(log.items()):
        if rows:
            ratings = [row.decision for row in rows if not row.settles]
            settled = [row.action for row in rows if row.settles]
            last = rows[-1]
            found[number].append(
                Opinion(
                    reviewer,
                    last.decision,
                    ratings[-1] if ratings else "",
                    last.made_at,
                    last.action,
                    settled[-1] if settled else 0,
                )
            )
    return found


def _labels_from_log(connection: Connection, numbers: Sequence[int]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = defaultdict(set)
    made = select(label_changes).where(label_changes.c.number.in_(numbers))
    for row in _effective(connection, made, label_changes.c.action):
        (found[row.number].add if row.added else found[row.number].discard)(row.label)
    return found


def _effective(connection: Connection, rows: Any, action: Any) -> list[Row]:
    """Rows of a query, in order of their action, without those of undone actions."""
    found = connection.execute(rows.order_by(action)).all()
    undone: set[int] = set()
    for chunk in chunks({row.action for row in found}):
        for turn in connection.execute(
            select(actions.c.target, actions.c.kind).where(actions.c.target.in_(chunk)).order_by(actions.c.id)
        ):
            (undone.add if turn.kind == "undo" else undone.discard)(turn.target)
    return [row for row in found if row.action not in undone]
