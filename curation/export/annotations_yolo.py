"""YOLO (pose): a text beside each photo, ``data.yaml``, and a list of photos for each split."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from core.face_frame import FRAME
from curation.export.annotations import CATEGORY, FLIPPED, KEYPOINTS, FaceRow


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
