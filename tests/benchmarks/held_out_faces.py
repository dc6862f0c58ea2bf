"""What generated faces keep of held-out sketches: ``python -m tests.benchmarks.held_out_faces --data PAIRS``.

For each generator, kind of stage 1 and t, on held-out sketches with the face refined, photos at 512 px:

- landmarks: mean distance from the true photo's, in % of the eye distance; somebody else's photo beside it;
- found: share of the outputs in which a face is found;
- sharpness: mean Laplacian inside the face over that of the true photos;
- gaze, eyes, mouth: correlation over faces of what was drawn with what was painted: offset of the iris between the
  corners of the eye, opening of the lids over the eye's width, opening of the lips over the mouth's width;
- variety: mean landmark distance between outputs of different sketches over that between the true photos.

Prints a Markdown table; ``--json FILE`` keeps the figures, ``--sheet FILE`` a contact sheet.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from core import face_mesh
from core.assets import fetch
from core.face_frame import FRAME, face_mask
from core.images import save_png
from core.landmarks import FaceLandmarker
from core.pipeline import SketchToFacePipeline
from core.training.splits import VAL, assign_splits, read_manifest
from eval.metrics.faithfulness import landmark_distance, shuffled_partners

Photo = NDArray[np.uint8]
Points = NDArray[np.float64]
EYES = (
    (face_mesh.EYE_LEFT_UPPER, face_mesh.EYE_LEFT_LOWER, face_mesh.IRIS_LEFT[0]),
    (face_mesh.EYE_RIGHT_UPPER, face_mesh.EYE_RIGHT_LOWER, face_mesh.IRIS_RIGHT[0]),
)


@dataclass(frozen=True)
class Figures:
    """One row of the table."""

    generator: str
    stage1: str
    t: float
    found: float
    landmarks: float
    landmarks_of_others: float
    sharpness: float
    gaze: float
    eyes: float
    mouth: float
    variety: float


def main() -> None:
    """Measure and print."""
    options = _parse()
    cases = held_out(options.data, options.limit)
    pipeline = SketchToFacePipeline.load(options.weights)
    names = options.generators or pipeline.generators
    rows, columns = [], []
    with FaceLandmarker(fetch("face_landmarker.task")) as landmarker:
        truths = [landmarks_of(landmarker, photo) for _, photo in cases]
        known = [(case, points) for case, points in zip(cases, truths, strict=True) if points is not None]
        runs = [(name, kind, t) for name in names for kind in options.stage1 for t in options.t]
        with tqdm(total=len(runs) * len(known)) as bar:
            for name, kind, t in runs:
                photos = []
                for (sketch, _), _ in known:
                    photos.append(pipeline(sketch, generator=name, stage1=kind, t=t).photo)
                    bar.update()
                rows.append(figures((name, kind, t), photos, known, landmarker))
                columns.append(photos)
    print(table(rows))
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    if options.sheet:
        save_png(options.sheet, contact_sheet([case for case, _ in known], columns, options.shown))


def held_out(data: Path, limit: int | None = None) -> list[tuple[Photo, Photo]]:
    """Sketch and photo, 512 px, of pairs that training holds out, all or so many evenly chosen."""
    names = assign_splits(read_manifest(data)).names(VAL)
    if not names:
        raise SystemExit(f"{data} holds out no pair.")
    chosen = np.linspace(0, len(names) - 1, min(limit or len(names), len(names))).astype(int)
    return [
        (
            cv2.imread(str(data / "sketches" / f"{names[i]}.png"), cv2.IMREAD_GRAYSCALE).astype(np.uint8),
            cv2.imread(str(data / "photos" / f"{names[i]}.png"), cv2.IMREAD_COLOR_RGB).astype(np.uint8),
        )
        for i in chosen
    ]


def landmarks_of(landmarker: FaceLandmarker, photo: Photo | None) -> Points | None:
    """Landmarks (478, 2) in the 512 px frame; None where no face is found."""
    found = None if photo is None else landmarker.detect(photo)
    if photo is None or found is None:
        return None
    return np.asarray(found.points[:, :2], np.float64) * (FRAME / photo.shape[0])


def figures(
    model: tuple[str, str, float], photos: list[Any], known: list[Any], landmarker: FaceLandmarker
) -> Figures:
    """The figures of one model's photos."""
    truths = [points for _, points in known]
    painted = [landmarks_of(landmarker, photo) for photo in photos]
    pairs = [(ours, true) for ours, true in zip(painted, truths, strict=True) if ours is not None]

    def apart(others: Iterable[int]) -> float:
        return 100 * float(
            np.mean([landmark_distance(pairs[i][0], pairs[j][1]) for i, j in enumerate(others)])
        )

    def correlation(value: Callable[[Points], Iterable[float]]) -> float:
        drawn, seen = ([v for pair in pairs for v in value(pair[side])] for side in (1, 0))
        return float(np.corrcoef(drawn, seen)[0, 1])

    sharp = np.mean([sharpness(photo) for photo in photos]) / np.mean(
        [sharpness(case[1]) for case, _ in known]
    )
    return Figures(
        *model,
        found=len(pairs) / len(photos),
        landmarks=apart(range(len(pairs))),
        landmarks_of_others=apart(shuffled_partners(len(pairs))),
        sharpness=float(sharp),
        gaze=correlation(gaze),
        eyes=correlation(eye_opening),
        mouth=correlation(mouth_opening),
        variety=spread([ours for ours, _ in pairs]) / spread([true for _, true in pairs]),
    )


