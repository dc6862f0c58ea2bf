"""A library on SQLite and on PostgreSQL; the latter is a cluster of the tests' own, gone afterwards."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from curation.library.library import Library
from tests.conftest import skip_or_fail

_names = itertools.count()


def _find_programs() -> Path | None:
    """Folder of initdb and postgres, of the newest version that Debian has installed, or on the path."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    if folders:
        return folders[-1]
    initdb = shutil.which("initdb")
    return Path(initdb).resolve().parent if initdb else None


def _unprivileged() -> dict[str, object]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("postgres" if "postgres" in {entry.pw_name for entry in pwd.getpwall()} else "nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Address of a running PostgreSQL, without the database's name."""
    programs = _find_programs()
    if programs is None:
        skip_or_fail("PostgreSQL is not installed; on Debian: apt-get install postgresql")
    assert programs is not None
    identity = _unprivileged()
    # Not below pytest's own folder, which nobody else may enter; and a socket's path must be short.
    with tempfile.TemporaryDirectory(prefix="studio-pg-", dir="/tmp") as name:
        folder = Path(name)
        if "user" in identity:
            os.chown(folder, int(str(identity["user"])), int(str(identity["group"])))
        data = folder / "data"

        def call(program: str, *arguments: str) -> None:
            done = subprocess.run(
                [programs / program, *arguments],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                timeout=120,
                env={**os.environ, "LC_ALL": "C.UTF-8"},
                **identity,  # type: ignore[call-overload]
            )
            assert done.returncode == 0, done.stdout

        call("initdb", "--pgdata", str(data), "--auth", "trust", "--username", "studio", "--no-sync")
        options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
        call("pg_ctl", "-D", str(data), "-o", options, "-l", str(folder / "log"), "-w", "start")
        try:
            yield f"postgresql://studio@/{{database}}?host={folder}"
        finally:
            call("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Name of a database with an empty library: a copy of it is quicker than the migrations."""
    _execute(postgres_server, "CREATE DATABASE empty_library")
    address = postgres_server.format(database="empty_library")
    Library.open(tmp_path_factory.mktemp("template"), address).close()
    return "empty_library"


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """A database without any table."""
    yield from _make_database(postgres_server, "template1")


def _make_database(server: str, template: str) -> Iterator[str]:
    name = f"studio_{next(_names)}"
    _execute(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield server.format(database=name)
    _execute(server, f"DROP DATABASE {name} WITH (FORCE)")


def _execute(server: str, statement: str) -> None:
    with psycopg.connect(server.format(database="postgres"), autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[call-overload]


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """File of an empty library."""
    folder = tmp_path_factory.mktemp("template")
    Library.open(folder, f"sqlite:///{folder / 'library.sqlite'}").close()
    return folder / "library.sqlite"


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of the database of an empty library."""
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres_server")
        yield from _make_database(server, request.getfixturevalue("postgres_template"))
        return
    file = tmp_path / "library" / "library.sqlite"
    file.parent.mkdir()
    shutil.copy(request.getfixturevalue("sqlite_template"), file)
    yield f"sqlite:///{file}"


@pytest.fixture
def open_library(address: str, tmp_path: Path) -> Iterator[Callable[[], Library]]:
    """Opens the test's library, as often as one likes."""
    opened: list[Library] = []

    def open_one() -> Library:
        opened.append(Library.open(tmp_path / "library", address))
        return opened[-1]

    yield open_one
    for library in opened:
        library.close()


@pytest.fixture
def library(open_library: Callable[[], Library]) -> Library:
    """An empty library."""
    return open_library()
