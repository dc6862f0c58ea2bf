"""Pascal VOC: ``Annotations/NAME.xml`` with a box for each photo, and its landmarks as points."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from core.face_frame import FRAME
from curation.export.annotations import CATEGORY, KEYPOINTS, FaceRow


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