def sharpness(photo: Photo) -> float:
    """Mean magnitude of the Laplacian inside the template's face, of a photo enlarged to 512 px."""
    if photo.shape[0] != FRAME:
        photo = np.asarray(cv2.resize(photo, (FRAME, FRAME), interpolation=cv2.INTER_CUBIC), np.uint8)
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float(np.abs(cv2.Laplacian(grey, cv2.CV_32F))[face_mask(FRAME) > 0.5].mean())


def gaze(points: Points) -> list[float]:
    """Where each iris stands between the corners of its eye: -0.5 at the image's left one, 0.5 at the right."""
    places = []
    for upper, _, iris in EYES:
        corners = sorted((points[upper[0]], points[upper[-1]]), key=lambda corner: corner[0])
        along = corners[1] - corners[0]
        places.append(float((points[iris] - corners[0]) @ along / (along @ along)) - 0.5)
    return places


def eye_opening(points: Points) -> list[float]:
    """Distance of the lids' middles over the eye's width."""
    return [_opening(points, upper, lower) for upper, lower, _ in EYES]


def mouth_opening(points: Points) -> list[float]:
    """Distance of the inner lips' middles over the mouth's width."""
    return [_opening(points, face_mesh.LIPS_INNER_UPPER, face_mesh.LIPS_INNER_LOWER)]


def _opening(points: Points, upper: tuple[int, ...], lower: tuple[int, ...]) -> float:
    middle = len(upper) // 2
    width = np.linalg.norm(points[upper[0]] - points[upper[-1]])
    return float(np.linalg.norm(points[upper[middle]] - points[lower[middle]]) / width)


def spread(faces: list[Points]) -> float:
    """Mean distance of the landmarks of any two faces, in pixels."""
    stacked = np.stack(faces)
    return float(
        np.mean([
            np.linalg.norm(stacked[i + 1 :] - face, axis=2).mean()
            for i, face in enumerate(stacked[:-1])
        ])
    )  # fmt: skip


def table(rows: list[Figures]) -> str:
    """A Markdown table."""
    head = ["generator", "stage 1", "t", "face found", "landmarks %", "somebody else's", "sharpness",
            "gaze r", "eyes r", "mouth r", "variety"]  # fmt: skip
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for row in rows:
        values = [row.generator, row.stage1, f"{row.t:g}", f"{100 * row.found:.1f} %"]
        values += [f"{v:.2f}" for v in list(asdict(row).values())[4:]]
        lines.append("| " + " | ".join(values) + " |")
    return "\n".join(lines)


def contact_sheet(cases: list[tuple[Photo, Photo]], columns: list[list[Photo]], shown: int) -> Photo:
    """Rows of sketch, each model's photo, true photo, at 256 px."""
    rows = []
    for i in np.linspace(0, len(cases) - 1, min(shown, len(cases))).astype(int):
        sketch, photo = cases[i]
        row = [cv2.cvtColor(sketch, cv2.COLOR_GRAY2RGB), *(column[i] for column in columns), photo]
        rows.append(np.hstack([cv2.resize(each, (256, 256), interpolation=cv2.INTER_AREA) for each in row]))
    return np.asarray(np.vstack(rows), np.uint8)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--data", type=Path, required=True, metavar="PAIRS", help="aligned pairs with a split"
    )
    parser.add_argument("--weights", type=Path, help="weights folder; default: STUDIO_WEIGHTS")
    parser.add_argument("--generators", nargs="+", help="default: all")
    parser.add_argument("--stage1", nargs="+", default=["whole", "parts"])
    parser.add_argument("--t", nargs="+", type=float, default=[0.5])
    parser.add_argument("--limit", type=int, default=400, help="sketches at most (default %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--sheet", type=Path, metavar="PNG")
    parser.add_argument("--shown", type=int, default=8, help="rows of the contact sheet")
    return parser.parse_args()


if __name__ == "__main__":
    main()
