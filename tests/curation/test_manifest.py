"""The journal: nothing that was written whole is lost, nothing broken is believed."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from core.processes.lock import Held
from core.training.splits import read_manifest
from curation.manifest import MANIFEST, Manifest, Reason, Record, lock_folder


def record(name: str, sha256: str = "0", **more: object) -> Record:
    return Record(name, f"{name}.jpg", sha256, "kept", None, **more)


def write(folder: Path, *records: Record) -> None:
    with Manifest(folder) as manifest:
        for one in records:
            manifest.append(one)


def test_what_was_appended_is_there_next_time(tmp_path: Path) -> None:
    left_out = Record("b", "b.jpg", "1", "left_out", Reason.of("no_face"), versions={"sketch": 1})
    write(tmp_path, record("a"), left_out)
    with Manifest(tmp_path) as manifest:
        assert manifest.records == {"a.jpg": record("a"), "b.jpg": left_out}
        assert manifest.records["b.jpg"].code == "no_face"


def test_a_record_is_a_line_of_plain_json(tmp_path: Path) -> None:
    write(tmp_path, record("a", yaw=1.5, landmarks=[[1.0, 2.0, 3.0]], versions={"sketch": 1}))
    with Manifest(tmp_path) as manifest:
        assert manifest.records["a.jpg"].landmarks is None  # of many photos they would fill the memory
    (found,) = read_manifest(tmp_path)
    assert found["yaw"] == 1.5
    assert found["landmarks"] == [[1.0, 2.0, 3.0]]
    assert found["versions"] == {"sketch": 1}
    assert found["reason"] is None


@pytest.mark.parametrize("rest", [b"{", b'{"name": "b", "source"', b"\0\0\0", record("b").line()[:-1]])
def test_a_last_line_that_a_kill_cut_short_is_dropped(tmp_path: Path, rest: bytes) -> None:
    write(tmp_path, record("a"))
    with (tmp_path / MANIFEST).open("ab") as file:
        file.write(rest)
    write(tmp_path, record("c"))
    assert [found["name"] for found in read_manifest(tmp_path)] == ["a", "c"]


def test_a_damaged_line_costs_its_own_record_only(tmp_path: Path) -> None:
    write(tmp_path, record("a"), record("b"))
    path = tmp_path / MANIFEST
    path.write_bytes(path.read_bytes().replace(record("a").line(), b"{damaged\n[]\nnull\n"))
    with Manifest(tmp_path) as manifest:
        assert set(manifest.records) == {"b.jpg"}
        manifest.finish({"b.jpg"})
    assert [found["name"] for found in read_manifest(tmp_path)] == ["b"]


def test_of_two_records_of_a_file_the_later_counts(tmp_path: Path) -> None:
    write(tmp_path, record("a", "old"), record("b"), record("a", "new"))
    with Manifest(tmp_path) as manifest:
        assert manifest.records["a.jpg"].sha256 == "new"
        manifest.finish({"a.jpg", "b.jpg"})
    assert [(found["name"], found["sha256"]) for found in read_manifest(tmp_path)] == [
        ("a", "new"),
        ("b", "0"),
    ]


def test_a_finished_manifest_is_sorted_and_holds_the_present_files(tmp_path: Path) -> None:
    with Manifest(tmp_path) as manifest:
        for name in ("c", "a", "gone", "b"):
            manifest.append(record(name))
        manifest.finish({"a.jpg", "b.jpg", "c.jpg"})
    assert [found["name"] for found in read_manifest(tmp_path)] == ["a", "b", "c"]
    assert [path.name for path in tmp_path.iterdir()] == [MANIFEST]


def test_a_full_disk_leaves_the_manifest_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, record("a"))
    before = (tmp_path / MANIFEST).read_bytes()
    real_write = os.write
    room = 10

    def write_until_full(fd: int, data: bytes) -> int:
        nonlocal room
        if not room:
            raise OSError(errno.ENOSPC, "No space left on device")
        written, room = real_write(fd, data[:room]), 0
        return written

    with Manifest(tmp_path) as manifest:
        with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
            patch.setattr(os, "write", write_until_full)
            manifest.append(record("b"))
        assert (tmp_path / MANIFEST).read_bytes() == before
        manifest.append(record("c"))
    assert [found["name"] for found in read_manifest(tmp_path)] == ["a", "c"]


def test_a_number_that_json_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        record("a", yaw=float("nan")).line()


def test_every_name_that_a_file_system_allows_can_be_recorded(tmp_path: Path) -> None:
    odd = Record("a", 'new\nline "quote" \udcff é.jpg', "0", "kept", None)
    write(tmp_path, odd)
    assert len((tmp_path / MANIFEST).read_bytes().splitlines()) == 1
    assert json.loads((tmp_path / MANIFEST).read_bytes())["source"] == odd.source


def test_a_second_run_into_the_same_folder_is_told_so(tmp_path: Path) -> None:
    with (
        lock_folder(tmp_path),
        pytest.raises(Held, match=f"process {os.getpid()}"),
        lock_folder(tmp_path),
    ):
        pass
    with lock_folder(tmp_path):
        pass  # free again
