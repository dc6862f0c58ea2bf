"""Folders: every file is used or listed, and unchanged files are read once."""

import csv
import os
import time
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from eval.comparison.result import LeftOut
from eval.decoding import decode_as_seen
from eval.sets.file_hash_cache import FileHashCache
from eval.sets.folders import open_set
from tests.eval.sets.pictures_material import fill, odd_files, packed, picture, write

READ = "eval.sets.folders._read_below"


def settle(folder: Path) -> None:
    """Wait until the files' dates are old enough to be believed."""
    time.sleep(0.08)


@pytest.fixture
def no_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(root: Path, file: str) -> bytes:
        raise AssertionError(f"{root / file} was read")

    monkeypatch.setattr(READ, refuse)


def test_every_file_is_used_or_listed_with_a_reason(tmp_path: Path) -> None:
    folder = odd_files(tmp_path)
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    images = open_set(folder)
    used, left_out = {item.file for item in images.items}, {one.name for one in images.left_out}
    assert used | left_out == files and not used & left_out
    assert all(one.reason for one in images.left_out)


def test_a_report_names_the_first_of_many_files_left_out_and_counts_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eval.sets.contents.MAX_NAMED", 2)
    folder = odd_files(tmp_path)
    images = open_set(folder)
    *named, rest = images.used().left_out
    assert (tuple(named), rest.reason) == (
        images.left_out[:2],
        f"{len(images.left_out) - 2} more files were left out.",
    )


def test_a_folder_of_too_many_files_is_refused_before_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_reading: None
) -> None:
    monkeypatch.setattr("eval.sets.folders.MAX_FILES", 3)
    with pytest.raises(ValueError, match="more than 3 files"):
        open_set(fill(tmp_path, 4))


def test_damage_behind_a_good_header_is_left_for_the_decoder(tmp_path: Path) -> None:
    images = open_set(odd_files(tmp_path))
    assert "bad-truncated" in images.names
    assert {one.name for one in images.left_out} == {"bad-empty.png", "bad-text.png", "bad-notes.txt"}


def test_what_could_not_be_decoded_moves_to_the_list(tmp_path: Path) -> None:
    images = open_set(fill(tmp_path, 2)).without([LeftOut(name="01", reason="cut short")])
    assert images.names == ("00",)
    assert [(one.name, one.reason) for one in images.left_out] == [("01.png", "cut short")]


def test_a_name_is_the_path_without_its_ending(tmp_path: Path) -> None:
    write(tmp_path / "sub/0801.PNG", picture())
    assert open_set(tmp_path).names == ("sub/0801",)


def test_names_that_differ_in_their_ending_only_keep_it(tmp_path: Path) -> None:
    write(tmp_path / "a.png", picture(1))
    write(tmp_path / "a.jpg", packed(picture(2), "JPEG"))
    assert open_set(tmp_path).names == ("a.jpg", "a.png")


def test_a_kept_ending_does_not_keep_decomposed_characters(tmp_path: Path) -> None:
    name = unicodedata.normalize("NFD", "표준")
    write(tmp_path / f"{name}.png", picture(1))
    write(tmp_path / f"{name}.jpg", packed(picture(2), "JPEG"))
    assert open_set(tmp_path).names == ("표준.jpg", "표준.png")


def test_hidden_files_are_listed(tmp_path: Path) -> None:
    write(tmp_path / "a.png", picture())
    write(tmp_path / "._a.png", b"x")
    write(tmp_path / ".thumbnails/a.png", picture())
    assert {one.name for one in open_set(tmp_path).left_out} == {"._a.png", ".thumbnails/a.png"}


def test_a_name_that_is_no_text_is_left_out(tmp_path: Path) -> None:
    write(tmp_path / "a.png", picture(1))
    path = os.fsencode(tmp_path) + b"/b\xff.png"
    try:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
    except OSError as error:
        pytest.skip(f"this file system takes no such name ({error})")
    images = open_set(tmp_path, seen=FileHashCache(tmp_path / "seen.sqlite"))
    assert images.names == ("a",)
    assert [(one.name, one.reason) for one in images.left_out] == [
        ("b?.png", "Its name is no UTF-8 text. Rename it.")
    ]


