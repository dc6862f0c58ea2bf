"""Where the disk or the database fails, a sentence says so, and nothing that was saved is lost."""

from __future__ import annotations

import os
import pwd
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from curation.library.library import Library
from curation.library.records import LibraryError, Provenance
from tests.curation.library.samples import fill, original, states

SOMEWHERE = Provenance("folder:heap", "a.jpg")


@pytest.fixture
def on_disk(tmp_path: Path) -> Iterator[Library]:
    """A library in a folder that everybody may write."""
    tmp_path.chmod(0o777)
    for folder in tmp_path.parents:
        if folder.stat().st_uid == os.getuid() and folder != Path("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o055)
    with Library.open(tmp_path / "library", f"sqlite:///{tmp_path / 'library' / 'l.sqlite'}") as library:
        yield library


@contextmanager
def _unprivileged() -> Iterator[None]:
    """Root writes into read-only folders, too: be somebody else for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(pwd.getpwnam("nobody").pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)


@contextmanager
def _read_only(folder: Path) -> Iterator[None]:
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        with _unprivileged():
            yield
    finally:
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o777 if path.is_dir() else 0o666)


@contextmanager
def _full_disk(free: int) -> Iterator[None]:
    """No file may grow beyond ``free`` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (free, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_library_cannot_be_made_in_a_read_only_folder(on_disk: Library, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with _read_only(tmp_path / "other"), pytest.raises(LibraryError, match=r"cannot be (made|opened)"):
        Library.open(tmp_path / "other" / "deep", f"sqlite:///{tmp_path / 'other' / 'deep' / 'l.sqlite'}")
    assert list((tmp_path / "other").iterdir()) == []


def test_an_original_is_not_half_kept_in_a_read_only_folder(on_disk: Library) -> None:
    (on_disk.root / "originals").mkdir()
    with _read_only(on_disk.root / "originals"), pytest.raises(LibraryError, match=r"cannot be kept"):
        on_disk.add(original(1), SOMEWHERE)
    assert len(on_disk.table()) == 0
    assert on_disk.add(original(1), SOMEWHERE) == "new"


def test_a_read_only_database_says_so_and_keeps_its_decisions(on_disk: Library) -> None:
    ids = fill(on_disk, 2)
    on_disk.decide(ids[:1], "reject", reviewer="ann")
    on_disk.close()
    with _read_only(on_disk.root), pytest.raises(LibraryError, match=r"read-only"):
        on_disk.decide(ids[1:], "reject", reviewer="ann")
    assert states(on_disk, ids) == ["reject", "keep"]
    on_disk.decide(ids[1:], "reject", reviewer="ann")
    assert states(on_disk, ids) == ["reject", "reject"]


def test_a_full_disk_keeps_no_part_of_an_original(on_disk: Library) -> None:
    fill(on_disk, 1)
    with _full_disk(3), pytest.raises(LibraryError, match=r"cannot be kept.*Nothing of it was saved"):
        on_disk.add(original(5), SOMEWHERE)
    assert not any(original(5).id in path.name for path in on_disk.root.rglob("*"))
    assert len(on_disk.table()) == 1
    assert on_disk.add(original(5), SOMEWHERE) == "new"


def test_a_full_disk_under_the_database_loses_nothing_that_was_saved(on_disk: Library) -> None:
    ids = fill(on_disk, 2)
    on_disk.decide(ids[:1], "reject", reviewer="ann")
    log = on_disk.root / "l.sqlite-wal"
    with _full_disk(log.stat().st_size), pytest.raises(LibraryError, match=r"disk.*full.*Nothing of this"):
        on_disk.decide(ids[1:], "reject", reviewer="ann")
    assert states(on_disk, ids) == ["reject", "keep"]
    on_disk.decide(ids[1:], "unsure", reviewer="ann")
    assert states(on_disk, ids) == ["reject", "unsure"]


def test_a_database_that_may_not_grow_is_full(on_disk: Library) -> None:
    ids = fill(on_disk, 2)
    connection = on_disk._database._engine.raw_connection()
    connection.cursor().execute("PRAGMA max_page_count = 1")  # as small as it is now
    connection.close()
    with pytest.raises(LibraryError, match="full"):
        on_disk.note_source_files("folder:a", {f"{'x' * 500}{number}": "mark" for number in range(2000)})
    assert on_disk.known_sources("folder:a") == {}
    assert states(on_disk, ids) == ["keep", "keep"]


def test_a_library_whose_folder_vanished_says_so(on_disk: Library) -> None:
    fill(on_disk, 1)
    on_disk.close()
    on_disk.root.rename(on_disk.root.with_name("moved"))
    with pytest.raises(LibraryError, match=r"cannot be opened"):
        on_disk.table()
    on_disk.root.with_name("moved").rename(on_disk.root)
    assert len(on_disk.table()) == 1


def test_a_postgres_that_dropped_its_connections_is_reached_again(postgres_url: str, tmp_path: Path) -> None:
    with Library.open(tmp_path / "library", postgres_url) as library:
        ids = fill(library, 1)
        with psycopg.connect(postgres_url, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        library.decide(ids, "reject", reviewer="ann")
        assert states(library, ids) == ["reject"]


def test_a_postgres_row_that_another_holds_says_so_and_loses_nothing(
    postgres_url: str, tmp_path: Path
) -> None:
    with Library.open(tmp_path / "library", postgres_url, busy_timeout_s=0.2) as library:
        ids = fill(library, 1)
        with psycopg.connect(postgres_url) as other:
            other.execute("UPDATE meta SET value = value")
            with pytest.raises(LibraryError, match=r"Another process holds.*Nothing"):
                library.decide(ids, "reject", reviewer="ann")
            assert states(library, ids) == ["keep"]
        library.decide(ids, "reject", reviewer="ann")
        assert states(library, ids) == ["reject"]


def test_a_failed_refresh_is_made_good_by_the_next(
    library: Library, open_library: Callable[[], Library], monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = fill(library, 2)
    library.table()
    library.decide(ids, "reject", reviewer="ann")
    with monkeypatch.context() as patch:
        patch.setattr(library._cache, "_enter", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            library.table()
    assert states(library, ids) == ["reject", "reject"]
