"""Formats of other tools that an export can carry besides its own: one line and one module each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from curation.export.annotations import FaceRow
from curation.export.annotations_coco import write_coco
from curation.export.annotations_voc import write_voc
from curation.export.annotations_yolo import write_yolo

FORMATS: Mapping[str, Callable[[Path, Iterable[FaceRow]], None]] = {
    "coco": write_coco, "yolo": write_yolo, "voc": write_voc,
}  # fmt: skip
