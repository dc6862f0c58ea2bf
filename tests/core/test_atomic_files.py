"""A file is what it was or what it is meant to be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.atomic_files import append_line, replacing, write_atomically
from tests.conftest import ROOT


@pytest.mark.parametrize("durable", [True, False])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, durable: bool
) -> None:
    path = tmp_path / "file.bin"
    write_atomically(path, b"old", durable=durable)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"new", durable=durable)
    assert [file.name for file in tmp_path.iterdir()] == ["file.bin"]
    assert path.read_bytes() == b"old"


def test_a_block_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    write_atomically(path, b"old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_bytes(b"half of the n")
        raise RuntimeError("the process gave up")
    assert [file.name for file in tmp_path.iterdir()] == ["file.bin"]
    assert path.read_bytes() == b"old"


def test_what_was_written_can_be_read_by_others(tmp_path: Path) -> None:
    write_atomically(tmp_path / "file.bin", b"new")
    assert (tmp_path / "file.bin").stat().st_mode & 0o777 == 0o644


def test_what_a_killed_process_left_goes_with_the_next_write_and_what_others_write_stays(
    tmp_path: Path,
) -> None:
    path = tmp_path / "file.zip"
    dies = "import os\nfrom core.atomic_files import replacing\nwith replacing('file.zip'): os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", dies], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert [file.name[:10] for file in tmp_path.iterdir()] == [".file.zip."]
    with replacing(path) as temporary:
        temporary.write_bytes(b"first")
        write_atomically(path, b"second")
        assert {file.name for file in tmp_path.iterdir()} == {temporary.name, "file.zip"}
    assert [file.name for file in tmp_path.iterdir()] == ["file.zip"]
    assert path.read_bytes() == b"first"


def test_a_line_is_kept_whole_whatever_was_cut_short_before_it(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "lines.jsonl"
    name = os.fsdecode(b"a\xff.png")
    append_line(path, {"name": name})
    with path.open("ab") as file:
        file.write(b'{"name": "b')
    append_line(path, {"name": "모델"})
    first, _, last = path.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["name"] for line in (first, last)] == [name, "모델"]


def test_a_full_disk_takes_no_part_of_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, write = tmp_path / "lines.jsonl", os.write
    append_line(path, {"name": "a"})
    before = path.read_bytes()
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, data[:5]))
    with pytest.raises(OSError, match=r"No space.*lines\.jsonl"):
        append_line(path, {"name": "b"})
    assert path.read_bytes() == before
