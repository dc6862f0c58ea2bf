"""How often does the Draw page say that something was left out, and how much is named of what was drawn to be left out?

    python -m tests.benchmarks.unpainted_features --data PAIRS --drawings SHARED/data/human_sketches

Held-out sketches show nothing that the networks do not know, so that hardly anything may be named. Human drawings are
read as an upload is. Over every fifth held-out sketch something is drawn: glasses, a mouth half as wide again, eyes to
one side, a word. What is painted after all is rightly not named, so these shares have no mark to reach.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np

from core import face_mesh
from core.images import read_photo
from core.pipeline import SketchToFacePipeline
from core.training.splits import VAL, assign_splits, read_manifest
from eval.metrics.sketch_agreement import lines_of
from eval.metrics.unpainted import unpainted_features
from tests.benchmarks.human_drawings import FOLDERS, drawings_in

LIPS = (
    face_mesh.LIPS_OUTER_UPPER, face_mesh.LIPS_OUTER_LOWER, face_mesh.LIPS_INNER_UPPER, face_mesh.LIPS_INNER_LOWER,
)  # fmt: skip
EYES = (
    (face_mesh.EYE_LEFT_UPPER, face_mesh.EYE_LEFT_LOWER, face_mesh.IRIS_LEFT),
    (face_mesh.EYE_RIGHT_UPPER, face_mesh.EYE_RIGHT_LOWER, face_mesh.IRIS_RIGHT),
)
Sketch = np.ndarray
Points = np.ndarray


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, metavar="PAIRS")
    parser.add_argument("--drawings", type=Path, metavar="FOLDER", help="human drawings")
    parser.add_argument(
        "--limit", type=int, default=300, help="held-out sketches at most (default %(default)s)"
    )
    asked = parser.parse_args()

    rows = {row["name"]: row for row in read_manifest(asked.data)}
    names = assign_splits(rows.values()).names(VAL)
    chosen = [names[i] for i in np.linspace(0, len(names) - 1, min(asked.limit, len(names))).astype(int)]
    held_out = {name: read_photo(asked.data / "sketches" / f"{name}.png")[..., 0] for name in chosen}
    points = {name: np.array(rows[name]["landmarks"], np.float32)[:, :2] for name in chosen}
    pipeline = SketchToFacePipeline.load()
    report(pipeline, "held out", held_out.values())
    if asked.drawings is not None:
        for folder in FOLDERS:
            read = drawings_in(asked.drawings / folder)
            report(pipeline, folder, [drawing.sketch for drawing in read.values()])
    for name, plant in PLANTS.items():
        report(pipeline, f"with {name}", [plant(held_out[case].copy(), points[case]) for case in chosen[::5]])


def report(pipeline: SketchToFacePipeline, name: str, sketches: Iterable[Sketch]) -> None:
    """Print what is named, and the CPU time beside what the misfit needs anyway."""
    named, spent = [], []
    for sketch in sketches:
        result = pipeline(np.ascontiguousarray(sketch))
        if result.photo is None or result.refined_sketch is None:
            continue
        lines = lines_of(sketch)
        start = time.thread_time()
        named.append(unpainted_features(sketch, result.refined_sketch, result.photo, lines=lines))
        spent.append(1000 * (time.thread_time() - start))
    counts = dict(Counter(feature for features in named for feature in features).most_common())
    said = sum(bool(features) for features in named)
    print(
        json.dumps(
            {"drawings": name, "n": len(named), "named": said, **counts, "ms": round(np.median(spent), 1)}
        )
    )


def with_glasses(sketch: Sketch, points: Points) -> Sketch:
    """Round lenses, a bridge and the sides as far as the face goes."""
    left, right = (points[[*upper, *lower]].mean(axis=0) for upper, lower, _ in EYES)
    half_lens = np.array((56.0, 0.0))
    for eye in (left, right):
        cv2.ellipse(sketch, (int(eye[0]), int(eye[1]) + 4), (56, 44), 0, 0, 360, 0, 4, cv2.LINE_AA)
    for line in (
        (left + half_lens, (left + right) / 2 - (0, 6), right - half_lens),
        (left - half_lens, (points[234, 0], left[1] - 6)),
        (right + half_lens, (points[454, 0], right[1] - 6)),
    ):
        _draw(sketch, np.array(line), 4)
    return sketch


def with_wide_mouth(sketch: Sketch, points: Points) -> Sketch:
    """The mouth half as wide again, its corners lifted."""
    lips = sorted({point for line in LIPS for point in line})
    hull = cv2.convexHull(points[lips].astype(np.int32))
    cv2.fillConvexPoly(sketch, hull, 255)
    cv2.polylines(sketch, [hull], True, 255, 13)
    middle, half = points[lips].mean(axis=0), np.ptp(points[list(face_mesh.MOUTH_CORNERS), 0]) / 2
    across = (points[:, :1] - middle[0]) / half
    wide = np.hstack([middle[0] + 1.45 * half * across, points[:, 1:] - 16 * across**2 + 4])
    for line in LIPS:
        _draw(sketch, wide[list(line)], 3)
    return sketch


def with_averted_eyes(sketch: Sketch, points: Points) -> Sketch:
    """Irises moved by a fifth of the eye's width to the right."""
    for upper, lower, iris in EYES:
        opening = np.full_like(sketch, 255)
        cv2.fillPoly(opening, [points[[*upper, *lower[::-1]]].astype(np.int32)], 0)
        centre = points[iris[0]] + (0.22 * np.linalg.norm(points[upper[0]] - points[upper[-1]]), 0)
        radius = float(np.linalg.norm(points[list(iris[1:])] - points[iris[0]], axis=1).mean())
        place = (int(centre[0]), int(centre[1]))
        eye = np.full_like(sketch, 255)
        cv2.circle(eye, place, int(radius), 0, 3, cv2.LINE_AA)
        cv2.circle(eye, place, int(0.4 * radius), 0, -1, cv2.LINE_AA)
        sketch[opening == 0] = eye[opening == 0]
        for lid in (upper, lower):
            _draw(sketch, points[list(lid)], 3)
    return sketch


def with_word(sketch: Sketch, points: Points) -> Sketch:
    """A word in the upper corner."""
    cv2.putText(sketch, "Mum", (420, 60), cv2.FONT_HERSHEY_SIMPLEX, 1.4, 0, 3)
    return sketch


def _draw(sketch: Sketch, line: Points, width: int) -> None:
    cv2.polylines(sketch, [np.round(line * 16).astype(np.int32)], False, 0, width, cv2.LINE_AA, 4)


PLANTS: dict[str, Callable[[Sketch, Points], Sketch]] = {
    "glasses": with_glasses,
    "a wide mouth": with_wide_mouth,
    "averted eyes": with_averted_eyes,
    "a word": with_word,
}


if __name__ == "__main__":
    main()
