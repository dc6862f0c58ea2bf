"""Open the database of the library, SQLite in its folder or PostgreSQL by address, and bring it up to date.

Every write is one short transaction that takes the write lock before it reads, so nothing it read can
be stale when it writes. In SQLite that is ``BEGIN IMMEDIATE`` with WAL and a long busy timeout; in
PostgreSQL the row that counts the writes is locked. Either way writes happen one after the other, and
their counts are in order of commit.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    URL,
    Column,
    Connection,
    Engine,
    Select,
    Table,
    create_engine,
    event,
    insert,
    inspect,
    make_url,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from curation.library.records import LibraryError
from curation.library.schema import HEAD, meta

SCRIPTS = Path(__file__).parent / "migrations"
_LOCK = 0x5354_5544_494F  # any number that nobody else locks
BUSY_TIMEOUT_S = 30.0
CHANGES = "changes"
CHUNK = 500  # values in one IN (...)

T = TypeVar("T")

_REASONS = (
    ("locked", "Another process holds the library's database and did not let go in time. Try again."),
    ("readonly", "The library's database cannot be written: the file or its folder is read-only."),
    ("read-only", "The library's database cannot be written: it is read-only."),
    ("full", "The disk of the library's database is full. Make room and try again."),
    ("no space", "The disk of the library's database is full. Make room and try again."),
    ("disk i/o", "The disk of the library's database failed or is full. Make room and try again."),
    ("unable to open", "The library's database cannot be opened: its folder is missing or read-only."),
    ("malformed", "The library's database is damaged. Put back a copy of it."),
    ("not a database", "The library's database is no SQLite file. Move it away or name another folder."),
    ("connection", "The library's database cannot be reached. Check STUDIO_DATABASE and that it runs."),
    ("lock timeout", "Another process holds the library's database and did not let go in time. Try again."),
)


def migrate(engine: Engine) -> None:
    """Make the tables, or change those of an older version; several processes may try at once.

    Raises
    ------
    LibraryError
        If the database was made by a newer version of the program.
    """
    with engine.connect() as connection:
        if _revision(connection) == HEAD:  # nearly always: alembic alone takes long to import
            return
    with engine.connect() as connection:
        connection = connection.execution_options(studio_writes=True)
        with connection.begin():
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            if _revision(connection) != HEAD:
                upgrade(connection, HEAD)


def upgrade(connection: Connection, revision: str) -> None:
    """Take the database of an open transaction up to ``revision``.

    Raises
    ------
    LibraryError
        If its own revision is not among those that this program knows.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    found = _revision(connection)
    if found is not None and found not in known:
        raise LibraryError(
            f"The library's database was made by a newer version of this program (schema {found}, "
            f"this one knows up to {HEAD}). Update the program; nothing was changed."
        )
    command.upgrade(config, revision)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def now() -> str:
    """Give the time in UTC, ISO 8601 with seconds; SOURCE_DATE_EPOCH stops the clock (reproducible-builds.org)."""
    fixed = os.environ.get("SOURCE_DATE_EPOCH")
    moment = datetime.now(UTC) if fixed is None else datetime.fromtimestamp(int(fixed), UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def chunks(items: Iterable[T]) -> Iterator[list[T]]:
    """Cut items into lists of at most `CHUNK`."""
    rest = iter(items)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk


def rows_among(
    connection: Connection, query: Select[Any], column: Column[Any], values: Iterable[Any]
) -> Iterator[Any]:
    """Yield the rows of a query whose column holds one of ``values``, however many these are."""
    for chunk in chunks(values):
        yield from connection.execute(query.where(column.in_(chunk)))


def last_write(connection: Connection) -> int:
    """Read the number of the last write."""
    return connection.execute(select(meta.c.value).where(meta.c.name == CHANGES)).scalar_one()


class Write:
    """One open write transaction.

    Attributes
    ----------
    connection
        Where its statements go.
    count
        Number of this write; it is put into the column ``changed`` of every row it touches.
    """

    def __init__(self, connection: Connection, count: int) -> None:
        self.connection = connection
        self.count = count

    def insert(self, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
        """Insert rows; ``changed`` is filled in."""
        for some in self._stamped(table, rows):
            self.connection.execute(insert(table), some)

    def upsert(self, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
        """Insert rows, or put them over those with the same primary key; all name the same columns."""
        dialect = sqlite if self.connection.dialect.name == "sqlite" else postgresql
        keys = [column.name for column in table.primary_key]
        for some in self._stamped(table, rows):
            statement = dialect.insert(table)
            others = {name: statement.excluded[name] for name in some[0] if name not in keys}
            self.connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=others), some)

    def _stamped(self, table: Table, rows: Iterable[Mapping[str, Any]]) -> Iterator[list[dict[str, Any]]]:
        stamp = {"changed": self.count} if "changed" in table.c else {}
        for some in chunks(rows):
            yield [{**row, **stamp} for row in some]


class Database:
    """Open, migrate and guard one database.

    Parameters
    ----------
    address
        SQLAlchemy URL of an SQLite file or of PostgreSQL.
    busy_timeout_s
        How long a write waits for another one.

    Raises
    ------
    LibraryError
        If it cannot be reached or opened, or was made by a newer version of the program.
    """

    def __init__(self, address: str, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        self.url = _understand(address)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._engine = self._connect(busy_timeout_s)
        try:
            with _explained(self.url):
                migrate(self._engine)
        except BaseException:
            self._engine.dispose()
            raise

    def close(self) -> None:
        """Close its connections."""
        self._engine.dispose()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that sees one state of the database throughout.

        Raises
        ------
        LibraryError
            If the database fails.
        """
        with _explained(self.url), self._engine.connect() as connection:
            if not self.is_sqlite:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def write(self) -> Iterator[Write]:
        """Open a transaction that alone may write, committed at the end and undone by an error.

        Raises
        ------
        LibraryError
            If the database fails; nothing of the transaction is saved then.
        """
        with _explained(self.url), self._engine.connect() as connection:
            connection = connection.execution_options(studio_writes=True)
            with connection.begin():
                count = connection.execute(
                    update(meta)
                    .where(meta.c.name == CHANGES)
                    .values(value=meta.c.value + 1)
                    .returning(meta.c.value)
                ).scalar_one()
                yield Write(connection, count)

    def scrub(self) -> None:
        """Let nothing of what was deleted linger in SQLite's write-ahead log."""
        if self.is_sqlite:
            with _explained(self.url), closing(self._engine.raw_connection()) as connection:
                connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def count(self) -> int:
        """Read the number of the last write."""
        with self.read() as connection:
            return last_write(connection)

    def _connect(self, busy_timeout_s: float) -> Engine:
        if self.is_sqlite:
            assert self.url.database is not None
            try:
                Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise LibraryError(
                    f"The library's folder {Path(self.url.database).parent} cannot be made: {error.strerror}."
                ) from error
            engine = create_engine(self.url, connect_args={"timeout": busy_timeout_s}, pool_size=8)
            event.listen(engine, "connect", _prepare_sqlite(busy_timeout_s))
            event.listen(engine, "begin", _begin_sqlite)
            return engine
        timeout_ms = int(1000 * busy_timeout_s)
        return create_engine(
            self.url,
            pool_pre_ping=True,
            connect_args={"connect_timeout": 10, "options": f"-c lock_timeout={timeout_ms}"},
        )


def _understand(address: str) -> URL:
    try:
        url = make_url(address)
        backend = url.get_backend_name()
    except ArgumentError as error:
        raise LibraryError(
            "STUDIO_DATABASE is no database address. Write one like postgresql://user@host/name."
        ) from error
    if backend == "sqlite":
        if not url.database or url.database == ":memory:":
            raise LibraryError("The library needs an SQLite file, such as sqlite:////data/library.sqlite.")
        return url
    if backend in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    raise LibraryError(f"The library knows sqlite:// and postgresql:// databases, got {backend}://.")


def _prepare_sqlite(busy_timeout_s: float) -> Callable[[Any, Any], None]:
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {int(1000 * busy_timeout_s)}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")  # a decision outlives a power cut
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA secure_delete = ON")  # what is deleted for good is overwritten
        cursor.close()

    return prepare


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("studio_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _explained(url: URL) -> Iterator[None]:
    """Turn the driver's errors into a sentence; a violated constraint stays what it is: a defect."""
    try:
        yield
    except IntegrityError:
        raise
    except PoolTimeout as error:
        raise LibraryError("Too many people use the library at this moment. Try again.") from error
    except DBAPIError as error:
        said = str(error.orig).lower()
        sentence = next((text for key, text in _REASONS if key in said), None)
        if sentence is None:
            raise
        where = url.database if url.get_backend_name() == "sqlite" else url.render_as_string()
        raise LibraryError(f"{sentence} ({where}) Nothing of this action was saved.") from error
