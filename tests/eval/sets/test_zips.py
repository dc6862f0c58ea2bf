"""Zip files: read like folders, and none of their claims is believed."""

import stat
import unicodedata
import zipfile
from pathlib import Path

import pytest

from eval.sets.file_hash_cache import FileHashCache
from eval.sets.folders import open_set
from tests.core.legacy_zip import legacy_zip
from tests.eval.sets.pictures_material import packed, picture, write, zip_of
from tests.eval.sets.test_folders import settle


def test_a_zip_gives_the_same_set_as_its_folder(tmp_path: Path) -> None:
    files = {f"sub/{n}.png": packed(picture(n)) for n in range(3)} | {"top.JPG": packed(picture(8), "JPEG")}
    for name, data in files.items():
        write(tmp_path / "folder" / name, data)
    images = open_set(zip_of(tmp_path / "set.zip", files))
    assert images.digest == open_set(tmp_path / "folder").digest


def test_the_one_folder_around_all_is_no_part_of_the_names(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "set.zip", {f"results/{n}.png": packed(picture(n)) for n in range(2)})
    assert open_set(path).names == ("0", "1")


def test_an_old_zip_and_a_folder_of_a_mac_have_the_same_names(tmp_path: Path) -> None:
    path = tmp_path / "set.zip"
    path.write_bytes(legacy_zip({"김철수.png": packed(picture(1)), "얼굴.png": packed(picture(2))}, "cp949"))
    for number, name in enumerate(("김철수.png", "얼굴.png"), start=1):
        write(tmp_path / "folder" / unicodedata.normalize("NFD", name), packed(picture(number)))
    described = "file_name,hair\n얼굴.png,long\n".encode()
    write(tmp_path / "folder" / "metadata.csv", described)
    folder = open_set(tmp_path / "folder")
    assert open_set(path).digest == folder.digest
    assert folder.names == ("김철수", "얼굴")
    assert folder.by_name["얼굴"].labels == {"hair": "long"}


def test_labels_in_a_zip_are_kept(tmp_path: Path) -> None:
    files = {"r/a.png": packed(picture()), "r/metadata.csv": b"file_name,hair\na.png,long\n"}
    images = open_set(zip_of(tmp_path / "set.zip", files))
    assert images.kind == "zip" and images.items[0].labels == {"hair": "long"}


@pytest.mark.parametrize("name", ["../evil.png", "/evil.png", "a/../../evil.png", "C:/evil.png"])
def test_a_name_that_leads_outside_is_left_out(tmp_path: Path, name: str) -> None:
    images = open_set(zip_of(tmp_path / "set.zip", {"a.png": packed(picture(1)), name: packed(picture(2))}))
    assert images.names == ("a",)
    assert "leads out" in images.left_out[0].reason


def test_a_link_in_a_zip_is_left_out(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "set.zip", {"a.png": packed(picture(1))})
    link = zipfile.ZipInfo("b.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    assert [one.reason for one in open_set(path).left_out] == [
        "It is a link or device. Pack the file itself."
    ]


def test_a_bomb_is_left_out_without_being_unpacked_whole(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "set.zip", {"a.png": packed(picture(1)), "bomb.png": bytes(60_000_000)})
    images = open_set(path)
    assert images.names == ("a",)
    assert "packed size" in images.left_out[0].reason


def test_a_damaged_entry_is_left_out(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "set.zip", {"a.png": packed(picture(1)), "b.png": packed(picture(2))})
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("b.png").header_offset + 60
    data = bytearray(path.read_bytes())
    data[start : start + 40] = bytes(40)
    path.write_bytes(bytes(data))
    images = open_set(path)
    assert images.names == ("a",) and images.left_out[0].name == "b.png"


@pytest.mark.parametrize("cut", [10, 200])
def test_a_cut_zip_is_refused_with_one_sentence(tmp_path: Path, cut: int) -> None:
    path = zip_of(tmp_path / "set.zip", {"a.png": packed(picture(1))})
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(ValueError, match="no whole zip file"):
        open_set(path)


def test_entries_that_share_bytes_are_refused(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "set.zip", {"a.png": packed(picture(1)), "b.png": packed(picture(2))})
    data = bytearray(path.read_bytes())
    second = data.rfind(b"PK\1\2")
    data[second + 42 : second + 46] = bytes(4)  # the second entry's place becomes the first one's
    path.write_bytes(bytes(data))
    with pytest.raises(ValueError, match="share their bytes"):
        open_set(path)


def test_a_zip_with_too_many_entries_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval.sets.folders.MAX_ENTRIES", 3)
    path = zip_of(tmp_path / "set.zip", {f"{n}.png": b"x" for n in range(5)})
    with pytest.raises(ValueError, match="more than 3 entries"):
        open_set(path)


def test_a_file_that_is_no_zip_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no whole zip file"):
        open_set(write(tmp_path / "set.zip", b"hello" * 100))


def test_an_unchanged_zip_is_not_unpacked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zip_of(tmp_path / "set.zip", {f"{n}.png": packed(picture(n)) for n in range(3)})
    seen = FileHashCache(tmp_path / "seen.sqlite")
    settle(tmp_path)
    first = open_set(path, seen=seen).digest

    def refuse(*_: object, **__: object) -> bytes:
        raise AssertionError("an entry was unpacked")

    monkeypatch.setattr("eval.sets.folders.safe_zip.unpack", refuse)
    assert open_set(path, seen=seen).digest == first
