# ruff: noqa: F811 - fixtures of another folder
"""A backup is what a studio kept at one moment, and a restore gives all of it back or changes nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.config import ROOT
from core.processes import jobs
from core.processes.lock import hold
from curation.library.library import Library
from dashboard import backup
from dashboard import restore as restoring
from dashboard.backup import BackupError, create
from dashboard.restore import UNFINISHED, refuse_if_half_restored, restore
from dashboard.shared.audit import AUDIT_FILE
from tests.curation.library.conftest import (  # noqa: F401 - fixtures
    _make_database,
    address,
    postgres_server,
    postgres_template,
    sqlite_template,
)
from tests.curation.library.samples import fill, original

PATIENCE_S = 120.0
LARGE = 200_000_000  # a hole in a file: enough for a kill to fall into


@pytest.fixture
def data(tmp_path: Path, address: str) -> Path:
    """A data folder with a library, a run, a model, a comparison, and what no backup takes."""
    with Library.open(tmp_path / "library", address) as library:
        ids = fill(library, 5)
        library.decide(ids, "keep", reviewer="Ann", token="first")
        library.delete_for_good(ids[4:], who="Ann", why="asked to")
        library.freeze("v1", who="Ann")
    for name in ("runs/tiny/losses.jsonl", "models/mine.safetensors", "comparisons/20260101-000000-abcdef/result.json",
                 "library/exports/v1/manifest.jsonl", "models/.drafts/x.upload", "comparisons/.cache/features",
                 "assets/face_landmarker.task", "library/jobs/spool-1/a.jpg"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / AUDIT_FILE).write_text('\n{"who": "Ann"}')
    return tmp_path


@pytest.fixture
def elsewhere(address: str, tmp_path_factory: pytest.TempPathFactory, request) -> Iterator[tuple[Path, str]]:
    """An empty data folder and database of the same kind."""
    folder = tmp_path_factory.mktemp("elsewhere")
    if address.startswith("sqlite"):
        yield folder, ""
        return
    for found in _make_database(request.getfixturevalue("postgres_server"), "template1"):
        yield folder, found


def rows(data: Path, address: str = "") -> dict[str, list[bytes]]:
    address = address or f"sqlite:///{data / 'library' / 'library.sqlite'}"
    with Library.open(data / "library", address) as library, library.snapshot() as snapshot:
        return {name: list(lines) for name, lines in snapshot.tables()}


def files(data: Path) -> dict[str, bytes]:
    found = {}
    for path in data.rglob("*"):
        name = path.relative_to(data).as_posix()
        if path.is_file() and "library.sqlite" not in name:
            found[name] = path.read_bytes()
    return found


NOT_KEPT = {
    "models/.drafts/x.upload", "comparisons/.cache/features", "assets/face_landmarker.task",
    "library/jobs/spool-1/a.jpg",
}  # fmt: skip


def test_what_was_backed_up_is_restored_elsewhere(
    data: Path,
    address: str,
    elsewhere: tuple[Path, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    file = tmp_path_factory.mktemp("backup") / "studio.zip"
    made = create(file, data=data, address=address)
    folder, database = elsewhere
    done = restore(file, data=folder, address=database)
    assert (made.images, done.images, done.files) == (4, 4, made.files)
    assert rows(folder, database) == rows(data, address)
    assert files(folder) == {name: content for name, content in files(data).items() if name not in NOT_KEPT}
    with Library.open(folder / "library", database or None) as library:  # numbers and undo go on
        (new,) = fill(library, 1, start=99)
        library.decide([new], "reject", reviewer="Ann", token="second")
        assert library.add(original(4), library.provenance(new)[0]) == "deleted"
    (numbers,) = [json.loads(line)[0] for line in rows(folder, database)["images"][-1:]]
    assert numbers == 6  # 5 was the deleted image's


def test_sqlite_and_postgresql_take_each_others_backups(
    data: Path,
    address: str,
    request,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    file, folder = tmp_path_factory.mktemp("backup") / "studio.zip", tmp_path_factory.mktemp("elsewhere")
    create(file, data=data, address=address)
    others = [""]
    if address.startswith("sqlite"):
        others = list(
            _keep_open(request, _make_database(request.getfixturevalue("postgres_server"), "template1"))
        )
    restore(file, data=folder, address=others[0])
    assert rows(folder, others[0]) == rows(data, address)


def _keep_open(request, made: Iterator[str]) -> Iterator[str]:
    yield next(made)
    request.addfinalizer(lambda: next(made, None))


def test_decisions_of_others_meanwhile_are_in_it_up_to_one_moment(
    data: Path,
    address: str,
    elsewhere: tuple[Path, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    file = tmp_path_factory.mktemp("backup") / "studio.zip"
    stop, written = threading.Event(), 0

    def write() -> None:
        nonlocal written
        with Library.open(data / "library", address) as library:
            ids = list(library.table().index)
            while not stop.is_set():
                library.decide(
                    ids[written % 3 :][:1],
                    ["keep", "reject"][written % 2],
                    reviewer="Bo",
                    token=f"w{written}",
                )
                written += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while written < 3:
            time.sleep(0.01)
        before = written
        create(file, data=data, address=address)
    finally:
        stop.set()
        writer.join()
    restore(file, data=elsewhere[0], address=elsewhere[1])
    source, found = rows(data, address), rows(*elsewhere)
    for table in ("actions", "decisions"):
        assert found[table] == source[table][: len(found[table])]
    assert before <= sum(b'"Bo"' in line for line in found["actions"]) < written + 1


def test_what_is_deleted_for_good_while_a_backup_is_made_stays_deleted(
    data: Path,
    address: str,
    elsewhere: tuple[Path, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    file = tmp_path_factory.mktemp("backup") / "studio.zip"
    with Library.open(data / "library", address) as library:
        doomed = str(library.table().index[0])

        def delete(done: int, _total: int) -> None:
            if done == 1:
                library.delete_for_good([doomed], who="Cy", why="asked to")

        create(file, data=data, address=address, progress=delete)
    restore(file, data=elsewhere[0], address=elsewhere[1])
    assert not any(doomed in name for name in files(elsewhere[0]))
    assert not any(doomed.encode() in line for line in rows(*elsewhere)["images"])
    assert any(doomed.encode() in line and b"Cy" in line for line in rows(*elsewhere)["tombstones"])


# From here on the database is a file.
@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A data folder with a library of two images."""
    with Library.open(
        tmp_path / "data" / "library", f"sqlite:///{tmp_path}/data/library/library.sqlite"
    ) as library:
        fill(library, 2)
    (tmp_path / "data" / "runs" / "tiny").mkdir(parents=True)
    (tmp_path / "data" / "runs" / "tiny" / "losses.jsonl").write_text("{}\n")
    return tmp_path / "data"