def test_links_are_followed_as_caches_of_data_sets_are_made_of_them(tmp_path: Path) -> None:
    """Hugging Face: ``snapshots/REV/a.png -> ../../blobs/HASH``; DVC links whole folders as well."""
    blob = write(tmp_path / "blobs/6f1ed002", picture(1))
    write(tmp_path / "cache/deep/b.png", picture(2))
    write(tmp_path / "set/c.png", picture(3))
    (tmp_path / "set/a.png").symlink_to(blob)
    (tmp_path / "set/linked").symlink_to(tmp_path / "cache")
    images = open_set(tmp_path / "set")
    assert images.names == ("a", "c", "linked/deep/b") and not images.left_out
    assert images.by_name["a"].read() == packed(picture(1))


def test_a_link_that_leads_nowhere_is_left_out(tmp_path: Path) -> None:
    write(tmp_path / "a.png", picture())
    (tmp_path / "b.png").symlink_to(tmp_path / "gone.png")
    (left_out,) = open_set(tmp_path).left_out
    assert (left_out.name, left_out.reason) == ("b.png", "It is a link that leads nowhere.")


def test_folders_that_link_to_one_another_are_read_once(tmp_path: Path) -> None:
    write(tmp_path / "set/a.png", picture())
    write(tmp_path / "other/b.png", picture(1))
    (tmp_path / "set/to").symlink_to(tmp_path / "other")
    (tmp_path / "other/back").symlink_to(tmp_path / "set")
    (tmp_path / "other/again").symlink_to(tmp_path / "other")
    images = open_set(tmp_path / "set")
    assert images.names == ("a", "to/b")
    assert sorted(one.name for one in images.left_out) == ["to/again", "to/back"]


def test_a_link_to_a_folder_around_it_is_not_followed(tmp_path: Path) -> None:
    write(tmp_path / "a.png", picture())
    (tmp_path / "loop").symlink_to(tmp_path)
    assert [one.name for one in open_set(tmp_path).left_out] == ["loop"]


def test_of_a_pairs_folder_the_photos_are_meant(tmp_path: Path) -> None:
    write(tmp_path / "photos/0801.png", picture(1))
    write(tmp_path / "sketches/0801.png", picture(2))
    write(tmp_path / "manifest.jsonl", b"{}\n")
    assert [item.read() for item in open_set(tmp_path).items] == [packed(picture(1))]


