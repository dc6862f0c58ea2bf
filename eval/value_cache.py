"""Keep values that were worked out before, JSON or bytes, by kind and key, in one SQLite file.

A key is made of content hashes, the settings and a version of the values, never of paths or of the program's source.
Several processes may share the file, and a kill does not damage it. Losing it costs time and nothing else: what
cannot be read is worked out again, what cannot be written is logged.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter

logger = logging.getLogger(__name__)

FORMAT = 2  # of the file; one of another format is emptied
FORMULAS = 2  # count up when anything in eval/significance, eval/metrics or a column's computation gives other numbers
_BUSY_S = 30
_CHUNK = 500  # keys in one question; SQLite's own limit is higher
T = TypeVar("T")


class ValueCache:
    """JSON values and bytes by kind and key.

    Parameters
    ----------
    file
        Made when the first value is kept; it may be deleted at any time. None keeps nothing.
    max_rows
        Values kept, of all kinds together; the oldest go first.
    """

    def __init__(self, file: Path | None, *, max_rows: int = 1_000_000) -> None:
        self.file, self.max_rows = file, max_rows

    def all(self, kind: str) -> dict[str, Any]:
        """Look up everything of a kind."""
        return self._ask([("SELECT key, value FROM cached WHERE kind = ?", (kind,))])

    def find(self, kind: str, keys: Iterable[str]) -> dict[str, Any]:
        """Look up these keys; those that are not known are left out."""
        wanted = list(dict.fromkeys(keys))
        chunks = [wanted[start : start + _CHUNK] for start in range(0, len(wanted), _CHUNK)]
        select = "SELECT key, value FROM cached WHERE kind = ? AND key IN"
        return self._ask([(f"{select} ({','.join('?' * len(some))})", (kind, *some)) for some in chunks])

    def keep(
        self, kind: str, values: Mapping[str, Any], *, gone: Iterable[str] = (), trims: bool = True
    ) -> bool:
        """Remember values, and forget those that are gone and, if it ``trims``, the oldest of too many.

        False where there is no file, or no room in it.
        """
        fresh = [
            (kind, key, value if isinstance(value, bytes) else json.dumps(value))
            for key, value in values.items()
        ]
        stale = [(kind, key) for key in gone]
        if self.file is None or not (fresh or stale):
            return False
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._write(self.file, fresh, stale, trims)
            except sqlite3.OperationalError:  # locked or full, not damaged
                raise
            except sqlite3.DatabaseError as error:
                logger.warning("%s is damaged (%s) and made anew.", self.file, error)
                for end in ("", "-wal", "-shm"):
                    self.file.with_name(self.file.name + end).unlink(missing_ok=True)
                self._write(self.file, fresh, stale, trims)
        except (sqlite3.Error, OSError, ValueError) as error:
            logger.warning("%s could not keep values (%s); they are worked out again.", self.file, error)
            return False
        return True

    def get(self, kind: type[T], parts: Sequence[object], make: Callable[[], T]) -> T:
        """Give the answer for these parts: kept, or made and kept.

        Parameters
        ----------
        kind
            Class of the answer, one that pydantic can write as JSON.
        parts
            All that the answer depends on, besides `FORMULAS`.
        """
        adapter = TypeAdapter(kind)
        text = "\n".join([str(FORMULAS), *map(repr, parts)])
        key = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        for known in self.find(kind.__qualname__, [key]).values():
            try:
                return adapter.validate_json(json.dumps(known))
            except ValueError as error:
                logger.warning("An answer in %s is of another form (%s).", self.file, error)
        answer = make()
        self.keep(kind.__qualname__, {key: adapter.dump_python(answer, mode="json")})
        return answer

    def _ask(self, questions: Iterable[tuple[str, tuple[str, ...]]]) -> dict[str, Any]:
        if self.file is None or not self.file.is_file():
            return {}
        try:
            with closing(self._open(self.file)) as base:
                return {
                    key: value if isinstance(value, bytes) else json.loads(value)
                    for question, given in questions
                    for key, value in base.execute(question, given)
                }
        except (sqlite3.Error, OSError, ValueError) as error:
            logger.warning("%s cannot be read (%s); its values are worked out again.", self.file, error)
            return {}

    def _write(
        self, file: Path, fresh: Sequence[tuple[Any, ...]], stale: Sequence[tuple[Any, ...]], trims: bool
    ) -> None:
        with closing(self._open(file)) as base:
            base.execute("BEGIN IMMEDIATE")
            base.executemany("INSERT OR REPLACE INTO cached VALUES (?, ?, ?)", fresh)
            base.executemany("DELETE FROM cached WHERE kind = ? AND key = ?", stale)
            if trims:
                newest = "SELECT max(rowid) FROM cached"
                base.execute(f"DELETE FROM cached WHERE rowid <= ({newest}) - ?", (self.max_rows,))
            base.execute("COMMIT")

    @staticmethod
    def _open(file: Path) -> sqlite3.Connection:
        base = sqlite3.connect(file, timeout=_BUSY_S, isolation_level=None)
        try:
            base.execute("PRAGMA synchronous = NORMAL")
            if _format_of(base) != FORMAT:
                base.execute("PRAGMA journal_mode = WAL")
                base.execute("BEGIN IMMEDIATE")
                if _format_of(base) != FORMAT:  # no other process was faster
                    _make_tables(base)
                base.execute("COMMIT")
        except BaseException:
            base.close()
            raise
        return base


def _format_of(base: sqlite3.Connection) -> int:
    (found,) = base.execute("PRAGMA user_version").fetchone()
    return int(found)


def _make_tables(base: sqlite3.Connection) -> None:
    tables = base.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (name,) in tables:
        base.execute(f'DROP TABLE "{name}"')
    base.execute("CREATE TABLE cached (kind TEXT, key TEXT, value TEXT NOT NULL, PRIMARY KEY (kind, key))")
    base.execute(f"PRAGMA user_version = {FORMAT}")
