"""Values of single cases, kept by the content of the pictures that they were computed from.

One SQLite file, because several processes write it, a kill must not damage it, and thousands of values are
looked up at once. Losing it costs time and nothing else: a full or damaged disk means computing again.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

logger = logging.getLogger(__name__)

MAX_ROWS = 1_000_000
_CHUNK = 500  # names in one question; SQLite's own limit is higher


class CaseStore:
    """Values by key, shared by all comparisons of a cache folder.

    Parameters
    ----------
    file
        Made when the first value is kept.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def find(self, keys: Iterable[str]) -> dict[str, dict[str, float | None]]:
        """What is known of these keys."""
        wanted = list(dict.fromkeys(keys))
        found: dict[str, dict[str, float | None]] = {}
        if not self._file.is_file():
            return {}
        try:
            with closing(self._open()) as base:
                for start in range(0, len(wanted), _CHUNK):
                    some = wanted[start : start + _CHUNK]
                    marks = ",".join("?" * len(some))
                    rows = base.execute(f"select key, content from scores where key in ({marks})", some)
                    found.update((key, json.loads(content)) for key, content in rows)
        except (sqlite3.Error, OSError, ValueError) as error:
            logger.warning("%s cannot be read (%s); its values are computed again.", self._file, error)
            return {}
        return found

    def keep(self, values: Mapping[str, Mapping[str, float | None]]) -> None:
        """Remember values; a disk without room is logged and otherwise ignored, a damaged file made anew."""
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._write(values)
            except sqlite3.OperationalError:  # locked or full, not damaged
                raise
            except sqlite3.DatabaseError as error:
                logger.warning("%s is damaged (%s) and made anew.", self._file, error)
                for end in ("", "-wal", "-shm"):
                    self._file.with_name(self._file.name + end).unlink(missing_ok=True)
                self._write(values)
        except (sqlite3.Error, OSError) as error:
            logger.warning("%s could not keep values: %s", self._file, error)

    def _write(self, values: Mapping[str, Mapping[str, float | None]]) -> None:
        with closing(self._open()) as base, base:
            rows = [(key, json.dumps(dict(content))) for key, content in values.items()]
            base.executemany("insert or replace into scores (key, content) values (?, ?)", rows)
            base.execute("delete from scores where rowid <= (select max(rowid) from scores) - ?", (MAX_ROWS,))

    def _open(self) -> sqlite3.Connection:
        base = sqlite3.connect(self._file, timeout=30)
        base.execute("pragma journal_mode=wal")
        base.execute("pragma synchronous=normal")
        base.execute("create table if not exists scores (key text primary key, content text not null)")
        return base
