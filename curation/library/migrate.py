"""Bring a database to the schema of this version of the program."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from curation.library.errors import LibraryError
from curation.library.schema import HEAD

SCRIPTS = Path(__file__).parent / "migrations"
_LOCK = 0x5354_5544_494F  # any number that nobody else locks


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