def test_a_folder_without_pictures_says_what_was_left_out(tmp_path: Path) -> None:
    write(tmp_path / "notes.txt", b"x")
    with pytest.raises(ValueError, match=r"1 files were left out.*notes\.txt"):
        open_set(tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent"):
        open_set(tmp_path / "absent")


def test_the_digest_changes_with_a_name_and_with_a_content(tmp_path: Path) -> None:
    fill(tmp_path, 2)
    first = open_set(tmp_path).digest
    (tmp_path / "01.png").rename(tmp_path / "02.png")
    second = open_set(tmp_path).digest
    write(tmp_path / "02.png", picture(9))
    assert len({first, second, open_set(tmp_path).digest}) == 3


def test_unchanged_files_are_not_read_again(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    folder, seen = fill(tmp_path / "set", 3), FileHashCache(tmp_path / "seen.sqlite")
    settle(folder)
    first = open_set(folder, seen=seen)
    request.getfixturevalue("no_reading")
    assert open_set(folder, seen=seen) == first


def test_an_edit_that_keeps_size_and_date_is_seen(tmp_path: Path) -> None:
    folder, seen = fill(tmp_path / "set", 2), FileHashCache(tmp_path / "seen.sqlite")
    path = folder / "00.png"
    settle(folder)
    before, stat = open_set(folder, seen=seen), path.stat()
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(bytes(data))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert open_set(folder, seen=seen).digest != before.digest


def test_a_file_that_was_just_written_is_not_trusted(tmp_path: Path) -> None:
    folder, seen = fill(tmp_path / "set", 1), FileHashCache(tmp_path / "seen.sqlite")
    os.utime(folder / "00.png")
    open_set(folder, seen=seen)
    assert seen.files(str(folder.resolve())) == {}


def test_files_that_are_gone_are_forgotten(tmp_path: Path) -> None:
    folder, seen = fill(tmp_path / "set", 2), FileHashCache(tmp_path / "seen.sqlite")
    settle(folder)
    open_set(folder, seen=seen)
    (folder / "01.png").unlink()
    open_set(folder, seen=seen)
    assert list(seen.files(str(folder.resolve()))) == ["00.png"]


@pytest.mark.parametrize("content", [b"no database at all" * 100, b""])
def test_a_damaged_memory_is_no_error_and_heals(tmp_path: Path, content: bytes) -> None:
    folder, seen = fill(tmp_path / "set", 2), FileHashCache(write(tmp_path / "seen.sqlite", content))
    settle(folder)
    assert len(open_set(folder, seen=seen)) == 2
    open_set(folder, seen=seen)
    assert len(seen.files(str(folder.resolve()))) == 2


def test_a_file_that_changes_after_opening_is_refused(tmp_path: Path) -> None:
    images = open_set(fill(tmp_path, 1))
    write(tmp_path / "00.png", picture(7))
    with pytest.raises(OSError, match="changed"):
        images.items[0].read()


def test_an_imagefolders_labels_are_kept(tmp_path: Path) -> None:
    write(tmp_path / "val/a.png", picture(1))
    with (tmp_path / "val/metadata.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["file_name", "glasses", "hair"], ["a.png", "yes", "long"]])
    images = open_set(tmp_path)
    assert images.kind == "imagefolder"
    assert images.items[0].labels == {"glasses": "yes", "hair": "long"}


def test_metadata_lines_may_hold_lists_and_further_pictures(tmp_path: Path) -> None:
    write(tmp_path / "a.png", picture(1))
    write(tmp_path / "sketches/a.png", picture(2))
    row = b'{"file_name": "a.png", "sketch_file_name": "sketches/a.png", "labels": ["glasses"], "smiles": true}\n'
    write(tmp_path / "metadata.jsonl", row)
    images = open_set(tmp_path)
    assert images.names == ("a",)
    assert images.items[0].labels == {"glasses": "yes", "smiles": "yes"}
    assert [one.name for one in images.left_out] == ["sketches/a.png"]


def test_metadata_of_a_missing_file_is_listed(tmp_path: Path) -> None:
    write(tmp_path / "a.png", picture())
    write(tmp_path / "metadata.csv", b"file_name,hair\nb.png,long\n")
    assert [one.name for one in open_set(tmp_path).left_out] == ["b.png"]


def test_damaged_metadata_is_listed_and_the_pictures_are_used(tmp_path: Path) -> None:
    write(tmp_path / "a.png", picture())
    write(tmp_path / "metadata.jsonl", b"{no json\n")
    images = open_set(tmp_path)
    assert images.kind == "folder" and images.names == ("a",)
    assert [one.name for one in images.left_out] == ["metadata.jsonl"]


def test_class_folders_become_labels(tmp_path: Path) -> None:
    for number in range(4):
        write(tmp_path / f"{'cat' if number % 2 else 'dog'}/{number}.png", picture(number))
    labels = {item.name: dict(item.labels) for item in open_set(tmp_path).items}
    assert labels["cat/1"] == {"label": "cat"} and labels["dog/2"] == {"label": "dog"}


@pytest.mark.parametrize(
    "files", [("a.png", "b/c.png"), ("x/a.png", "x/b.png"), ("a/1.png", "b/2.png", "c/3.png")]
)
def test_other_folders_are_no_classes(tmp_path: Path, files: tuple[str, ...]) -> None:
    for seed, file in enumerate(files):
        write(tmp_path / file, picture(seed))
    assert not any(item.labels for item in open_set(tmp_path).items)


def test_a_ppm_file_is_a_picture_all_the_way(tmp_path: Path) -> None:
    write(tmp_path / "a.ppm", packed(picture(), "PPM"))
    (item,) = open_set(tmp_path).items
    np.testing.assert_array_equal(decode_as_seen(item.read()), np.asarray(picture()))
