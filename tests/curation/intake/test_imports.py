"""Datasets in other tools' formats: classes become labels, licences provenance."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from curation.intake.imports import clean_labels
from curation.intake.ingestion import IntakeResult
from curation.intake.sources import Origin, add_source
from curation.library.library import Library
from tests.curation.intake.pictures import plain


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library") as opened:
        yield opened


def by_name(answers: Iterator[IntakeResult]) -> dict[str, IntakeResult]:
    return {answer.name: answer for answer in answers}


def labels(library: Library, answer: IntakeResult) -> tuple[str, ...]:
    return tuple(library.labels_of([answer.image_id]).get(answer.image_id, ()))


def write(path: Path, data: bytes | object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    folder = tmp_path / "coco"
    for number in range(4):
        write(folder / "val2017" / f"{number:012d}.jpg", plain("JPEG", seed=number))
    write(tmp_path / "outside.jpg", plain("JPEG", seed=9))
    table = {
        "licenses": [{"id": 4, "name": "Attribution License", "url": "https://creativecommons.org/licenses/by/2.0/"}],
        "categories": [{"id": 1, "name": "Person"}, {"id": 27, "name": "Sun glasses"}],
        "images": [
            {"id": 10, "file_name": "000000000000.jpg", "license": 4, "coco_url": "https://images.example/0.jpg",
             "flickr_url": "https://flickr.example/0"},
            {"id": 11, "file_name": "000000000001.jpg"},
            {"id": 12, "file_name": "000000000002.jpg", "license": 99},
            {"id": 13, "file_name": "../../outside.jpg"},
            {"id": 14, "file_name": "missing.jpg"},
        ],
        "annotations": [
            {"id": 1, "image_id": 10, "category_id": 1, "bbox": [0, 0, 9, 9]},
            {"id": 2, "image_id": 10, "category_id": 27, "bbox": [0, 0, 9, 9]},
            {"id": 3, "image_id": 10, "category_id": 1, "bbox": [3, 3, 9, 9]},
            {"id": 4, "image_id": 11, "category_id": 27, "bbox": [0, 0, 9, 9]},
        ],
    }  # fmt: skip
    write(folder / "annotations" / "instances_val2017.json", table)
    return folder


def test_coco_categories_become_labels_and_licences_provenance(library: Library, coco: Path, capsys) -> None:
    answers = by_name(add_source(library, coco, kind="coco", workers=1))
    assert {name: answer.outcome for name, answer in answers.items()} == {
        "000000000000.jpg": "added", "000000000001.jpg": "added", "000000000002.jpg": "added",
        "../../outside.jpg": "refused", "missing.jpg": "refused",
    }  # fmt: skip
    assert answers["../../outside.jpg"].code == "unsafe_name"
    assert answers["missing.jpg"].code == "unreadable"
    assert labels(library, answers["000000000000.jpg"]) == ("person", "sun glasses")
    assert labels(library, answers["000000000001.jpg"]) == ("sun glasses",)
    assert labels(library, answers["000000000002.jpg"]) == ()
    (origin,) = library.provenance(answers["000000000000.jpg"].image_id)
    assert origin.source == "import:coco"
    assert origin.url == "https://images.example/0.jpg"
    assert origin.page == "https://flickr.example/0"
    assert origin.licence == "Attribution License https://creativecommons.org/licenses/by/2.0/"
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("listed", ["deep\\표준.jpg", unicodedata.normalize("NFD", "deep/표준.jpg")])
def test_a_path_that_another_system_has_written_is_found(
    library: Library, tmp_path: Path, listed: str
) -> None:
    write(tmp_path / "coco" / "images" / "deep" / "표준.jpg", plain("JPEG"))
    write(tmp_path / "coco" / "a.json", {"images": [{"id": 1, "file_name": listed}]})
    (answer,) = add_source(library, tmp_path / "coco", kind="coco", workers=1)
    assert answer.outcome == "added"


@pytest.mark.parametrize(("written", "listed"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_labels_find_pictures_that_another_system_named(
    library: Library, tmp_path: Path, written: str, listed: str
) -> None:
    picture, label = (unicodedata.normalize(form, "표준") for form in (written, listed))
    write(tmp_path / "yolo" / "images" / f"{picture}.png", plain("PNG", seed=1))
    write(tmp_path / "yolo" / "labels" / f"{label}.txt", b"0 .5 .5 .1 .1\n")
    write(tmp_path / "yolo" / "classes.txt", b"face\n")
    (answer,) = add_source(library, tmp_path / "yolo", kind="yolo", workers=1)
    assert labels(library, answer) == ("face",)
    write(tmp_path / "images" / "train" / f"{picture}.png", plain("PNG", seed=2))
    row = {"file_name": f"{label}.png", "labels": ["hat"]}
    write(tmp_path / "images" / "train" / "metadata.jsonl", row)
    (answer,) = add_source(library, tmp_path / "images", kind="imagefolder", workers=1)
    assert labels(library, answer) == ("hat",)


def test_a_path_with_backslashes_leads_out_no_more_than_others(library: Library, tmp_path: Path) -> None:
    write(tmp_path / "outside.jpg", plain("JPEG"))
    write(tmp_path / "coco" / "a.json", {"images": [{"id": 1, "file_name": "x\\..\\..\\outside.jpg"}]})
    (answer,) = add_source(library, tmp_path / "coco", kind="coco", workers=1)
    assert answer.code == "unsafe_name"


def test_importing_twice_changes_nothing(library: Library, coco: Path) -> None:
    first = by_name(add_source(library, coco, kind="coco", workers=1))
    image_id = first["000000000000.jpg"].image_id
    decisions = len(library.history(image_id))
    second = by_name(add_source(library, coco, kind="coco", workers=1))
    assert second["000000000000.jpg"].outcome == "known"
    assert len(library.history(image_id)) == decisions
    assert len(library.provenance(image_id)) == 1


def test_a_label_that_a_person_added_stays_beside_the_imported_ones(library: Library, coco: Path) -> None:
    image_id = by_name(add_source(library, coco, kind="coco", workers=1))["000000000001.jpg"].image_id
    library.decide([image_id], "keep", reviewer="ada", add_labels=["smile"])
    list(add_source(library, coco, kind="coco", workers=1))
    assert tuple(library.labels_of([image_id])[image_id]) == ("smile", "sun glasses")
    assert library.table().loc[image_id, "decision"] == "keep"


@pytest.mark.parametrize(
    "table", [b"nonsense", b"[]", b"{}", {"images": [{"id": 1}]}, {"images": 5}, b"[" * 100_000]
)  # fmt: skip
def test_a_table_that_is_not_coco_s_is_named(library: Library, tmp_path: Path, table: bytes | object) -> None:
    write(tmp_path / "broken" / "table.json", table)
    with pytest.raises(ValueError, match=r"table\.json"):
        list(add_source(library, tmp_path / "broken", kind="coco", workers=1))


def test_a_folder_without_annotations_is_no_coco(library: Library, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no COCO annotations"):
        add_source(library, tmp_path, kind="coco")


def test_class_folders_and_splits_become_labels(library: Library, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    write(folder / "train" / "Glasses" / "a.jpg", plain("JPEG", seed=1))
    write(folder / "train" / "plain face" / "b.png", plain("PNG", seed=2))
    write(folder / "test" / "Glasses" / "c.jpg", plain("JPEG", seed=3))
    write(folder / "test" / "Glasses" / "broken.jpg", b"no picture")
    answers = by_name(add_source(library, folder, kind="imagefolder", workers=1))
    assert labels(library, answers["train/Glasses/a.jpg"]) == ("glasses",)
    assert labels(library, answers["train/plain face/b.png"]) == ("plain face",)
    assert labels(library, answers["test/Glasses/c.jpg"]) == ("glasses",)
    assert answers["test/Glasses/broken.jpg"].code == "not_a_picture"
    assert {answer.outcome for answer in answers.values()} == {"added", "refused"}


def test_metadata_becomes_labels_and_provenance(library: Library, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    rows = []
    for number in range(3):
        write(folder / "train" / f"{number}.png", plain("PNG", seed=number))
        rows.append(
            {"file_name": f"{number}.png", "labels": ["hat", f"n{number}"], "license": "CC0", "author": "Ada",
             "url": f"https://example.org/{number}"}
        )  # fmt: skip
    write(folder / "train" / "metadata.jsonl", "\n".join(map(json.dumps, rows)).encode())
    answers = by_name(add_source(library, folder, kind="imagefolder", workers=1))
    assert labels(library, answers["train/1.png"]) == ("hat", "n1")
    (origin,) = library.provenance(answers["train/1.png"].image_id)
    assert (origin.source, origin.licence, origin.author, origin.url) == (
        "import:imagefolder", "CC0", "Ada", "https://example.org/1",
    )  # fmt: skip


def test_a_folder_without_pictures_is_no_imagefolder(library: Library, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no ImageFolder"):
        add_source(library, tmp_path / "empty", kind="imagefolder")


@pytest.mark.parametrize("classes", [["cat", "dog"], None])
def test_fiftyone_s_labels_are_read_in_all_their_shapes(
    library: Library, tmp_path: Path, classes: list[str] | None
) -> None:
    folder = tmp_path / "fiftyone"
    names = ["a.jpg", "b.jpg", "deep/c.jpg", "d.jpg", "e.jpg"]
    for seed, name in enumerate(names):
        write(folder / "data" / name, plain("JPEG", seed=seed))
    dog = 1 if classes else "dog"
    table = {
        "classes": classes,
        "labels": {
            "a": dog, "b": {"label": dog, "confidence": 0.9}, "deep/c": [dog, {"label": 0 if classes else "cat"}],
            "d": None, "gone": dog, "../../x": dog,
        },
    }  # fmt: skip
    write(folder / "labels.json", {key: value for key, value in table.items() if value is not None})
    answers = by_name(add_source(library, folder, kind="fiftyone", workers=1))
    assert labels(library, answers["a.jpg"]) == labels(library, answers["b.jpg"]) == ("dog",)
    assert labels(library, answers["deep/c.jpg"]) == ("cat", "dog")
    assert labels(library, answers["d.jpg"]) == ()
    assert (answers["gone"].code, answers["../../x"].code) == ("unreadable", "unsafe_name")
    assert "e.jpg" not in answers  # not in the table


def test_a_folder_for_each_class_is_read_as_fiftyone_writes_it(library: Library, tmp_path: Path) -> None:
    folder = tmp_path / "tree"
    write(folder / "hat" / "a.jpg", plain("JPEG", seed=1))
    write(folder / "_unlabeled" / "b.jpg", plain("JPEG", seed=2))
    answers = by_name(add_source(library, folder, Origin("import:x", "CC0"), kind="fiftyone", workers=1))
    assert labels(library, answers["hat/a.jpg"]) == ("hat",)
    assert labels(library, answers["_unlabeled/b.jpg"]) == ()
    assert library.provenance(answers["hat/a.jpg"].image_id)[0].licence == "CC0"


@pytest.mark.parametrize("table", [b"nonsense", b"[]", {"labels": []}, {"classes": 3, "labels": {}}])
def test_a_table_that_is_not_fiftyone_s_is_named(
    library: Library, tmp_path: Path, table: bytes | object
) -> None:
    write(tmp_path / "broken" / "labels.json", table)
    (tmp_path / "broken" / "data").mkdir()
    with pytest.raises(ValueError, match=r"labels\.json"):
        add_source(library, tmp_path / "broken", kind="fiftyone", workers=1)


def test_links_in_a_dataset_are_not_followed(library: Library, tmp_path: Path) -> None:
    write(tmp_path / "outside" / "secret.jpg", plain("JPEG"))
    folder = tmp_path / "coco"
    write(
        folder / "a.json",
        {"images": [{"id": 1, "file_name": "link.jpg"}, {"id": 2, "file_name": "sub/secret.jpg"}]},
    )
    (folder / "link.jpg").symlink_to(tmp_path / "outside" / "secret.jpg")
    (folder / "sub").symlink_to(tmp_path / "outside")
    answers = by_name(add_source(library, folder, kind="coco", workers=1))
    assert {name: answer.code for name, answer in answers.items()} == {
        "link.jpg": "link", "sub/secret.jpg": "unsafe_name",
    }  # fmt: skip


def yolo(folder: Path, names: object) -> Path:
    for place, seed in (("images/train/a.jpg", 1), ("images/train/b.jpg", 2), ("valid/images/c.jpg", 3)):
        write(folder / place, plain("JPEG", seed=seed))
    write(folder / "labels/train/a.txt", b"0 .5 .5 .1 .1\n1 .2 .2 .1 .1 .3 .3 2\n0 .1 .1 .1 .1\n")
    write(folder / "valid/labels/c.txt", b"7 .5 .5 .1 .1\n")
    if names is not None:
        write(folder / "data.yaml", yaml.safe_dump({"names": names}).encode())
    return folder


@pytest.mark.parametrize("names", [["Face", "Hat"], {0: "Face", 1: "Hat"}])
def test_yolo_classes_become_labels_in_all_splits(library: Library, tmp_path: Path, names: object) -> None:
    answers = by_name(add_source(library, yolo(tmp_path / "yolo", names), kind="yolo", workers=1))
    assert labels(library, answers["images/train/a.jpg"]) == ("face", "hat")
    assert labels(library, answers["images/train/b.jpg"]) == ()  # nothing on it
    assert labels(library, answers["valid/images/c.jpg"]) == ("class 7",)


def test_yolo_classes_are_named_in_a_text_beside_the_pictures_too(library: Library, tmp_path: Path) -> None:
    folder = tmp_path / "labelimg"
    write(folder / "a.jpg", plain("JPEG"))
    write(folder / "a.txt", b"1 .5 .5 .1 .1\n")
    write(folder / "classes.txt", "얼굴\n모자\n".encode("cp949"))
    assert labels(library, by_name(add_source(library, folder, kind="yolo", workers=1))["a.jpg"]) == ("모자",)


@pytest.mark.parametrize("table", [b"a: &a [x]\nnames: *a\n", b"names: [", b"\xff\xfe\xff"])
def test_names_that_are_no_plain_yaml_are_refused(library: Library, tmp_path: Path, table: bytes) -> None:
    folder = yolo(tmp_path / "yolo", None)
    write(folder / "data.yaml", table)
    with pytest.raises(ValueError, match=r"data\.yaml"):
        add_source(library, folder, kind="yolo", workers=1)


VOC = b"""<annotation><folder>VOC</folder><filename>%s</filename>
<object><name>Person</name><bndbox><xmin>1</xmin></bndbox></object><object><name>hat</name></object></annotation>"""


def test_voc_objects_become_labels(library: Library, tmp_path: Path) -> None:
    folder = tmp_path / "voc"
    write(folder / "JPEGImages" / "a.jpg", plain("JPEG"))
    for name in (b"a.jpg", b"../../x.jpg", b"gone.jpg"):
        write(folder / "Annotations" / f"{len(name)}.xml", VOC % name)
    answers = by_name(add_source(library, folder, kind="voc", workers=1))
    assert labels(library, answers["a.jpg"]) == ("hat", "person")
    assert (answers["../../x.jpg"].code, answers["gone.jpg"].code) == ("unsafe_name", "unreadable")


@pytest.mark.parametrize(
    "table", [b"<html/>", b"nonsense", b'<!DOCTYPE a [<!ENTITY b "c">]><annotation/>', b"<annotation/>"]
)
def test_a_table_that_is_not_voc_s_is_named(library: Library, tmp_path: Path, table: bytes) -> None:
    write(tmp_path / "voc" / "Annotations" / "1.xml", table)
    with pytest.raises(ValueError, match=r"1\.xml"):
        add_source(library, tmp_path / "voc", kind="voc", workers=1)


def test_labels_become_text_that_the_library_takes() -> None:
    assert clean_labels(["  Sun\n Glasses ", "hat", "HAT", None, "", 3, "x" * 100]) == (
        "3", "hat", "sun glasses", "x" * 40,
    )  # fmt: skip
