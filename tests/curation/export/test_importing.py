"""An export gives the same version back."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from curation.export.dataset import ExportError, export_version
from curation.export.importing import import_export
from curation.library.records import LibraryError
from tests.curation.export.test_dataset import tree


@pytest.fixture(params=["pairs", "imagefolder", "zip"])
def exported(request, filled, tmp_path) -> Path:
    kind = "imagefolder" if request.param == "imagefolder" else "pairs"
    export_version(filled, "first", tmp_path / "out", kind=kind, zip=request.param == "zip")
    return tmp_path / ("out.zip" if request.param == "zip" else "out")


@pytest.fixture
def out(filled, tmp_path) -> Path:
    export_version(filled, "first", tmp_path / "out")
    return tmp_path / "out"


def test_the_same_version_comes_back(filled, exported, make_library):
    empty = make_library("empty")
    version = import_export(empty, exported)
    assert version == filled.version("first")
    assert list(empty.members("first")) == list(filled.members("first"))


def test_pictures_states_labels_and_provenance_come_back(filled, out, make_library):
    empty = make_library("empty")
    seen = []
    version = import_export(empty, out, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (10, 10)
    here, there = empty.table(), filled.table().loc[list(version.ids)]
    for column in ("state", "licence", "author", "source", "labels", "sharpness", "yaw"):
        assert (
            here.loc[list(version.ids), column].astype(object).tolist()
            == there[column].astype(object).tolist()
        )
    for image_id in version.ids:
        for kind in ("crop", "sketch"):
            pictures = [cv2.imread(str(getattr(lib.files, kind)(image_id))) for lib in (empty, filled)]
            assert np.array_equal(*pictures)
        assert empty.files.thumb(image_id).is_file()


def test_exporting_what_was_imported_gives_the_same_bytes(out, make_library, tmp_path):
    empty = make_library("empty")
    import_export(empty, out)
    export_version(empty, "first", tmp_path / "again")
    assert tree(tmp_path / "again") == tree(out)


def test_importing_twice_changes_nothing(out, make_library):
    empty = make_library("empty")
    first = import_export(empty, out)
    assert import_export(empty, out) == first
    assert len(empty.table()) == 10
    assert len(empty.versions()) == 1


def test_an_import_that_was_cut_short_is_completed(out, make_library):
    empty = make_library("empty")

    def stop(done: int, total: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_export(empty, out, progress=stop)
    version = import_export(empty, out)
    assert all(empty.files.crop(image_id).is_file() for image_id in version.ids)


def test_it_can_be_imported_where_the_images_are_known(filled, out):
    before = filled.table()["state"].astype(str).tolist()
    assert import_export(filled, out) == filled.version("first")
    assert filled.table()["state"].astype(str).tolist() == before


def test_images_that_were_deleted_for_good_stay_away(filled, out):
    gone = filled.version("first").ids[3]
    filled.delete_for_good([gone], who="Ann", why="asked for")
    import_export(filled, out)
    assert gone not in filled.table().index
    assert not filled.files.crop(gone).exists()


def test_an_export_after_a_deletion_says_why_it_cannot_come_back(filled, make_library, tmp_path):
    filled.delete_for_good([filled.version("first").ids[0]], who="Ann", why="asked for")
    export_version(filled, "first", tmp_path / "out")
    with pytest.raises(ExportError, match="Freeze a new version"):
        import_export(make_library("empty"), tmp_path / "out")


@pytest.mark.parametrize("name", ["version.json", "members.jsonl", "manifest.jsonl"])
def test_a_missing_file_is_named(out, make_library, name):
    (out / name).unlink()
    with pytest.raises(ExportError, match=name.replace(".", r"\.")):
        import_export(make_library("empty"), out)


def test_a_changed_member_is_found_by_the_hash(out, make_library):
    text = (out / "members.jsonl").read_text().replace("Author 1", "Author 9")
    (out / "members.jsonl").write_text(text)
    empty = make_library("empty")
    with pytest.raises(ValueError, match="hash"):
        import_export(empty, out)
    assert len(empty.table()) == 0
    assert empty.versions() == []


def test_a_changed_picture_is_found(out, make_library):
    photo = next((out / "photos").glob("*.png"))
    photo.write_bytes(photo.read_bytes() + b"more")
    with pytest.raises(ExportError, match=f"{photo.name} was changed"):
        import_export(make_library("empty"), out)


@pytest.mark.parametrize("place", ["../../secret.png", "/etc/passwd", "photos/../../out2/x.png"])
def test_a_manifest_cannot_reach_outside(out, make_library, place):
    rows = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    rows[0]["photo"] = place
    (out / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(ExportError, match=r"outside|no whole export"):
        import_export(make_library("empty"), out)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"format": 99}', b"\xff\xfe", b'{"format": 1}', b"[" * 9999]
)
def test_nonsense_is_refused(tmp_path, make_library, content):
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "version.json").write_bytes(content)
    with pytest.raises(ExportError, match="no whole export"):
        import_export(make_library("empty"), tmp_path / "odd")


def test_a_file_that_is_no_zip_is_refused(tmp_path, make_library):
    (tmp_path / "x.zip").write_bytes(b"PK not really")
    with pytest.raises(ExportError, match="no whole export"):
        import_export(make_library("empty"), tmp_path / "x.zip")


def test_a_zip_bomb_is_not_unpacked(out, tmp_path, make_library):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in out.rglob("*") if path.is_file()):
            data = bytes(60_000_000) if path.suffix == ".png" else path.read_bytes()
            archive.writestr(f"out/{path.relative_to(out).as_posix()}", data)
            if path.suffix == ".png":
                break
        for name in ("version.json", "manifest.jsonl", "members.jsonl"):
            if f"out/{name}" not in archive.namelist():
                archive.write(out / name, f"out/{name}")
    with pytest.raises(ExportError, match=r"no whole export|too large"):
        import_export(make_library("empty"), tmp_path / "bomb.zip")


def test_another_version_of_that_name_is_refused(filled, out, make_library, tmp_path):
    other = make_library("other")
    other.freeze("first", who="Bob")
    with pytest.raises(ValueError, match="another"):
        import_export(other, out)


def test_a_folder_that_is_not_there_is_refused(make_library, tmp_path):
    with pytest.raises((ExportError, LibraryError)):
        import_export(make_library("empty"), tmp_path / "nowhere")
    shutil.rmtree(tmp_path / "nowhere", ignore_errors=True)
