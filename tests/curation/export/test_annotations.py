"""Boxes and landmarks in the formats of other tools, read back by those who read such formats."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml

from curation.export.annotations import FORMATS
from curation.export.dataset import export_version
from curation.intake.sources import add_source
from curation.library.library import Library

FRAME = 512


@pytest.fixture(scope="module")
def exported(filled_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("annotated") / "out"
    own = shutil.copytree(filled_folder, out.with_name("library"))  # a library notes what was exported of it
    with Library.open(own) as library:
        export_version(library, "first", out, annotations=tuple(FORMATS))
    return out


def boxes_of(folder: Path) -> dict[str, np.ndarray]:
    """Box of each photo by its name, from the mesh in the manifest."""
    rows = map(json.loads, (folder / "manifest.jsonl").read_text().splitlines())
    meshes = {row["name"]: np.clip(np.array(row["landmarks"])[:, :2], 0, FRAME) for row in rows}
    return {name: np.concatenate([mesh.min(0), mesh.max(0)]) for name, mesh in meshes.items()}


def test_coco_has_the_boxes_and_keypoints_of_the_manifest(exported: Path) -> None:
    wanted, seen = boxes_of(exported), 0
    for path in (exported / "annotations").glob("*.json"):
        table = json.loads(path.read_text())
        files = {image["id"]: Path(image["file_name"]).stem for image in table["images"]}
        for one in table["annotations"]:
            x, y, width, height = one["bbox"]
            assert np.allclose((x, y, x + width, y + height), wanted[files[one["image_id"]]], atol=0.02)
            assert len(one["keypoints"]) == 3 * one["num_keypoints"] == 15
            seen += 1
    assert seen == len(wanted) == 10


def test_yolo_has_the_same_as_parts_of_the_photo(exported: Path) -> None:
    about = yaml.safe_load((exported / "data.yaml").read_text())
    assert about["names"] == {0: "face"} and about["kpt_shape"] == [5, 3]
    for name, box in boxes_of(exported).items():
        number, x, y, width, height, *points = map(
            float, (exported / f"photos/{name}.txt").read_text().split()
        )
        found = np.array([x - width / 2, y - height / 2, x + width / 2, y + height / 2]) * FRAME
        assert number == 0 and len(points) == 15
        assert np.allclose(found, box, atol=0.02)
    listed = [
        line for split in ("train", "val", "test") for line in (exported / about[split]).read_text().split()
    ]
    assert all((exported / line).is_file() for line in listed) and len(listed) == 10


def test_voc_has_the_same_in_whole_pixels_from_one(exported: Path) -> None:
    for name, box in boxes_of(exported).items():
        root = ElementTree.parse(exported / f"Annotations/{name}.xml").getroot()
        found = [
            float(root.findtext(f"object/bndbox/{side}") or 0) for side in ("xmin", "ymin", "xmax", "ymax")
        ]
        assert np.allclose(found, box + np.array([1, 1, 0, 0]), atol=0.51)
        assert len(root.findall("object/point")) == 5
    assert len(list((exported / "ImageSets/Main").glob("*.txt"))) == 3


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_written_can_be_imported_again(
    exported: Path, make_library: Callable[[str], Library], name: str
) -> None:
    library = make_library(name)
    answers = [answer for answer in add_source(library, exported, kind=name, workers=1) if answer.is_taken]
    photos = [answer for answer in answers if "sketches" not in answer.name]
    assert len(photos) == 10
    labels = library.labels_of([answer.image_id for answer in photos])
    assert set(labels.values()) == {("face",)}


def test_annotations_are_of_pairs_and_of_a_known_format(exported: Path, filled, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="coco, yolo, voc, got csv"):
        export_version(filled, "first", tmp_path / "x", annotations=["csv"])
    with pytest.raises(ValueError, match="only with pairs"):
        export_version(filled, "first", tmp_path / "x", kind="imagefolder", annotations=["coco"])
