"""Which files are taken, and that no two pairs share a name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.errors import UnsafeImage
from curation import ingest
from curation.ingest import find_files, hash_source, name_files, read_source


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())


def names(*sources: str, known: dict[str, str] | None = None) -> dict[str, str]:
    return name_files(sources, known)


def test_regular_files_at_any_depth_are_found_in_order(tmp_path: Path) -> None:
    put(tmp_path, "b.jpg", "a/c.png", "a/d/e.txt")
    assert find_files(tmp_path) == ["a/c.png", "a/d/e.txt", "b.jpg"]


def test_hidden_files_and_folders_are_skipped(tmp_path: Path) -> None:
    put(tmp_path, ".hidden.jpg", ".folder/a.jpg", "seen.jpg")
    assert find_files(tmp_path) == ["seen.jpg"]


def test_no_link_leads_out_of_the_folder(tmp_path: Path) -> None:
    put(tmp_path, "outside/secret.jpg", "inside/a.jpg")
    (tmp_path / "inside/file.jpg").symlink_to(tmp_path / "outside/secret.jpg")
    (tmp_path / "inside/folder").symlink_to(tmp_path / "outside")
    (tmp_path / "inside/loop").symlink_to(tmp_path / "inside")
    assert find_files(tmp_path / "inside") == ["a.jpg"]


def test_pipes_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    assert find_files(tmp_path) == []


def test_an_output_folder_inside_is_not_read(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg", "pairs/photos/a.png")
    assert find_files(tmp_path, leave_out=tmp_path / "pairs") == ["a.jpg"]


def test_a_name_is_the_files_stem() -> None:
    assert names("a/0001.jpg", "b/0002.png") == {"a/0001.jpg": "0001", "b/0002.png": "0002"}


@pytest.mark.parametrize(
    "sources",
    [
        ("a/1.jpg", "b/1.jpg", "c/d/1.jpg"),
        ("1.jpg", "1.png", "1.jpeg", "1"),
        ("face.jpg", "FACE.jpg", "Face.JPG"),
        ("a:b.jpg", "a?b.jpg", "a*b.jpg", "a_b.jpg"),
        ("é.jpg", "ü.jpg", "\udcff.jpg"),
        ("x" * 150 + "1.jpg", "x" * 150 + "2.jpg"),
        ("...jpg", "..jpg", " .jpg"),
    ],
)
def test_no_two_files_share_a_name(sources: tuple[str, ...]) -> None:
    found = names(*sources)
    assert set(found) == set(sources)
    assert len({name.casefold() for name in found.values()}) == len(sources)
    for name in found.values():
        assert name.isascii()
        assert not set(name) & set('/\\:*?"<>|\n')
        assert 0 < len(name) < 200
        assert not name.startswith(".")


def test_a_text_does_not_take_the_name_of_a_photo() -> None:
    assert names("0001.csv", "0001.jpg")["0001.jpg"] == "0001"


def test_a_known_file_keeps_its_name_when_others_come() -> None:
    assert names("a/1.jpg", "b/1.jpg", known={"b/1.jpg": "1"})["b/1.jpg"] == "1"


def test_names_do_not_depend_on_the_order() -> None:
    sources = ("b/1.jpg", "a/1.jpg", "1.png", "c.txt")
    assert names(*sources) == names(*reversed(sources))


def test_a_file_too_large_to_be_a_photo_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "MAX_FILE_BYTES", 3)
    put(tmp_path, "film.mp4")
    with pytest.raises(UnsafeImage, match="files of up to"):
        read_source(tmp_path / "film.mp4")
    assert hash_source(tmp_path / "film.mp4") == ""
