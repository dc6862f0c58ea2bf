"""An image that was deleted for good leaves what was exported of it, also when that is killed in between."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from curation.export import dataset, publish, removal
from curation.export.dataset import export_version
from curation.library.library import Library
from tests.curation.export.conftest import make_picture


class Killed(BaseException):
    """Stands for the end of the process."""


def export(library: Library, kind: str = "pairs", *, zip: bool = True) -> Path:
    out = library.files.exports / f"first-{kind}"
    export_version(library, "first", out, kind=kind, zip=zip)
    return out


def pictures(out: Path, image_id: str) -> list[bytes]:
    (row,) = [row for row in rows(out) if row["sha256"] == image_id]
    return [(out / row[kind]).read_bytes() for kind in ("photo", "sketch")]


def rows(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]


def assert_is_gone(library: Library, out: Path, image_id: str, secrets: list[bytes]) -> None:
    """No file of the export or of its zip holds the pictures, and only the list of removed images the id."""
    files = {
        str(path.relative_to(out.parent)): path.read_bytes() for path in out.rglob("*") if path.is_file()
    }
    with zipfile.ZipFile(out.with_name(f"{out.name}.zip")) as archive:
        packed = {name: archive.read(name) for name in archive.namelist()}
    assert packed == files
    assert not set(secrets) & set(files.values())
    assert [name for name, data in files.items() if image_id.encode() in data] == [f"{out.name}/version.json"]
    assert image_id not in pq.read_table(out / "manifest.parquet")["sha256"].to_pylist()
    assert len(rows(out)) == 9
    assert [path.name for path in library.files.exports.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("kind", ["pairs", "imagefolder"])
def test_exports_in_the_library_are_made_anew_without_it(filled: Library, kind: str) -> None:
    out = export(filled, kind)
    gone = filled.version("first").ids[0]
    secrets = pictures(out, gone)
    assert filled.delete_for_good([gone], who="Ann", why="asked for").elsewhere == ()
    assert_is_gone(filled, out, gone, secrets)
    assert "| kept | 9 |" in (out / "README.md").read_text()


def test_an_export_made_anew_keeps_its_annotations(filled: Library) -> None:
    out = filled.files.exports / "first-pairs"
    export_version(filled, "first", out, annotations=("voc", "coco", "yolo"), zip=True)
    before = {path.relative_to(out) for path in out.rglob("*") if path.is_file()}
    gone = filled.version("first").ids[0]
    secrets = pictures(out, gone)
    (name,) = [row["name"] for row in rows(out) if row["sha256"] == gone]
    filled.delete_for_good([gone], who="Ann", why="asked for")
    assert_is_gone(filled, out, gone, secrets)
    after = {path.relative_to(out) for path in out.rglob("*") if path.is_file()}
    assert before - after == {path for path in before if path.stem == name}
    assert len(before - after) == 4  # photo, sketch, and the texts of YOLO and VOC


def test_an_export_that_names_no_annotations_is_made_anew_without(filled: Library) -> None:
    out = export(filled, zip=False)
    about = json.loads((out / "version.json").read_text())
    del about["annotation_formats"]
    (out / "version.json").write_text(json.dumps(about))
    filled.delete_for_good(filled.version("first").ids[:1], who="Ann", why="asked for")
    assert json.loads((out / "version.json").read_text())["annotation_formats"] == []


@pytest.mark.parametrize("at", ["before", "pictures", "export", "zip"])
def test_a_kill_in_between_is_completed_by_the_next_start(
    filled: Library, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    out = export(filled)
    gone = filled.version("first").ids[0]
    secrets = pictures(out, gone)
    places = {
        "before": (removal, "remove_from_exports"),
        "pictures": (removal, "_remove_pictures"),
        "export": (dataset, "write_card"),
        "zip": (removal, "write_zip"),
    }

    def die(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(*places[at], die)
        with pytest.raises(Killed):
            filled.delete_for_good([gone], who="Ann", why="asked for")
    with Library.open(filled.root) as again:
        assert_is_gone(again, out, gone, secrets)


def test_what_a_killed_export_left_goes_too(filled: Library) -> None:
    out = export(filled)
    part = out.with_name(f".{out.name}.abc.part")
    part.mkdir()
    (part / "photo.png").write_bytes(b"secret")
    filled.delete_for_good(filled.version("first").ids[:1], who="Ann", why="asked for")
    assert not part.exists()


def test_an_export_that_cannot_be_made_anew_is_withdrawn_and_says_so(filled: Library) -> None:
    export(filled)
    gone, other = filled.version("first").ids[:2]
    for place in (filled.files.crop, filled.files.original):
        place(other).unlink()
    filled.delete_for_good([gone], who="Ann", why="asked for")
    assert [path.name for path in filled.files.exports.iterdir()] == ["first-pairs.withdrawn.txt"]
    assert "cannot be made again" in (filled.files.exports / "first-pairs.withdrawn.txt").read_text()


def test_an_export_without_it_stays_as_it_is(filled: Library) -> None:
    out = export(filled)
    before = (out / "version.json").stat().st_ino
    stranger = next(i for i in filled.table().index if i not in filled.version("first").ids)
    filled.delete_for_good([stranger], who="Ann", why="asked for")
    assert (out / "version.json").stat().st_ino == before


def test_exports_elsewhere_are_listed_for_the_person_who_asks(filled: Library, tmp_path: Path) -> None:
    out = tmp_path / "disk of 한글" / "out"
    export_version(filled, "first", out)
    export(filled)
    first = filled.version("first").ids[0]
    stranger = next(i for i in filled.table().index if i not in filled.version("first").ids)
    assert filled.delete_for_good([stranger], who="Ann", why="asked for").elsewhere == ()
    (place,) = filled.delete_for_good([first], who="Ann", why="asked for").elsewhere
    assert place.startswith(f"{out} (version first, 20")
    assert (out / "version.json").is_file()  # a person's own folder is not touched


def test_an_image_deleted_while_it_is_exported_is_not_in_the_export(
    filled: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = filled.version("first").ids[0]
    write = dataset._write_version

    def delete_first(*arguments: object) -> None:
        if not filled.version("first").removed:
            filled.delete_for_good([gone], who="Ann", why="asked for")
        write(*arguments)

    monkeypatch.setattr(dataset, "_write_version", delete_first)
    export_version(filled, "first", tmp_path / "out", zip=True)
    assert len(rows(tmp_path / "out")) == 9
    assert gone not in (tmp_path / "out" / "members.jsonl").read_text()


@pytest.mark.parametrize("is_own", [True, False])
def test_an_image_deleted_while_it_is_packed_is_not_in_the_zip(
    filled: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_own: bool
) -> None:
    out = (filled.files.exports if is_own else tmp_path) / "first-pairs"
    gone, secrets, add = filled.version("first").ids[0], list[bytes](), publish._add_to_zip

    def delete_before_the_last(archive: zipfile.ZipFile, path: Path, name: str) -> None:
        if path.name == publish.VERSION_FILE and not secrets:
            secrets.extend(pictures(out, gone))
            filled.delete_for_good([gone], who="Ann", why="asked for")
        add(archive, path, name)

    monkeypatch.setattr(publish, "_add_to_zip", delete_before_the_last)
    export_version(filled, "first", out, zip=True)
    with zipfile.ZipFile(out.with_name(f"{out.name}.zip")) as archive:
        is_packed = [archive.read(name) in secrets for name in archive.namelist()]
    assert secrets and not any(is_packed)
    assert len(rows(out)) == 9


def test_uploads_that_wait_for_a_stopped_job_lose_it(filled: Library) -> None:
    data, _ = make_picture(0)
    other, _ = make_picture(1)
    spool = filled.files.jobs / "spool-0123456789abcdef"
    spool.mkdir(parents=True)
    (spool / "00000-a.jpg").write_bytes(data)
    (spool / "00001-b.jpg").write_bytes(other)
    with zipfile.ZipFile(spool / "heap.zip", "w") as archive:
        archive.writestr("a.jpg", data)
        archive.writestr("b.jpg", other)
    image_id = next(i for i in filled.table().index if filled.files.original(i).read_bytes() == data)
    filled.delete_for_good([image_id], who="Ann", why="asked for")
    assert sorted(path.name for path in spool.iterdir()) == ["00001-b.jpg", "heap.zip"]
    with zipfile.ZipFile(spool / "heap.zip") as archive:
        assert archive.namelist() == ["b.jpg"]
