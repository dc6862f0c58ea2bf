"""Where the face lies in each exported photo, for the formats of other tools.

A format is a module with a function that writes it, named in `curation.export.annotation_formats`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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
    """One exported photo, `FRAME` pixels wide and high.

    Attributes
    ----------
    photo
        Its path below the export.
    box
        Left, top, right and bottom of the mesh in pixels; none where no mesh is known.
    keypoints
        A pixel position for each of `KEYPOINTS`.
    """

    name: str
    photo: str
    split: str
    box: tuple[float, float, float, float] | None = None
    keypoints: tuple[tuple[float, float], ...] = ()


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
