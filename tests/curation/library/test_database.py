"""The schema: made, migrated, refused; one state for readers, one writer at a time."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text

from curation.library.database import SCRIPTS, Database, upgrade
from curation.library.library import Library
from curation.library.records import LibraryError
from curation.library.schema import HEAD, metadata
from tests.curation.library.samples import fill


def _revisions() -> list[str]:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    return [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()][::-1]


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of a database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'bare.sqlite'}"
    return str(request.getfixturevalue("postgres_url"))


def _connect(address: str) -> Iterator[Connection]:
    engine = create_engine(address.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def _differences(address: str) -> list[object]:
    (found,) = (compare_metadata(MigrationContext.configure(c), metadata) for c in _connect(address))
    return found


def test_the_newest_migration_is_the_schema_of_the_code() -> None:
    assert _revisions()[-1] == HEAD


@pytest.mark.parametrize("revision", _revisions())
def test_a_database_of_any_age_ends_in_the_schema_of_the_code(bare_address: str, revision: str) -> None:
    for connection in _connect(bare_address):
        upgrade(connection, revision)
    Database(bare_address).close()
    assert _differences(bare_address) == []


def test_an_old_library_keeps_what_it_holds(bare_address: str) -> None:
    for connection in _connect(bare_address):
        upgrade(connection, "0001")
        connection.execute(
            text(
                "INSERT INTO images (id, pixel_hash, format, width, height, bytes, added_at, changed) "
                "VALUES (:id, :id, 'PNG', 1, 2, 3, '2020-01-01T00:00:00Z', 0)"
            ),
            {"id": "a" * 64},
        )
    with closing(Database(bare_address)) as database, database.read() as connection:
        assert connection.execute(text("SELECT id, height FROM images")).all() == [("a" * 64, 2)]


def test_a_database_of_a_newer_program_is_refused_and_left_alone(bare_address: str) -> None:
    Database(bare_address).close()
    for connection in _connect(bare_address):
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(LibraryError, match=r"newer version.*9999.*Update the program"):
        Database(bare_address)
    for connection in _connect(bare_address):
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "9999"


def test_several_open_a_fresh_library_at_once(bare_address: str, tmp_path: Path) -> None:
    errors: list[BaseException] = []

    def open_it() -> None:
        try:
            Library.open(tmp_path / "library", bare_address).close()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert _differences(bare_address) == []


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("no address", "no database address"),
        ("sqlite://", "needs an SQLite file"),
        ("sqlite:///:memory:", "needs an SQLite file"),
        ("mysql://host/db", "knows sqlite:// and postgresql://"),
        ("postgresql://studio@/db?host=/nowhere", "cannot be reached"),
    ],
)
def test_an_address_that_cannot_be_is_refused_with_a_sentence(address: str, message: str) -> None:
    with pytest.raises(LibraryError, match=message):
        Database(address)


def test_a_password_is_not_in_the_message() -> None:
    with pytest.raises(LibraryError) as error:
        Database("postgresql://studio:pa55word@localhost:1/db?connect_timeout=2")
    assert "pa55word" not in str(error.value)


def test_the_database_is_where_the_setting_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STUDIO_DATABASE", f"sqlite:///{tmp_path / 'elsewhere.sqlite'}")
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path / "data"))
    with Library.open() as library:
        assert library.root == (tmp_path / "data" / "library").resolve()
    assert (tmp_path / "elsewhere.sqlite").exists()
    assert not (tmp_path / "data" / "library" / "library.sqlite").exists()


def test_without_it_the_database_lies_in_the_librarys_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("STUDIO_DATABASE", raising=False)
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path))
    with Library.open():
        assert (tmp_path / "library" / "library.sqlite").is_file()


def test_a_write_that_fails_half_way_leaves_nothing(library: Library) -> None:
    fill(library, 1)
    before = library.revision()

    def break_off() -> None:
        with library._database.write() as write:
            write.connection.execute(text("DELETE FROM verdicts"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert library.revision() == before
    assert library.table()["verdict"].tolist() == ["keep"]


def test_a_reader_sees_one_state_while_another_writes(library: Library) -> None:
    ids = fill(library, 1)
    query = text("SELECT count(*) FROM decisions")
    with library._database.read() as connection:
        assert connection.execute(query).scalar() == 0
        library.decide(ids, "keep", reviewer="ann")
        assert connection.execute(query).scalar() == 0
    with library._database.read() as connection:
        assert connection.execute(query).scalar() == 1


def test_sqlite_is_set_up_to_lose_nothing(tmp_path: Path) -> None:
    with Library.open(tmp_path, f"sqlite:///{tmp_path / 'l.sqlite'}") as library:
        with library._database.read() as connection:
            settings = {
                name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
            }
            busy = connection.exec_driver_sql("PRAGMA busy_timeout").scalar()
        assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1}
        assert busy is not None
        assert busy >= 5000


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "l.sqlite").write_bytes(b"certainly not a database" * 100)
    with pytest.raises(LibraryError, match="no SQLite file"):
        Database(f"sqlite:///{tmp_path / 'l.sqlite'}")


def test_a_database_that_another_process_locks_says_so_and_loses_nothing(tmp_path: Path) -> None:
    file = tmp_path / "l.sqlite"
    with Library.open(tmp_path, f"sqlite:///{file}", busy_timeout_s=0.2) as library:
        ids = fill(library, 1)
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(LibraryError, match=r"Another process holds.*Try again.*Nothing"):
                library.decide(ids, "reject", reviewer="ann")
            assert library.table()["state"].tolist() == ["keep"]  # reading goes on
            other.execute("ROLLBACK")
        library.decide(ids, "reject", reviewer="ann")
        assert library.table()["state"].tolist() == ["reject"]
