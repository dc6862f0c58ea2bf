"""COCO: ``annotations/SPLIT.json`` with a box and five keypoints for each photo."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from core.face_frame import FRAME
from curation.export.annotations import CATEGORY, KEYPOINTS, FaceRow

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
