"""What files held when they were last read, so that unchanged ones need not be read again.

A file counts as unchanged while its path, size, dates and inode are the same. The dates' steps are coarse: a
file changed twice within one step would look unchanged. So, as git does, files that were changed only just
before they were read are not remembered.

One SQLite file, safe for several processes; a memory that cannot be read or written is no memory, never an
error.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.sets.contents import Header

logger = logging.getLogger(__name__)

SCHEMA = 1
MAX_ROWS = 2_000_000
_BUSY_S = 10
_FINE_STEP_NS, _COARSE_STEP_NS = 50_000_000, 2_000_000_000


@dataclass(frozen=True, slots=True)
class Seen:
    """What a file held: its hash and header, or the problem with it."""

    digest: str
    header: Header | None
    problem: str = ""


def stamp_of(stat: os.stat_result) -> str:
    """What changes with a file."""
    return f"{stat.st_size}-{stat.st_mtime_ns}-{stat.st_ctime_ns}-{stat.st_ino}"


def is_settled(stat: os.stat_result, now_ns: int) -> bool:
    """Whether a later change is sure to show in the dates."""
    changed = max(stat.st_mtime_ns, stat.st_ctime_ns)
    step = _COARSE_STEP_NS if changed % 1_000_000_000 == 0 else _FINE_STEP_NS
    return now_ns - changed > step


class FileHashCache:
    """The memory, in one file that is made when it is first written to.

    Parameters
    ----------
    path
        The SQLite file; None remembers nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path

    def files(self, root: str) -> dict[str, tuple[str, Seen]]:
        """What is known of the files below a folder or in a zip: stamp and content by place."""
        found: dict[str, tuple[str, Seen]] = {}
        for file, stamp, digest, header, problem in self._ask(
            "SELECT file, stamp, digest, header, problem FROM files WHERE root = ?", (root,)
        ):
            found[file] = stamp, Seen(digest, Header(*json.loads(header)) if header else None, problem)
        return found

    def keep_files(
        self, root: str, seen: Mapping[str, tuple[str, Seen]], *, gone: Iterable[str] = ()
    ) -> None:
        """Remember what files held, and forget those that are gone."""
        if not seen and not gone:
            return
        now = int(time.time())
        rows = [
            (root, file, stamp, one.digest, json.dumps(one.header) if one.header else "", one.problem, now)
            for file, (stamp, one) in seen.items()
        ]

        def work(database: sqlite3.Connection) -> None:
            database.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
            database.executemany("DELETE FROM files WHERE root = ? AND file = ?", ((root, f) for f in gone))
            (count,) = database.execute("SELECT count(*) FROM files").fetchone()
            if count > MAX_ROWS:
                database.execute(
                    "DELETE FROM files WHERE rowid IN (SELECT rowid FROM files ORDER BY seen LIMIT ?)",
                    (count - MAX_ROWS,),
                )

        self._write(work)

    def facts(self, what: str, digests: Iterable[str]) -> dict[str, Any]:
        """What was found out about contents: JSON values by digest.

        Parameters
        ----------
        what
            Kind and version of the values, such as ``looks-1``.
        """
        wanted = list(digests)
        found: dict[str, Any] = {}
        for start in range(0, len(wanted), 500):
            some = wanted[start : start + 500]
            marks = ",".join("?" * len(some))
            rows = self._ask(
                f"SELECT digest, value FROM facts WHERE what = ? AND digest IN ({marks})", (what, *some)
            )
            found.update((digest, json.loads(value)) for digest, value in rows)
        return found

    def keep_facts(self, what: str, values: Mapping[str, Any]) -> None:
        """Remember what was found out about contents."""
        if values:
            insert = "INSERT OR REPLACE INTO facts VALUES (?, ?, ?)"
            rows = [(what, digest, json.dumps(value)) for digest, value in values.items()]
            self._write(lambda database: database.executemany(insert, rows))

    def _ask(self, question: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        if self.path is None or not self.path.is_file():
            return []
        try:
            with closing(self._open()) as database:
                return database.execute(question, values).fetchall()
        except (sqlite3.Error, OSError) as error:
            logger.info("%s cannot be read (%s); files are read anew.", self.path, error)
            return []

    def _write(self, work: Callable[[sqlite3.Connection], object]) -> None:
        """One transaction; one that fails is forgotten."""
        if self.path is None:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._open()) as database:
                database.execute("BEGIN IMMEDIATE")
                work(database)
                database.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            logger.warning("%s cannot be written (%s); files will be read again next time.", self.path, error)
            if getattr(error, "sqlite_errorname", "") in ("SQLITE_NOTADB", "SQLITE_CORRUPT"):
                self.path.unlink(missing_ok=True)

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(str(self.path), timeout=_BUSY_S, isolation_level=None)
        try:
            database.execute("PRAGMA synchronous = NORMAL")
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if version != SCHEMA:
                database.executescript(_TABLES)
        except BaseException:
            database.close()
            raise
        return database


_TABLES = f"""
PRAGMA journal_mode = WAL;
BEGIN IMMEDIATE;
DROP TABLE IF EXISTS files;
DROP TABLE IF EXISTS facts;
CREATE TABLE files (root TEXT, file TEXT, stamp TEXT, digest TEXT, header TEXT, problem TEXT, seen INTEGER,
                    PRIMARY KEY (root, file));
CREATE TABLE facts (what TEXT, digest TEXT, value TEXT, PRIMARY KEY (what, digest)) WITHOUT ROWID;
PRAGMA user_version = {SCHEMA};
COMMIT;
"""
