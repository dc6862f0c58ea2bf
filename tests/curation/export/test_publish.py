"""A folder takes its place at once, whatever happens."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from curation.export import publish
from curation.export.publish import VERSION_FILE, ExportError, new_folder
from tests.conftest import ROOT


def fill(out: Path, text: str, files: int = 3) -> None:
    with new_folder(out) as folder:
        (folder / VERSION_FILE).write_text(text)
        for number in range(files):
            (folder / f"{number}.txt").write_text(text)


def content(out: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in out.iterdir()}


def left_overs(out: Path) -> list[str]:
    return [path.name for path in out.parent.iterdir() if path != out]


def test_a_new_folder_appears_whole(tmp_path):
    out = tmp_path / "deep" / "out"
    fill(out, "a")
    assert set(content(out).values()) == {"a"}
    assert left_overs(out) == []
    assert out.stat().st_mode & 0o777 == 0o755


def test_an_earlier_export_is_replaced_as_a_whole(tmp_path):
    fill(tmp_path / "out", "a", files=9)
    fill(tmp_path / "out", "b", files=2)
    assert content(tmp_path / "out") == {VERSION_FILE: "b", "0.txt": "b", "1.txt": "b"}
    assert left_overs(tmp_path / "out") == []


def test_it_works_where_folders_cannot_change_places_in_one_step(tmp_path, monkeypatch):
    monkeypatch.setattr(publish, "_exchange", lambda first, second: False)
    fill(tmp_path / "out", "a")
    fill(tmp_path / "out", "b")
    assert set(content(tmp_path / "out").values()) == {"b"}
    assert left_overs(tmp_path / "out") == []


def test_an_exchange_in_two_steps_that_was_cut_short_is_undone(tmp_path):
    out = tmp_path / "out"
    fill(out, "a")
    out.rename(tmp_path / ".out.old")
    with pytest.raises(RuntimeError), new_folder(out):
        raise RuntimeError("stop")
    assert set(content(out).values()) == {"a"}


def test_an_error_leaves_the_old_export_and_nothing_else(tmp_path):
    fill(tmp_path / "out", "a")
    with pytest.raises(RuntimeError), new_folder(tmp_path / "out") as folder:
        (folder / "half.txt").write_text("b")
        raise RuntimeError("stop")
    assert set(content(tmp_path / "out").values()) == {"a"}
    assert left_overs(tmp_path / "out") == []


def test_a_folder_with_other_files_is_refused_and_untouched(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ExportError, match=r"other files.*--out"), new_folder(tmp_path):
        pass
    assert content(tmp_path) == {"thesis.txt": "years of work"}


def test_an_empty_folder_is_taken(tmp_path):
    (tmp_path / "out").mkdir()
    fill(tmp_path / "out", "a")
    assert set(content(tmp_path / "out").values()) == {"a"}


def test_a_file_or_link_in_its_place_is_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("file", "link"):
        with pytest.raises(ExportError, match="a file or a link"), new_folder(tmp_path / name):
            pass


@pytest.mark.parametrize(("number", "words"), [
    (errno.ENOSPC, "The disk is full.*Free some space"),
    (errno.EROFS, "cannot be written to.*Choose another --out"),
    (errno.EACCES, "cannot be written to.*Choose another --out"),
    (errno.EIO, "The export stopped.*Try again"),
])  # fmt: skip
def test_what_the_disk_refuses_is_said_with_the_way_out(tmp_path, number, words):
    fill(tmp_path / "out", "a")
    with pytest.raises(ExportError, match=words) as caught, new_folder(tmp_path / "out"):
        raise OSError(number, os.strerror(number), str(tmp_path / "out" / "x.png"))
    assert "untouched" in str(caught.value)
    assert set(content(tmp_path / "out").values()) == {"a"}
    assert left_overs(tmp_path / "out") == []


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ExportError, match=r"file.*untouched"), new_folder(tmp_path / "file" / "out"):
        pass


READ_ONLY = """
import os
import sys
from pathlib import Path
from curation.export.publish import ExportError, new_folder
if os.geteuid() == 0:
    os.setuid(65534)
try:
    with new_folder(Path(sys.argv[1]) / "out"):
        print("written")
except ExportError as error:
    print(error)
"""


def test_a_read_only_folder_is_said():
    """As a user without rights, because the superuser may write everywhere."""
    folder = Path(tempfile.mkdtemp())  # pytest's own folder may be entered by its owner alone
    try:
        folder.chmod(0o555)
        command = [sys.executable, "-c", READ_ONLY, str(folder)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.stdout.startswith(f"{folder}"), done.stderr
        assert "cannot be written to" in done.stdout
        assert list(folder.iterdir()) == []
    finally:
        folder.chmod(0o755)
        folder.rmdir()


def test_left_overs_of_the_dead_are_removed_and_those_at_work_are_not(tmp_path):
    dead = tmp_path / ".out.abc.part"
    dead.mkdir()
    (dead / "x").write_text("x")
    with new_folder(tmp_path / "out") as first:
        (first / VERSION_FILE).write_text("a")
        assert not dead.exists()
        with new_folder(tmp_path / "out") as second:
            (second / VERSION_FILE).write_text("b")
            assert first.is_dir()
    assert content(tmp_path / "out") == {VERSION_FILE: "a"}


WRITER = """
import sys
from pathlib import Path
from curation.export.publish import VERSION_FILE, new_folder
print("ready", flush=True)
number = 0
while True:
    number += 1
    with new_folder(Path(sys.argv[1])) as folder:
        (folder / VERSION_FILE).write_text(str(number))
        for name in range(40):
            (folder / f"{name}.txt").write_text(str(number))
"""


def test_a_killed_export_leaves_the_old_one_or_the_new(tmp_path):
    out = tmp_path / "out"
    fill(out, "0", files=40)
    chance = random.Random(4)
    for _ in range(8):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(out)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(chance.uniform(0, 0.3))
        process.send_signal(signal.SIGKILL)
        process.wait()
        found = content(out)
        assert len(found) == 41
        assert len(set(found.values())) == 1
    fill(out, "end", files=40)
    assert left_overs(out) == []
