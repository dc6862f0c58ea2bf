"""Does the judge of covered faces find what hides a face, and leave clear faces alone?

``python -m tests.benchmarks.coverage_validity [SOURCE]`` prints one line of JSON. SOURCE is ``data/omi``
of the shared material by default; photos 751 to 904 of it, which training has not seen, are covered with
drawings that training has not seen (`tests.benchmarks.unseen_occluders`) and with those it has, and go
through detection and alignment again, as a covered photo of a crawl would. A photo in which no face is
found any more counts as rejected; how many were is printed too. Real sunglasses and hats come from labels
by eye; real sunglasses were not trained on at all. ``--sheet FILE`` saves a picture of the mistakes.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from core import assets
from core.images import read_photo, save_png
from core.landmarks import FaceLandmarker
from curation.align import find_alignment, move_points, warp_photo
from curation.analysis import occluders
from curation.analysis.embedding import Coverage, CoverageJudge, FaceEmbedder
from curation.analysis.occluders import Face, Planted, skin_tone
from curation.pose import head_pose
from curation.train_coverage import LABELS
from tests.benchmarks import unseen_occluders
from tests.conftest import ROOT

HELD_OUT = range(751, 905)
UNTRAINED = range(601, 905)
MAX_YAW = 22.0
# Individual typology angle (Chardon 1991) of the cheeks, degrees; lower is darker.
TONES = ((41.0, "light"), (28.0, "intermediate"), (10.0, "tan"), (-90.0, "dark"))


@dataclass(frozen=True)
class Aligned:
    """A photo, its aligned crop, and how it got there."""

    name: str
    photo: np.ndarray
    face: Face
    matrix: np.ndarray


@dataclass
class Tally:
    """Probabilities by question, and crops that were judged wrongly."""

    answers: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    lost: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    mistakes: list[tuple[str, np.ndarray]] = field(default_factory=list)


class Bench:
    """Photos through landmarks, alignment, embedder and judge."""

    def __init__(self, source: Path, threshold: float) -> None:
        before, cpu = time.perf_counter(), time.process_time()
        self.embedder, self.judge_network = FaceEmbedder(), CoverageJudge()
        self.start_s = {
            "wall": round(time.perf_counter() - before, 2), "cpu": round(time.process_time() - cpu, 2),
        }  # fmt: skip
        self.landmarker = FaceLandmarker(assets.fetch("face_landmarker.task"))
        self.source, self.threshold, self.tally = source, threshold, Tally()
        self.spent = defaultdict(float)
        self.looked = 0

    def open(self, number: int) -> Aligned | None:
        """A photo with a face that looks at the camera, or None."""
        name = f"{number:04d}"
        photo = read_photo(self.source / f"{name}.jpg")
        return self.align(name, photo)

    def align(self, name: str, photo: np.ndarray) -> Aligned | None:
        found = self.landmarker.detect(photo)
        if found is None or abs(head_pose(found.points).yaw) > MAX_YAW:
            return None
        alignment = find_alignment(found.points, (photo.shape[1], photo.shape[0]))
        points = move_points(found.points, alignment.matrix).astype(np.float32)
        return Aligned(name, photo, Face(warp_photo(photo, alignment.matrix), points), alignment.matrix)

    def judge(self, crop: np.ndarray) -> Coverage:
        start = time.process_time()
        seen = self.embedder.embed(crop)
        middle = time.process_time()
        answer = self.judge_network.judge(seen)
        self.spent["embed"] += middle - start
        self.spent["judge"] += time.process_time() - middle
        self.looked += 1
        return answer

    def covered_again(self, key: str, aligned: Aligned, layer: np.ndarray, channel: int = 0) -> None:
        """Plant, find the face anew, align anew, judge."""
        photo = unseen_occluders.put_on(aligned.photo, layer, aligned.matrix)
        found = self.landmarker.detect(photo)
        if found is None:
            self.tally.lost[key] += 1
            self.tally.answers[key].append(1.0 if channel == 0 else 0.0)
            return
        try:
            matrix = find_alignment(found.points, (photo.shape[1], photo.shape[0])).matrix
        except ValueError:
            matrix = aligned.matrix
        crop = warp_photo(photo, matrix)
        self.note(key, crop, self.judge(crop)[channel], expected=True)

    def note(self, key: str, crop: np.ndarray, probability: float, *, expected: bool) -> None:
        self.tally.answers[key].append(probability)
        if (probability > self.threshold) != expected:
            self.tally.mistakes.append((f"{key} {probability:.2f}", crop))

    def rate(self, key: str) -> dict[str, Any]:
        values = np.array(self.tally.answers.get(key, []))
        if not len(values):
            return {"n": 0}
        answer = {"n": len(values), "above": round(float((values > self.threshold).mean()), 3)}
        return answer | ({"no_face": lost} if (lost := self.tally.lost.get(key, 0)) else {})


def typology_angle(face: Face) -> float:
    """Skin tone of the cheeks, degrees; above 41 is light, below 10 dark."""
    rgb = (skin_tone(face.photo, face.points) / 255).astype(np.float32)[None, None]
    lightness, _, yellow = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)[0, 0]
    return float(np.degrees(np.arctan2(lightness - 50, max(float(yellow), 1e-3))))


def as_layer(planted: Planted) -> np.ndarray:
    """A training occluder as the RGBA layer that the benchmark lays onto photos."""
    return np.concatenate([planted.surface, planted.alpha[..., None]], axis=2).astype(np.float32)


EDITS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "darker": lambda crop: (crop * 0.4).astype(np.uint8),
    "brighter": lambda crop: np.clip(crop * 1.4 + 20, 0, 255).astype(np.uint8),
    "blurred": lambda crop: cv2.GaussianBlur(crop, (0, 0), 3),
    "jpeg_20": lambda crop: cv2.imdecode(
        cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, 20])[1], cv2.IMREAD_COLOR
    ),
    "half_shadow": lambda crop: (
        crop * (0.45 + 0.55 / (1 + np.exp((np.arange(512) - 256) / 12)))[None, :, None]
    ).astype(np.uint8),
}


def measure(bench: Bench, numbers: range) -> dict[str, Any]:
    """Everything about photos that training has not seen."""
    labels = json.loads(LABELS.read_text(encoding="utf-8"))
    rng = np.random.default_rng(904)
    by_tone: dict[str, list[float]] = defaultdict(list)
    before: Face | None = None
    for number in UNTRAINED:
        aligned = bench.open(number)
        if aligned is None or aligned.name in labels["covered"] + labels["covered_unsure"]:
            continue
        answer = bench.judge(aligned.face.photo)
        tone = next(name for least, name in TONES if typology_angle(aligned.face) >= least)
        by_tone[tone].append(answer.covered)
        if number not in numbers:
            continue
        crop, before = aligned.face.photo, before or aligned.face
        bench.note("clear", crop, answer.covered, expected=False)
        if aligned.name in labels["clear_glasses"]:
            bench.note("clear_glasses", crop, answer.covered, expected=False)
        if aligned.name not in labels["head_unsure"]:
            has_hat = aligned.name in labels["head_covered"]
            key = "real_hats" if has_hat else "bare_heads"
            bench.note(key, crop, answer.head_covered, expected=has_hat)
            if not has_hat:
                layer = unseen_occluders.hat(rng, aligned.face.points)
                bench.covered_again("unseen hat", aligned, layer, channel=1)
        for name, edit in EDITS.items():
            edited = edit(crop)
            bench.note(name, edited, bench.judge(edited).covered, expected=False)
        for kind, draw in unseen_occluders.COVERS.items():
            bench.covered_again(f"unseen {kind}", aligned, draw(rng, aligned.face.points))
        for kind, plant in occluders.COVERS.items():
            bench.covered_again(f"seen {kind}", aligned, as_layer(plant(rng, aligned.face, before)))
        before = aligned.face
    for name in labels["covered"]:
        if (aligned := bench.open(int(name))) is not None:
            bench.note(
                "real_sunglasses", aligned.face.photo, bench.judge(aligned.face.photo).covered, expected=True
            )
    tones = {
        name: {
            "n": len(values),
            "false_rejects": round(float((np.array(values) > bench.threshold).mean()), 3),
        }
        for name, values in by_tone.items()
    }
    return {
        "threshold": bench.threshold,
        "false_rejects": {key: bench.rate(key) for key in ("clear", "clear_glasses", *EDITS)},
        "false_rejects_by_skin_tone_601_904": tones,
        "found_unseen_drawings": {key: bench.rate(f"unseen {key}") for key in unseen_occluders.COVERS},
        "found_training_drawings": {key: bench.rate(f"seen {key}") for key in occluders.COVERS},
        "found_real_sunglasses": bench.rate("real_sunglasses"),
        "head_covered": {key: bench.rate(key) for key in ("bare_heads", "real_hats", "unseen hat")},
        "cpu_ms": {key: round(1000 * value / bench.looked, 2) for key, value in bench.spent.items()},
        "runs_on": bench.embedder.name,
        "start_s": bench.start_s,
        "peak_rss_mb_with_landmarker": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("source", type=Path, nargs="?", default=ROOT.parent / "shared" / "data" / "omi")
    parser.add_argument("--threshold", type=float, default=0.5)
    parser.add_argument("--photos", type=int, default=len(HELD_OUT), help="fewer, for a quick look")
    parser.add_argument("--sheet", type=Path, help="PNG of what was judged wrongly")
    asked = parser.parse_args()
    bench = Bench(asked.source, asked.threshold)
    try:
        print(json.dumps(measure(bench, HELD_OUT[: asked.photos])))
    finally:
        bench.landmarker.close()
    if asked.sheet and bench.tally.mistakes:
        save_png(asked.sheet, _sheet(bench.tally.mistakes[:120]))


def _sheet(mistakes: list[tuple[str, np.ndarray]], columns: int = 12, side: int = 128) -> np.ndarray:
    rows = -(-len(mistakes) // columns)
    sheet = np.zeros((rows * side, columns * side, 3), np.uint8)
    for number, (text, crop) in enumerate(mistakes):
        small = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)
        cv2.putText(small, text, (2, 10), cv2.FONT_HERSHEY_SIMPLEX, 0.33, (255, 255, 0), 1, cv2.LINE_AA)
        y, x = divmod(number, columns)
        sheet[y * side : (y + 1) * side, x * side : (x + 1) * side] = small
    return sheet


if __name__ == "__main__":
    main()
