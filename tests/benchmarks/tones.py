"""Do chosen tones arrive, and nothing else: ``python -m tests.benchmarks.tones --data PAIRS``.

Photos of held-out sketches are given each tone (`core.tones`). MediaPipe's mesh, which the transfer does not know,
says where skin, eyes, brows and mouth are:

- away: distance of the mean skin from the tone that was asked for, ΔE76; before it is that of the photo as painted;
- shading: correlation of the skin's lightness before and after;
- eyes, brows and mouth, ground: mean change there, ΔE76; the ground is the two upper corners;
- landmarks: how far they move, in % of the eye distance;
- ms: processor time of the transfer.

For hair the tone is compared with the mean of what changed. ``--sheet FILE`` shows the faces.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np

from core import face_mesh
from core.assets import fetch
from core.images import save_png
from core.landmarks import FaceLandmarker
from core.pipeline import SketchToFacePipeline
from core.tones import HAIR_TONES, SKIN_TONES, Lab, Photo, with_tones
from eval.metrics.faithfulness import landmark_distance
from tests.benchmarks.held_out_faces import held_out

FEATURES = (
    face_mesh.EYE_LEFT,
    face_mesh.EYE_RIGHT,
    face_mesh.BROW_LEFT_UPPER + face_mesh.BROW_LEFT_LOWER,
    face_mesh.BROW_RIGHT_UPPER + face_mesh.BROW_RIGHT_LOWER,
    face_mesh.LIPS_OUTER_UPPER + face_mesh.LIPS_OUTER_LOWER,
)
TARGETS: dict[str, dict[str, Lab]] = {"skin": {**SKIN_TONES}, "hair": {**HAIR_TONES}}


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, metavar="PAIRS")
    parser.add_argument("--limit", type=int, default=40, help="sketches at most (default %(default)s)")
    parser.add_argument("--sheet", type=Path, metavar="PNG")
    options = parser.parse_args()
    pipeline = SketchToFacePipeline.load()
    rows: dict[str, list[list[float]]] = {}
    sheet = []
    with FaceLandmarker(fetch("face_landmarker.task")) as landmarker:
        for sketch, _photo in held_out(options.data, options.limit):
            photo = pipeline(sketch).photo
            found = None if photo is None else landmarker.detect(photo)
            if photo is None or found is None:
                continue
            skin, features = _areas(photo, found.points)
            faces = [photo]
            for what, name in ((what, name) for what, names in TARGETS.items() for name in names):
                start = time.process_time()
                faces.append(with_tones(photo, **{what: name}))  # type: ignore[arg-type]
                ms = 1000 * (time.process_time() - start)
                after = landmarker.detect(faces[-1])
                moved = np.nan if after is None else 100 * landmark_distance(after.points, found.points)
                figures = _figures(what, name, photo, faces[-1], skin, features)
                rows.setdefault(f"{what} {name}", []).append([*figures, moved, ms])
            sheet.append(
                np.hstack([cv2.resize(face, (160, 160), interpolation=cv2.INTER_AREA) for face in faces])
            )
    print("| tone | before | away | shading r | eyes, brows, mouth | ground | landmarks % | ms |")
    print("|" + " --- |" * 8)
    for name, values in rows.items():
        print(f"| {name} | " + " | ".join(f"{value:.2f}" for value in np.nanmedian(values, axis=0)) + " |")
    print(f"\nMedians of {len(sheet)} faces.")
    if options.sheet:
        save_png(options.sheet, np.vstack(sheet))


def _areas(photo: Photo, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where skin is, and eyes, brows and mouth: two masks (H, W) bool."""
    features, skin = np.zeros(photo.shape[:2], np.uint8), np.zeros(photo.shape[:2], np.uint8)
    for mask, outlines in ((skin, (face_mesh.FACE_OVAL,)), (features, FEATURES)):
        for outline in outlines:
            hull = cv2.convexHull(points[list(outline), :2].astype(np.int32))
            cv2.fillConvexPoly(mask, hull, 1)
    grown = cv2.dilate(features, np.ones((17, 17), np.uint8))
    inner = cv2.erode(skin, np.ones((25, 25), np.uint8))
    return (inner > 0) & (grown == 0), features > 0


def _figures(
    what: str, name: str, photo: Photo, toned: Photo, skin: np.ndarray, features: np.ndarray
) -> list[float]:
    before, after = (
        cv2.cvtColor(each.astype(np.float32) / 255, cv2.COLOR_RGB2LAB) for each in (photo, toned)
    )
    change = np.linalg.norm(after - before, axis=2)
    wanted = np.array(TARGETS[what][name])
    where = skin if what == "skin" else change > 0.5 * np.percentile(change, 99)
    shading = np.corrcoef(before[..., 0][where], after[..., 0][where])[0, 1]
    side = photo.shape[0] // 12
    ground = np.concatenate([change[:side, :side].ravel(), change[:side, -side:].ravel()])
    away = [float(np.linalg.norm(each[where].mean(axis=0) - wanted)) for each in (before, after)]
    return [*away, float(shading), float(change[features].mean()), float(ground.mean())]


if __name__ == "__main__":
    main()