@pytest.fixture
def made(small: Path, tmp_path: Path) -> Path:
    """A backup of it."""
    create(tmp_path / "studio.zip", data=small)
    return tmp_path / "studio.zip"


def command(data: Path, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "dashboard.backup", *map(str, arguments)], cwd=ROOT, text=True,
        env=os.environ | {"STUDIO_DATA": str(data)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def kill_once(process: subprocess.Popen[str], is_time: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_time():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.002)
    process.kill()
    process.communicate()


def test_a_kill_leaves_no_half_backup_and_no_half_restore(small: Path, tmp_path: Path) -> None:
    with (small / "runs" / "tiny" / "model.safetensors").open("wb") as hole:
        hole.truncate(LARGE)
    (tmp_path / "backups").mkdir()
    file, target = tmp_path / "backups" / "studio.zip", tmp_path / "target"
    kill_once(
        command(small, "create", file),
        lambda: any(path.stat().st_size > 1_000_000 for path in file.parent.iterdir()),
    )
    assert not file.exists()
    process = command(small, "create", file)
    assert process.communicate()[0].startswith("Backed up 2 images") and process.returncode == 0
    assert list(file.parent.iterdir()) == [file]  # what the killed one left is gone
    kill_once(
        command(target, "restore", file), lambda: any(target.glob(".restored.*/runs/tiny/model.safetensors"))
    )
    assert [path.name for path in target.iterdir() if not path.name.startswith(".")] == []
    process = command(target, "restore", file)
    assert process.communicate()[0].startswith("Restored 2 images") and process.returncode == 0
    assert rows(target) == rows(small)
    assert sorted(path.name for path in target.iterdir()) == ["library", "runs"]


def test_a_restore_cut_short_between_its_moves_is_not_served_and_goes_on(
    made: Path, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "target"
    shutil.copytree(small, target)
    moves, replace = [], os.replace

    def cut(source, place) -> None:
        moves.append(place)
        if len(moves) == 4:
            raise KeyboardInterrupt
        replace(source, place)

    monkeypatch.setattr(restoring.os, "replace", cut)
    with pytest.raises(KeyboardInterrupt):
        restore(made, data=target, replace=True)
    monkeypatch.undo()
    with pytest.raises(SystemExit, match=rf"cut short.*restore {made}"):
        refuse_if_half_restored(target)
    restore(made, data=target)
    refuse_if_half_restored(target)
    assert rows(target) == rows(small)
    assert not (target / UNFINISHED).exists()


def test_a_folder_that_holds_something_is_replaced_only_when_told_and_put_aside(
    made: Path, small: Path
) -> None:
    (small / "runs" / "tiny" / "losses.jsonl").write_text("later\n")
    with pytest.raises(BackupError, match=r"not empty.*losses.jsonl.*--replace"):
        restore(made, data=small)
    assert (small / "runs" / "tiny" / "losses.jsonl").read_text() == "later\n"
    restore(made, data=small, replace=True)
    assert (small / "runs" / "tiny" / "losses.jsonl").read_text() == "{}\n"
    (aside,) = small.glob(f"{restoring.REPLACED}*")
    assert (aside / "runs" / "tiny" / "losses.jsonl").read_text() == "later\n"


def test_an_older_backup_does_not_bring_back_what_was_deleted_for_good_since(made: Path, small: Path) -> None:
    with Library.open(small / "library", f"sqlite:///{small}/library/library.sqlite") as library:
        doomed = str(library.table().index[0])
        library.delete_for_good([doomed], who="Cy", why="asked to")
    restore(made, data=small, replace=True)
    assert not any(doomed in name for name in files(small) if not name.startswith("."))
    assert len(rows(small)["images"]) == 2  # the columns and one image


def test_nothing_is_restored_where_a_studio_runs(made: Path, small: Path) -> None:
    (small / ".uploads" / "x").mkdir(parents=True)
    with hold(small / ".uploads" / "x" / "lock", "held"), pytest.raises(BackupError, match="A studio runs"):
        restore(made, data=small, replace=True)
    with hold(small / "runs" / "tiny" / "lock", "held"), pytest.raises(BackupError, match="tiny still runs"):
        restore(made, data=small, replace=True)


def test_a_job_that_ran_when_it_was_backed_up_is_nobodys_process_after(small: Path, tmp_path: Path) -> None:
    folder = small / "runs" / "tiny" / "attempts"
    folder.mkdir()
    own = {"kind": "autoencoder", "arguments": [], "started": "2026-01-01T00:00:00Z",
           "identity": jobs.identify(os.getpid())}  # fmt: skip
    jobs.write_record(folder / "20260101-000000-000000-abcdef.json", own)
    assert jobs.jobs(folder)[0].state == "running"
    create(tmp_path / "studio.zip", data=small)
    restore(tmp_path / "studio.zip", data=tmp_path / "target")
    assert jobs.jobs(tmp_path / "target" / "runs" / "tiny" / "attempts")[0].state == "interrupted"


def rewrite(file: Path, change: Callable[[dict[str, bytes]], None], *, with_sums: bool = True) -> None:
    """Pack a backup anew with other content, and sums that fit unless told otherwise."""
    with zipfile.ZipFile(file) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    head = json.loads(found.pop(backup.HEAD))
    sums = found.pop(backup.SUMS)
    change(found)
    with zipfile.ZipFile(file, "w") as archive:
        writer = backup.Writer(archive)
        for name, content in found.items():
            if with_sums:
                writer.add(name, [content], zipfile.ZIP_STORED)
            else:
                archive.writestr(name, content)
        if with_sums:
            writer.finish(head)
        else:
            archive.writestr(backup.SUMS, sums)
            archive.writestr(backup.HEAD, json.dumps(head))


@pytest.mark.parametrize(
    "name",
    ["../outside", "runs/../../outside", "/etc/cron.d/x", "runs/tiny/../../../x", "dashboard/app.py", "runs/.turn/x",
     "library/library.sqlite", "library/originals/ab/../../x", "library/jobs/x.json", "restore-unfinished.json",
     "tables/../x.jsonl", "roles.yaml"],
)  # fmt: skip
def test_a_strangers_archive_writes_nowhere_else(made: Path, tmp_path: Path, name: str) -> None:
    rewrite(made, lambda found: found.update({name: b"evil"}))
    with pytest.raises(BackupError):
        restore(made, data=tmp_path / "target")
    assert files(tmp_path / "target") == {} if (tmp_path / "target").exists() else True
    assert not (tmp_path / "outside").exists()


def _flip(found: dict[str, bytes]) -> None:
    found["runs/tiny/losses.jsonl"] = b"[]\n"


def _bad_row(found: dict[str, bytes]) -> None:
    found["tables/images.jsonl"] += b'["x"]\n'


def _drop(found: dict[str, bytes]) -> None:
    del found["runs/tiny/losses.jsonl"]


@pytest.mark.parametrize(
    ("change", "with_sums", "says"),
    [
        (_flip, False, "checksum differs"),
        (_drop, False, "changed"),
        (_bad_row, True, "table images is damaged"),
    ],
)
def test_what_is_not_what_was_backed_up_is_refused(
    made: Path, tmp_path: Path, change: Callable[[dict[str, bytes]], None], with_sums: bool, says: str
) -> None:
    rewrite(made, change, with_sums=with_sums)
    with pytest.raises((BackupError, restoring.LibraryError), match=says):
        restore(made, data=tmp_path / "target")
    assert not list((tmp_path / "target").glob("*"))


def test_a_cut_file_and_a_zip_of_something_else_are_refused_in_one_line(made: Path, tmp_path: Path) -> None:
    made.write_bytes(made.read_bytes()[:-100])
    process = command(tmp_path / "target", "restore", made)
    said = process.communicate()[1].strip()
    assert process.returncode == 1 and said.startswith("This is no backup") and "\n" not in said
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("photo.jpg", b"x")
    with pytest.raises(BackupError, match="no backup of a studio"):
        restore(made, data=tmp_path / "target")
