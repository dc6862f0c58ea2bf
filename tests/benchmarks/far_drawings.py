"""Does "far from any face" tell drawings of faces from what is none? Balanced accuracy on a labelled set.

    python -m tests.benchmarks.far_drawings

Faces: the demo drawings that are whole, each also a little turned and shifted, and each with a cap. No faces:
the same made small in a corner, as two heads, with the mouth below the chin, upside down; a smiley, a house,
text, a spiral, a grid.
"""

from __future__ import annotations

import json

import cv2
import numpy as np
from PIL import Image

from core.config import ROOT
from core.pipeline import SketchToFacePipeline
from dashboard.views.draw.decisions import FAR_PX, LOW_CONFIDENCE, misfit_px
from eval.metrics.sketch_agreement import lines_of

UNFINISHED = ("half_done", "eyes_and_brows")
Sketches = dict[str, np.ndarray]


def labelled() -> tuple[Sketches, Sketches]:
    """Faces and what is none, (512, 512) uint8 each, by name."""
    rng = np.random.default_rng(0)
    faces: Sketches = {}
    others = _no_faces()
    for path in sorted((ROOT / "data" / "demo" / "drawings").glob("*.png")):
        name, drawing = path.stem, np.asarray(Image.open(path).convert("L"))
        if name in UNFINISHED:
            continue
        turn = cv2.getRotationMatrix2D((256, 280), rng.uniform(-4, 4), rng.uniform(0.95, 1.05))
        turn[:, 2] += rng.uniform(-10, 10, 2)
        faces |= {name: drawing, f"{name}, turned": _moved(drawing, turn), f"{name}, cap": _with_cap(drawing)}
        x, y = rng.uniform(10, 250, 2)
        halves = [_moved(drawing, np.array([[0.5, 0, left], [0, 0.5, 120]])) for left in (0, 256)]
        others |= {
            f"{name}, small": _moved(drawing, np.array([[0.45, 0, x], [0, 0.45, y]])),
            f"{name}, two heads": np.minimum(*halves),
            f"{name}, mouth below the chin": _with_low_mouth(drawing),
            f"{name}, upside down": drawing[::-1],
        }
    return faces, others


def _moved(drawing: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.warpAffine(drawing, matrix, (512, 512), borderValue=255), np.uint8)


def _with_cap(drawing: np.ndarray) -> np.ndarray:
    crown = np.zeros((512, 512), np.uint8)
    cv2.ellipse(crown, (256, 150), (168, 118), 0, 180, 360, 255, -1)
    capped = np.where(crown > 0, 255, drawing).astype(np.uint8)
    cv2.ellipse(capped, (256, 150), (170, 120), 0, 180, 360, 0, 4)
    cv2.line(capped, (60, 152), (452, 152), 0, 4)
    return capped


def _with_low_mouth(drawing: np.ndarray) -> np.ndarray:
    moved = drawing.copy()
    moved[340:430, 180:332] = 255
    lower = _moved(drawing, np.array([[1.0, 0, 0], [0, 1.0, 95]]))
    moved[435:, 180:332] = np.minimum(moved[435:, 180:332], lower[435:, 180:332])
    return moved


def _no_faces() -> Sketches:
    smiley, house, text, spiral, grid = (np.full((512, 512), 255, np.uint8) for _ in range(5))
    cv2.circle(smiley, (256, 256), 200, 0, 4)
    for x in (190, 322):
        cv2.circle(smiley, (x, 200), 18, 0, -1)
    cv2.ellipse(smiley, (256, 280), (110, 90), 0, 10, 170, 0, 5)
    cv2.rectangle(house, (120, 240), (392, 460), 0, 4)
    cv2.polylines(house, [np.array([[100, 240], [256, 100], [412, 240]])], False, 0, 4)
    cv2.rectangle(house, (220, 340), (290, 460), 0, 4)
    for row in range(6):
        cv2.putText(text, "hello world", (30, 90 + 70 * row), cv2.FONT_HERSHEY_SIMPLEX, 2.2, 0, 4)
    angle = np.linspace(0, 40, 800)
    curve = np.stack([256 + 5 * angle * np.cos(angle), 256 + 5 * angle * np.sin(angle)], axis=1)
    cv2.polylines(spiral, [curve.astype(np.int32)], False, 0, 3)
    for place in range(0, 512, 40):
        cv2.line(grid, (place, 0), (place, 511), 0, 2)
        cv2.line(grid, (0, place), (511, place), 0, 2)
    return {"smiley": smiley, "house": house, "text": text, "spiral": spiral, "grid": grid}


def main() -> None:
    pipeline = SketchToFacePipeline.load()
    far: dict[str, list[list[bool]]] = {"misfit": [], "confidence": []}
    for drawings in labelled():
        results = {name: pipeline(drawing) for name, drawing in drawings.items()}
        misfits = {
            name: misfit_px(lines_of(drawings[name]), result.neighbours) or 0.0
            for name, result in results.items()
        }
        far["misfit"].append([value > FAR_PX for value in misfits.values()])
        far["confidence"].append([(result.confidence or 0) < LOW_CONFIDENCE for result in results.values()])
    for name, (faces, others) in far.items():
        rates = {"faces called far": np.mean(faces), "others called far": np.mean(others)}
        balanced = (1 - rates["faces called far"] + rates["others called far"]) / 2
        row = {"by": name, "faces": len(faces), "others": len(others), **rates, "balanced accuracy": balanced}
        print(
            json.dumps(
                {
                    key: value if isinstance(value, str | int) else round(float(value), 3)
                    for key, value in row.items()
                }
            )
        )


if __name__ == "__main__":
    main()
