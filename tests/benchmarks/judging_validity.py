"""Do the measurements of `curation.analysis` see what they are meant to see? One JSON and a table.

``python -m tests.benchmarks.judging_validity [--photos N] [--sheet PNG] [--fit]``

Photos are ``data/omi`` of the shared material. Thresholds are chosen on 0001-0600, and everything that is
reported was measured on 0601-0904. False rejects are counted on all of these; faults are planted in N of
each part (evenly spread). A planted photo goes all the way: the face is searched in it anew, and a photo
in which none is found any more counts as found out. ``--fit`` prints the constants of the colour cast;
``--sheet`` writes contact sheets of what was flagged and of what was missed. Skin tones are compared over
all photos, with the thresholds of the shipped rules.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from core import assets
from core.atomic_files import write_atomically
from core.images import read_photo
from core.landmarks import FaceLandmarker
from curation.library.records import Measurements
from curation.rules import Rules
from tests.benchmarks import face_finding
from tests.benchmarks.planted_part import (
    GOALS,
    Part,
    badness,
    choose_threshold,
    is_rejected,
    read_part,
    report_goal,
)
from tests.benchmarks.skin_tones import EYES_GROUPS, PICTURE_GROUPS, compare_skin_tones
from tests.conftest import ROOT

LAST_TO_FIT = 600


def fit_cast(readings: Sequence[np.ndarray]) -> dict[str, Any]:
    """Constants of `curation.analysis.measure`: see there."""
    values = np.array(readings)
    mean = np.median(values, axis=0)
    weight = np.linalg.inv(np.cov(values.T))
    each = np.vstack([np.eye(2)] * 4)
    weights = np.linalg.inv(each.T @ weight @ each) @ each.T @ weight
    whitening = np.linalg.cholesky(np.linalg.inv(np.cov((values - mean) @ weights.T, rowvar=False))).T
    return {
        "mean": mean.round(4).tolist(),
        "weights": weights.round(4).tolist(),
        "whitening": whitening.round(4).tolist(),
    }


def write_sheet(path: Path, part: Part) -> None:
    """Per goal: a row of real photos nearest to rejection (worst first), a row of faults hardest to see."""
    rows = []
    for goal in GOALS:
        worst = np.argsort(-badness(part.natural, goal))[:12]
        rows.append([part.crops[i] for i in worst])
        for name in goal.found:
            order = np.argsort(badness(part.planted[name], goal))[:12]
            rows.append([part.planted_crops[name][i] for i in order])
    width = max(len(row) for row in rows)
    blank = np.zeros((128, 128, 3), np.uint8)
    sheet = np.vstack([np.hstack(row + [blank] * (width - len(row))) for row in rows])
    write_atomically(path, cv2.imencode(".png", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))[1].tobytes())


def run(folder: Path, photos: int) -> tuple[dict[str, Any], Part, Part]:
    """The whole benchmark: ``(report, first part, second part)``."""
    cv2.setNumThreads(1)
    files = sorted(folder.glob("*.jpg"))
    first, second = files[:LAST_TO_FIT], files[LAST_TO_FIT:]
    rng = np.random.default_rng(2)
    few = [read_photo(path) for path in second[:: max(len(second) // photos, 1)]]
    with FaceLandmarker(assets.fetch("face_landmarker.task"), max_faces=5) as landmarker:
        landmarker.detect(few[0])  # the first one is slow
        report: dict[str, Any] = {
            "photos": {"fitted": len(first), "tested": len(second), "planted_in": photos},
            "pose": face_finding.check_pose(few, landmarker),
            "portrait_10_percent_of_2048": face_finding.check_small(
                few, landmarker, side=2048, share=0.1, rng=rng
            ),
            "portrait_6_percent_of_4096": face_finding.check_small(
                few[::5], landmarker, side=4096, share=0.06, rng=rng
            ),
            "no_face_2048": face_finding.check_no_face(landmarker, side=2048, rng=rng),
            "eyes_off_template_px": face_finding.check_alignment(few, landmarker),
        }
        fitted = read_part(first, photos, landmarker, seed=0)
        tested = read_part(second, photos, landmarker, seed=1)
    shipped = Rules.default()
    thresholds = {goal.column: choose_threshold(fitted, goal) for goal in GOALS}
    everyone = [*fitted.natural, *tested.natural]
    rejected = {goal.column: is_rejected(everyone, goal, shipped[goal.column].threshold) for goal in GOALS}
    rejected["any"] = np.any(list(rejected.values()), axis=0)
    in_picture, by_eyes = zip(*fitted.tones, *tested.tones, strict=True)
    report |= {
        "faults": {goal.column: report_goal(tested, goal, thresholds[goal.column]) for goal in GOALS},
        "shipped_rules": {
            goal.column: report_goal(tested, goal, shipped[goal.column].threshold) for goal in GOALS
        },
        "percentiles_1_3_50_97_99": percentiles(fitted.natural),
        "skin_tones_in_picture": compare_skin_tones(in_picture, rejected, PICTURE_GROUPS),
        "skin_tones_by_eyes": compare_skin_tones(by_eyes, rejected, EYES_GROUPS),
        "cpu_ms": {
            "find_face": round(1000 * float(np.mean(tested.find_s)), 2),
            "measure_face": round(1000 * float(np.mean(tested.measure_s)), 2),
        },
    }
    return report, fitted, tested


def percentiles(measured: Sequence[Measurements]) -> dict[str, list[float]]:
    """Of every light and expression reading, on ordinary photos."""
    columns = (
        "sharpness", "brightness", "dynamic_range", "shadow", "backlight", "colour_cast", "eyes_open",
        "mouth_open", "roll_aligned",
    )  # fmt: skip
    return {
        name: np.percentile([getattr(m, name) for m in measured], [1, 3, 50, 97, 99]).round(3).tolist()
        for name in columns
    }


def print_table(report: dict[str, Any]) -> None:
    """What a person wants to read, on stderr."""
    show = lambda *cells: print("  ".join(f"{cell!s:>22}" for cell in cells), file=sys.stderr)  # noqa: E731
    show("fault", "found", "asked", "false rejects", "allowed", "threshold")
    for column, goal in report["faults"].items():
        for name, share in goal["found"].items():
            cells = (goal["asked"][name], goal["false_rejects"], goal["allowed"], goal["threshold"])
            show(name if column != name else column, share, *cells)
    for column, goal in report["shipped_rules"].items():
        show("as shipped:", *goal["found"].values(), goal["false_rejects"], "", column, goal["threshold"])
    show("pose, degrees", "mean y/p/r", "p95", "max", "within 1")
    for name, values in report["pose"].items():
        show(name, values["mean"], values["p95"], values["max"], values["within_1"])
    for name in ("portrait_10_percent_of_2048", "portrait_6_percent_of_4096"):
        show(name, report[name]["found"], f"{report[name]['cpu_ms_mean']} ms")
    show("eyes off template", *(f"{key} {value}" for key, value in report["eyes_off_template_px"].items()))
    for kind in ("skin_tones_in_picture", "skin_tones_by_eyes"):
        show(kind, *next(iter(report[kind].values())))
        for name, rates in report[kind].items():
            show(name, *([""] if name == "p" else []), *rates.values())


def main() -> int:
    shared = Path(os.environ.get("STUDIO_SHARED") or ROOT.parent / "shared")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--photos", type=int, default=100, help="photos to plant faults in (default 100)")
    parser.add_argument("--sheet", type=Path, help="write a contact sheet here")
    parser.add_argument("--fit", action="store_true", help="print the constants of the colour cast too")
    options = parser.parse_args()
    report, fitted, tested = run(shared / "data" / "omi", options.photos)
    if options.fit:
        report["colour_cast_constants"] = fit_cast(fitted.readings)
    if options.sheet:
        write_sheet(options.sheet, tested)
    print_table(report)
    print(json.dumps(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
