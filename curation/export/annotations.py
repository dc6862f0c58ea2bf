"""Write the boxes and landmarks of an export as COCO, YOLO or Pascal VOC.

A format is a function that writes it, named in `FORMATS`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from core.face_frame import FRAME
from curation.manifest import MANIFEST

CATEGORY = "face"
# Points of the mesh (MediaPipe's numbering) whose mean each keypoint is; left and right as in the image.
KEYPOINTS = {
    "left_eye": (33, 133), "right_eye": (362, 263), "nose": (1,), "mouth_left": (61,), "mouth_right": (291,),
}  # fmt: skip
FLIPPED = (1, 0, 2, 4, 3)  # order of the keypoints in a mirrored photo
_MESH = 478


@dataclass(frozen=True)
class FaceRow:
    """One exported photo, `FRAME` pixels wide and high."""

    name: str
    photo: str  # its path below the export
    split: str
    # Left, top, right and bottom of the mesh in pixels; none where no mesh is known.
    box: tuple[float, float, float, float] | None = None
    keypoints: tuple[tuple[float, float], ...] = ()  # a pixel position for each of `KEYPOINTS`


def read_faces(folder: Path) -> Iterator[FaceRow]:
    """Read the photos of an export from its manifest, in its order."""
    with (folder / MANIFEST).open(encoding="utf-8") as file:
        for row in map(json.loads, file):
            if row["photo"]:
                yield _face_row(row["name"], row["photo"], row["split"], row["landmarks"])


def _face_row(name: str, photo: str, split: str, landmarks: list[list[float]] | None) -> FaceRow:
    mesh = np.array(landmarks or [], dtype=np.float64)
    if len(mesh) != _MESH:
        return FaceRow(name, photo, split)
    points = np.clip(mesh[:, :2], 0, FRAME)
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    if right <= left or bottom <= top:
        return FaceRow(name, photo, split)
    means = (points[list(some)].mean(axis=0).round(2).tolist() for some in KEYPOINTS.values())
    return FaceRow(name, photo, split, (left, top, right, bottom), tuple((x, y) for x, y in means))


VISIBLE = 2


def write_coco(folder: Path, faces: Iterable[FaceRow]) -> None:
    """Write the annotations of an export; paths are below its folder."""
    tables: dict[str, dict[str, list[dict[str, Any]]]] = defaultdict(
        lambda: {"images": [], "annotations": []}
    )
    for number, face in enumerate(faces, start=1):
        table = tables[face.split]
        table["images"].append({"id": number, "file_name": face.photo, "width": FRAME, "height": FRAME})
        if face.box is None:
            continue
        left, top, right, bottom = face.box
        width, height = round(right - left, 2), round(bottom - top, 2)
        points = [value for x, y in face.keypoints for value in (x, y, VISIBLE)]
        table["annotations"].append({
            "id": number, "image_id": number, "category_id": 1, "iscrowd": 0, "area": round(width * height, 2),
            "bbox": [left, top, width, height], "keypoints": points, "num_keypoints": len(face.keypoints),
        })  # fmt: skip
    category = {
        "id": 1, "name": CATEGORY, "supercategory": "person", "keypoints": list(KEYPOINTS), "skeleton": [],
    }  # fmt: skip
    place = folder / "annotations"
    place.mkdir()
    for split, table in tables.items():
        text = json.dumps({**table, "categories": [category]}, indent=1)
        (place / f"{split}.json").write_text(text + "\n", encoding="utf-8", newline="\n")


def write_voc(folder: Path, faces: Iterable[FaceRow]) -> None:
    """Write the annotations of an export, and ``ImageSets/Main/SPLIT.txt``."""
    place, sets = folder / "Annotations", folder / "ImageSets" / "Main"
    place.mkdir()
    sets.mkdir(parents=True)
    names: dict[str, list[str]] = defaultdict(list)
    for face in faces:
        names[face.split].append(f"{face.name}\n")
        tree = _tree(face)
        ElementTree.indent(tree)
        text = ElementTree.tostring(tree, encoding="unicode")
        (place / f"{face.name}.xml").write_text(text + "\n", encoding="utf-8", newline="\n")
    for split, some in names.items():
        (sets / f"{split}.txt").write_text("".join(some), encoding="utf-8", newline="\n")


def _tree(face: FaceRow) -> Element:
    root = Element("annotation")
    photo = PurePosixPath(face.photo)
    _add(root, "folder", photo.parent)
    _add(root, "filename", photo.name)
    size = SubElement(root, "size")
    for name, pixels in (("width", FRAME), ("height", FRAME), ("depth", 3)):
        _add(size, name, pixels)
    if face.box is not None:
        found = SubElement(root, "object")
        _add(found, "name", CATEGORY)
        for name in ("truncated", "difficult"):
            _add(found, name, 0)
        box = SubElement(found, "bndbox")
        for side, place in zip(("xmin", "ymin", "xmax", "ymax"), face.box, strict=True):
            _add(box, side, round(place) + (side in ("xmin", "ymin")))  # pixels from 1, both ends within
        for name, (x, y) in zip(KEYPOINTS, face.keypoints, strict=True):
            point = SubElement(found, "point")
            _add(point, "name", name)
            _add(point, "x", x)
            _add(point, "y", y)
    return root


def _add(parent: Element, name: str, value: object) -> None:
    SubElement(parent, name).text = str(value)


def write_yolo(folder: Path, faces: Iterable[FaceRow]) -> None:
    """Write the annotations of an export: class, box and five keypoints, all as parts of the photo's size.

    Trainers look for the text of a photo beside it where no folder is called ``images``.
    """
    lists: dict[str, list[str]] = defaultdict(list)
    for face in faces:
        lists[face.split].append(f"./{face.photo}\n")
        text = ""
        if face.box is not None:
            left, top, right, bottom = face.box
            box = ((left + right) / 2, (top + bottom) / 2, right - left, bottom - top)
            points = [f"{x / FRAME:.6f} {y / FRAME:.6f} 2" for x, y in face.keypoints]
            text = " ".join(["0", *(f"{value / FRAME:.6f}" for value in box), *points]) + "\n"
        (folder / face.photo).with_suffix(".txt").write_text(text, encoding="utf-8", newline="\n")
    lines = ["path: ."]
    for split, photos in lists.items():
        (folder / f"yolo_{split}.txt").write_text("".join(photos), encoding="utf-8", newline="\n")
        lines.append(f"{split}: yolo_{split}.txt")
    lines += [f"kpt_shape: [{len(KEYPOINTS)}, 3]", f"flip_idx: {list(FLIPPED)}", f"names:\n  0: {CATEGORY}"]
    (folder / "data.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


FORMATS: Mapping[str, Callable[[Path, Iterable[FaceRow]], None]] = {
    "coco": write_coco, "yolo": write_yolo, "voc": write_voc,
}  # fmt: skip
