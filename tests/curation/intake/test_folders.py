"""Folders: links, changes, what a second run may leave alone, and where pictures come from."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.images import read_photo
from curation.analysis.pictures import write_face, write_faceless
from curation.intake.folders import take_folder
from curation.intake.ingestion import IntakeResult, ingest_bytes, plain_name
from curation.library.library import Library
from curation.library.records import Provenance
from tests.curation.intake import pictures
from tests.curation.intake.pictures import encode, plain


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures, one twice, and three files that are none."""
    made = tmp_path / "heap"
    (made / "deep" / "er").mkdir(parents=True)
    (made / "a.jpg").write_bytes(plain("JPEG"))
    (made / "wrong.txt").write_bytes(plain("PNG"))
    (made / "deep" / "er" / "b.gif").write_bytes(plain("GIF"))
    (made / "deep" / "again.jpg").write_bytes(plain("JPEG"))
    (made / "page.jpg").write_bytes(b"<html>404</html>")
    (made / "empty.png").write_bytes(b"")
    (made / "cut.jpg").write_bytes(plain("JPEG")[:300])
    (made / ".hidden.jpg").write_bytes(plain("JPEG", seed=7))
    return made


def take(library: Library, folder: Path, **options: object) -> dict[str, IntakeResult]:
    return {answer.name: answer for answer in take_folder(library, folder, workers=1, **options)}


def test_every_file_gets_an_answer_and_hidden_ones_none(library: Library, folder: Path) -> None:
    seen: list[tuple[int, int]] = []
    answers = take(library, folder, progress=lambda *done: seen.append(done))
    assert {name: answer.outcome for name, answer in answers.items()} == {
        "a.jpg": answers["a.jpg"].outcome, "deep/again.jpg": answers["deep/again.jpg"].outcome,
        "wrong.txt": "added", "deep/er/b.gif": "added",
        "page.jpg": "refused", "empty.png": "refused", "cut.jpg": "refused",
    }  # fmt: skip
    assert {answers["a.jpg"].outcome, answers["deep/again.jpg"].outcome} == {"added", "known"}
    assert {answers[name].code for name in ("page.jpg", "empty.png", "cut.jpg")} == {
        "active_content", "empty", "damaged",
    }  # fmt: skip
    assert (seen[0], seen[-1]) == ((0, 7), (7, 7))


def test_one_picture_from_two_places_is_one_image_of_two_origins(library: Library, folder: Path) -> None:
    image_id = take(library, folder)["a.jpg"].image_id
    ingest_bytes(
        library, plain("JPEG"), Provenance("url", "x.jpg", url="https://example.org/x.jpg", licence="CC0")
    )
    origins = library.provenance(image_id)
    assert {(origin.source, origin.name) for origin in origins} == {
        ("folder:heap", "a.jpg"), ("folder:heap", "deep/again.jpg"), ("url", "x.jpg"),
    }  # fmt: skip
    assert [origin.licence for origin in origins if origin.source == "url"] == ["CC0"]
    assert all(origin.added_at for origin in origins)


