"""Faces that people drew, through the whole studio: do the photos show what was drawn?

    python -m tests.benchmarks.human_drawings SHARED/data/human_sketches --sheets OUT

Each drawing is uploaded as a visitor would (`core.scan_cleanup.read_drawing`) and converted. For the pairs of a
drawing and the photo it was drawn from (``pencil_viewed``) the landmarks of both photos are aligned, fitted by
a similarity and compared, in % of the eye distance; the same against every other person's photo says whether
the drawing was heard at all. ``--sheets`` writes a contact sheet of all folders for each generator.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from core.assets import fetch
from core.images import read_photo, save_png
from core.landmarks import FaceLandmarker
from core.pipeline import SketchToFacePipeline
from core.scan_cleanup import PaperDrawing, read_drawing
from curation.align import find_alignment, move_points
from eval.metrics.faithfulness import landmark_distance

FOLDERS = ("pencil_viewed/sketch", "pencil_students", "lines", "pen_parts")
COLUMNS, TILE = 10, 160
Points = np.ndarray


def drawings_in(folder: Path) -> dict[str, PaperDrawing]:
    """What becomes of each file when it is uploaded, by name."""
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".png", ".jpg"))
    return {path.stem: read_drawing(path.read_bytes()) for path in files}


def distances(outputs: Sequence[Points | None], truths: Sequence[Points]) -> dict[str, float]:
    """Mean landmark distance of outputs to their own and to all other true photos, % of the eye distance.

    Parameters
    ----------
    outputs, truths : (478, 2 or 3) each
        Aligned landmarks; None for an output without a face.
    """
    own, others = [], []
    for number, output in enumerate(outputs):
        if output is None:
            continue
        away = [100 * landmark_distance(_fitted(output, true), true[:, :2]) for true in truths]
        own.append(away[number])
        others.append(float(np.mean([value for i, value in enumerate(away) if i != number])))
    to_own, to_others = float(np.mean(own)), float(np.mean(others))
    return {
        "faces": len(own),
        "own": round(to_own, 2),
        "somebody else": round(to_others, 2),
        "ratio": round(to_own / to_others, 3),
    }


def _fitted(points: Points, target: Points) -> Points:
    """Points moved by the similarity that brings their face points closest to those of ``target``."""
    here, there = (each[:468, 0] + 1j * each[:468, 1] for each in (points, target))
    centred = here - here.mean()
    turn = np.vdot(centred, there - there.mean()) / np.vdot(centred, centred).real
    moved = (points[:, 0] + 1j * points[:, 1] - here.mean()) * turn + there.mean()
    return np.stack([moved.real, moved.imag], axis=1)


def aligned_landmarks(landmarker: FaceLandmarker, photo: np.ndarray) -> Points | None:
    """Landmarks in the aligned frame, or None where no face is found."""
    found = landmarker.detect(photo)
    if found is None:
        return None
    alignment = find_alignment(found.points, (photo.shape[1], photo.shape[0]))
    return move_points(found.points, alignment.matrix)


def contact_sheet(sketches: Sequence[np.ndarray], photos: Sequence[np.ndarray]) -> np.ndarray:
    """Rows of sketches, each above its photos."""
    blank = np.full((TILE, TILE, 3), 255, np.uint8)
    rows = []
    for start in range(0, len(sketches), COLUMNS):
        for pictures in (sketches, photos):
            tiles = [_tile(picture) for picture in pictures[start : start + COLUMNS]]
            rows.append(np.hstack([*tiles, *[blank] * (COLUMNS - len(tiles))]))
    return np.vstack(rows)


def _tile(picture: np.ndarray) -> np.ndarray:
    colour = picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)
    return np.asarray(cv2.resize(colour, (TILE, TILE), interpolation=cv2.INTER_AREA), np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="with pencil_viewed/{sketch,photo} and further folders")
    parser.add_argument("--sheets", type=Path, help="where contact sheets go")
    parser.add_argument("--generators", nargs="+", default=["pix2pixhd"])
    parser.add_argument("--t", type=float, default=0.5)
    parser.add_argument("--modes", nargs="+", default=["hybrid"], choices=["hybrid", "whole", "none"])
    parser.add_argument("--stage1", nargs="+", default=["whole"], choices=["whole", "parts"])
    asked = parser.parse_args()

    drawings = {name: drawings_in(asked.folder / name) for name in FOLDERS if (asked.folder / name).is_dir()}
    for name, found in drawings.items():
        placed = [drawing.placed_by for drawing in found.values()]
        shaded = sum(drawing.is_shaded for drawing in found.values())
        counts = {way: placed.count(way) for way in sorted(set(placed))}
        print(json.dumps({"folder": name, "drawings": len(found), "shaded": shaded, "placed by": counts}))
    pipeline = SketchToFacePipeline.load()
    with FaceLandmarker(fetch("face_landmarker.task")) as landmarker:
        photo_of = {path.stem: path for path in (asked.folder / "pencil_viewed/photo").glob("*.png")}
        pairs = {
            name: true
            for name in drawings["pencil_viewed/sketch"]
            if name in photo_of
            and (true := aligned_landmarks(landmarker, read_photo(photo_of[name]))) is not None
        }
        files = [asked.folder / f"pencil_viewed/sketch/{name}.png" for name in pairs]
        drawn = [aligned_landmarks(landmarker, read_photo(file)) for file in files]
        print(json.dumps({"the drawings themselves": distances(drawn, list(pairs.values()))}))
        ways = [(g, mode, kind) for g in asked.generators for mode in asked.modes for kind in asked.stage1]
        for generator, mode, kind in ways:
            for name, found in drawings.items():
                how = {"generator": generator, "mode": mode, "stage1": kind, "t": asked.t}
                photos = {stem: pipeline(drawing.sketch, **how).photo for stem, drawing in found.items()}
                if name == "pencil_viewed/sketch":
                    outputs = [aligned_landmarks(landmarker, photos[stem]) for stem in pairs]
                    print(json.dumps(how | distances(outputs, list(pairs.values()))), flush=True)
                if asked.sheets is not None:
                    asked.sheets.mkdir(parents=True, exist_ok=True)
                    file = asked.sheets / f"{name.replace('/', '_')}-{generator}-{mode}-{kind}.png"
                    sketches = [drawing.sketch for drawing in found.values()]
                    save_png(file, contact_sheet(sketches, list(photos.values())))


if __name__ == "__main__":
    main()
