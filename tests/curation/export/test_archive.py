"""The zip of an export."""

from __future__ import annotations

import os
import zipfile

import pytest

from curation.export.publish import ExportError, write_zip


def make_folder(root, mtime: float):
    folder = root / "set"
    (folder / "photos").mkdir(parents=True)
    for name, data in (("b.txt", b"text " * 99), ("a.png", b"\x89PNG"), ("photos/c.png", b"pixels")):
        (folder / name).write_bytes(data)
        os.utime(folder / name, (mtime, mtime))
    return folder


def test_equal_folders_give_equal_bytes(tmp_path):
    for name, mtime in (("first", 1e9), ("second", 1.5e9)):
        (tmp_path / name).mkdir()
        write_zip(make_folder(tmp_path / name, mtime), tmp_path / f"{name}.zip")
    assert (tmp_path / "first.zip").read_bytes() == (tmp_path / "second.zip").read_bytes()


def test_all_files_lie_below_the_folders_name(tmp_path):
    folder = make_folder(tmp_path, 1e9)
    write_zip(folder, tmp_path / "set.zip")
    with zipfile.ZipFile(tmp_path / "set.zip") as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["set/a.png", "set/b.txt", "set/photos/c.png"]
        assert archive.read("set/b.txt") == b"text " * 99


def test_a_place_that_cannot_be_written_is_said_and_nothing_is_left(tmp_path):
    folder = make_folder(tmp_path, 1e9)
    (tmp_path / "file").write_text("x")
    with pytest.raises(ExportError, match="untouched"):
        write_zip(folder, tmp_path / "file" / "set.zip")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "set"]