def test_a_link_that_leads_outside_is_refused_by_name(library: Library, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.png").write_bytes(plain("PNG"))
    folder = tmp_path / "heap"
    folder.mkdir()
    (folder / "link.png").symlink_to(outside / "secret.png")
    (folder / "linked").symlink_to(outside)
    (folder / "loop").symlink_to(folder)
    (folder / "nowhere").symlink_to(folder / "gone")
    answers = take(library, folder)
    assert set(answers) == {"link.png", "linked", "loop", "nowhere"}
    assert {answer.code for answer in answers.values()} == {"link"}
    assert library.counts()["images"] == 0
    assert take(library, folder, follow_links=True)["link.png"].outcome == "added"


@pytest.mark.parametrize(
    ("store", "place"),
    [("blobs", "snapshots/1ab2"), (".dvc/cache/files/md5/ab", "data"), (".git/annex/objects/x", "photos")],
)
def test_a_folder_of_links_into_its_store_is_taken_by_its_own_names(
    library: Library, tmp_path: Path, store: str, place: str
) -> None:
    kept, folder = tmp_path / store, tmp_path / place
    for parent in (kept, folder):
        parent.mkdir(parents=True)
    for seed in range(3):
        (kept / f"d0{seed}").write_bytes(plain("JPEG", seed=seed))
        (folder / f"{seed}.jpg").symlink_to(Path(os.path.relpath(kept / f"d0{seed}", folder)))
    answers = take(library, folder)
    assert {name: answer.outcome for name, answer in answers.items()} == {
        f"{seed}.jpg": "added" for seed in range(3)
    }
    assert take(library, folder)["1.jpg"].outcome == "known"


def test_a_name_that_a_mac_has_written_in_pieces_is_whole(library: Library, tmp_path: Path) -> None:
    folder = tmp_path / unicodedata.normalize("NFD", "사진")
    folder.mkdir()
    (folder / unicodedata.normalize("NFD", "표준.png")).write_bytes(plain("PNG"))
    (answer,) = take_folder(library, folder, workers=1)
    assert (answer.name, answer.outcome) == ("표준.png", "added")
    assert library.provenance(answer.image_id)[0].source == "folder:사진"
    (folder / "표준.png").write_bytes(plain("PNG", seed=5))  # beside it, and the same name to people
    for _ in range(2):
        assert [one.is_taken for one in take_folder(library, folder, workers=1)] == [True, True]


def test_a_second_run_gives_the_same_answers_without_opening_a_file(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = take(library, folder)
    monkeypatch.setattr("curation.intake.folders.ingest_pictures", None)  # would be called for any file
    second = take(library, folder)
    assert {name: answer.is_taken for name, answer in second.items()} == {
        name: answer.is_taken for name, answer in first.items()
    }
    assert {name: answer.code for name, answer in second.items()} == {
        name: answer.code for name, answer in first.items()
    }
    assert {name: answer.image_id for name, answer in second.items()} == {
        name: answer.image_id for name, answer in first.items()
    }


def test_what_has_changed_is_looked_at_again(library: Library, folder: Path) -> None:
    take(library, folder)
    (folder / "cut.jpg").write_bytes(plain("JPEG", seed=3))
    (folder / "new.bmp").write_bytes(plain("BMP"))
    (folder / "a.jpg").unlink()
    answers = take(library, folder)
    assert answers["cut.jpg"].outcome == answers["new.bmp"].outcome == "added"
    assert "a.jpg" not in answers


def test_other_bytes_of_the_same_size_and_time_are_noticed(library: Library, folder: Path) -> None:
    """As where an archive of equal-sized bitmaps was unpacked over another."""
    path = folder / "a.bmp"
    path.write_bytes(plain("BMP"))
    before = take(library, folder)["a.bmp"]
    found = path.stat()
    path.write_bytes(plain("BMP", seed=5))
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert path.stat().st_size == found.st_size
    after = take(library, folder)["a.bmp"]
    assert after.outcome == "added"
    assert after.image_id != before.image_id


def test_a_folder_of_the_same_name_elsewhere_is_another_folder(
    library: Library, folder: Path, tmp_path: Path
) -> None:
    take(library, folder)
    elsewhere = tmp_path / "elsewhere" / "heap"
    elsewhere.mkdir(parents=True)
    (elsewhere / "a.jpg").write_bytes(plain("JPEG", seed=9))
    found = (folder / "a.jpg").stat()
    os.utime(elsewhere / "a.jpg", ns=(found.st_atime_ns, found.st_mtime_ns))
    assert take(library, elsewhere)["a.jpg"].outcome == "added"


def test_another_licence_is_noted_even_if_no_file_has_changed(library: Library, folder: Path) -> None:
    image_id = take(library, folder)["wrong.txt"].image_id
    take(library, folder, provenance=Provenance("folder:heap", licence="CC BY 4.0", author="Ada"))
    assert {(origin.licence, origin.author) for origin in library.provenance(image_id)} == {
        ("", ""), ("CC BY 4.0", "Ada"),
    }  # fmt: skip


def test_what_was_deleted_for_good_stays_out(library: Library, folder: Path) -> None:
    image_id = take(library, folder)["wrong.txt"].image_id
    library.delete_for_good([image_id], who="ada", why="the person asked for it")
    for _ in range(2):
        answer = take(library, folder)["wrong.txt"]
        assert (answer.outcome, answer.image_id) == ("deleted", "")
        assert "for good" in answer.sentence
    assert not library.files.original(image_id).exists()
    assert ingest_bytes(library, plain("PNG"), Provenance("upload", "x")).outcome == "deleted"


def test_a_lost_original_is_put_back_by_adding_the_folder_again(library: Library, folder: Path) -> None:
    image_id = take(library, folder)["wrong.txt"].image_id
    library.files.original(image_id).unlink()
    assert take(library, folder)["wrong.txt"].outcome == "known"
    assert library.read_original(image_id) == plain("PNG")


def test_a_run_that_is_stopped_goes_on_where_it_was(library: Library, folder: Path) -> None:
    running = take_folder(library, folder, workers=1)
    taken = next(answer for answer in running if answer.is_taken)
    running.close()
    answers = take(library, folder)
    assert answers[taken.name].image_id == taken.image_id
    assert len(answers) == 7
    assert library.counts()["images"] == 3


def test_the_library_inside_the_folder_is_not_added_to_itself(folder: Path) -> None:
    with Library.open(folder / "library") as library:
        first = take(library, folder, leave_out=library.root)
        assert len(first) == len(take(library, folder, leave_out=library.root)) == 7


@pytest.mark.parametrize(
    "name", [b"caf\xe9.png", "größe.png".encode(), b"tab\tand\nline.png", b"\xff\xfe.png"]
)
def test_names_that_are_no_text_are_kept_as_text(library: Library, tmp_path: Path, name: bytes) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    with open(os.path.join(os.fsencode(folder), name), "wb") as file:  # noqa: PTH118, PTH123
        file.write(plain("PNG"))
    (answer,) = take_folder(library, folder, workers=1)
    assert answer.outcome == "added"
    assert answer.name.isprintable()
    (again,) = take_folder(library, folder, workers=1)
    assert (again.outcome, again.name) == ("known", answer.name)


@pytest.mark.parametrize(
    ("name", "plain_one"),
    [("a/b.png", "a/b.png"), ("a\0b", "a\\x00b"), ("\udcff", "\\udcff"), ("x" * 5000, "x" * 1000)],
)
def test_a_name_becomes_plain_text(name: str, plain_one: str) -> None:
    assert plain_name(name) == plain_one


def test_a_missing_folder_is_named(library: Library, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no folder"):
        take_folder(library, tmp_path / "none")


@pytest.mark.parametrize("has_face", [True, False])
def test_nothing_that_is_made_of_a_photo_says_where_it_was_taken(
    library: Library, tmp_path: Path, has_face: bool
) -> None:
    """The original keeps its EXIF byte for byte; crop, sketch and thumbnail are made from pixels."""
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    data = encode("JPEG", pictures.photo(512, 512), exif=exif)
    image_id = ingest_bytes(library, data, Provenance("upload", "p.jpg")).image_id
    assert b"SecretCamera" in library.read_original(image_id)
    photo = read_photo(library.read_original(image_id))
    if has_face:
        write_face(library.files, image_id, photo, np.ascontiguousarray(photo[..., 0]))
    else:
        write_faceless(library.files, image_id, photo)
    shown = [path for kind in ("crops", "sketches", "thumbs") for path in (library.root / kind).rglob("*.*")]
    assert len(shown) == (3 if has_face else 1)
    for path in shown:
        assert b"SecretCamera" not in path.read_bytes()
        with Image.open(path) as picture:
            assert not picture.getexif()
            assert not picture.info.keys() & {"exif", "xmp", "icc_profile", "comment", "photoshop"}
