"""Does any rule reject one group of people more than another? One JSON and a table.

``python -m tests.benchmarks.group_rates [--every N] [--write]``

Faces are those of ``data/generated`` (studio light; the publisher's folders name sex and skin) and ``data/omi``
(people's ratings of age, sex and smiling) of the shared material: synthetic, and fine to the eye, so whatever a
rule of picture quality rejects is a false reject. Per rule and attribute the most and the least rejected group
are compared by Fisher's exact test; with Holm's correction over all of these tests none may differ by more than
chance (p of .05). Rules of pose are shown too but not bounded: women and men of these sets do not hold their
heads alike. ``--write`` keeps the table that the Rules page shows.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from scipy.stats import fisher_exact

from core import assets, face_mesh
from core.atomic_files import write_atomically
from core.images import read_photo
from core.landmarks import FaceLandmarker
from curation.analysis.aligned import align_face
from curation.analysis.analyse import LANDMARKER, MAX_FACES
from curation.analysis.embedding import CoverageJudge, FaceEmbedder
from curation.analysis.faces import find_face
from curation.analysis.measure import measure_face
from curation.rules import GROUP_RATES, Rules
from tests.conftest import ROOT

POSE = ("yaw", "pitch", "roll", "stretch")
BOUND_P = 0.05
SMALLEST_GROUP = 20
Row = tuple[dict[str, str], dict[str, float]]  # group by attribute, readings


def read_faces(data: Path, every: int) -> Iterator[Row]:
    """Groups and readings of every so many faces; a picture without a face has no reading but ``faces``."""
    rated = data / "omi" / "attributes.csv"
    with rated.open(encoding="utf-8") as file:
        ratings = {row["image"]: row for row in csv.DictReader(file)}
    paths = (
        sorted((data / "generated").glob("*/*.webp"))[::every] + sorted((data / "omi").glob("*.jpg"))[::every]
    )
    embedder, judge = FaceEmbedder(threads=1), CoverageJudge()
    with FaceLandmarker(assets.fetch(LANDMARKER), max_faces=MAX_FACES) as landmarker:
        for path in paths:
            photo = read_photo(path)
            found = find_face(photo, landmarker)
            readings: dict[str, float] = {"no_face": float(found is None)}
            if found is not None:
                aligned = align_face(photo, face_mesh.anchors(found.points), found.points)
                readings |= vars(measure_face(photo, found, aligned.photo, aligned.alignment))
                readings |= judge.judge(embedder.embed(aligned.photo))._asdict()
            yield groups_of(path, ratings), readings


def groups_of(path: Path, ratings: dict[str, dict[str, str]]) -> dict[str, str]:
    """Which group of each attribute a face is in."""
    if path.name not in ratings:
        sex, skin = path.parent.name.split("_")
        return {"sex": sex, "skin": skin}
    row = {name: float(value) for name, value in ratings[path.name].items() if name != "image"}
    return {
        "age": "under 20" if row["age"] < 20 else "20 to 40" if row["age"] < 40 else "over 40",
        "expression": "smiling" if row["happy"] > 60 else "neutral" if row["happy"] < 40 else "between",
        "sex (rated)": "male" if row["gender"] > 50 else "female",
    }


def rates(rows: Sequence[Row], rules: Rules) -> list[dict[str, Any]]:
    """Per enabled rule and attribute: the rate of each group, and p of the two farthest apart."""
    found = []
    for rule in rules.enabled:
        values = np.array([_reading(readings, rule.column) for _, readings in rows])
        if np.isnan(values).all():
            continue
        is_out = rule.breaks(values)
        for attribute in dict.fromkeys(name for groups, _ in rows for name in groups):
            group = np.array([groups.get(attribute, "") for groups, _ in rows])
            counts = {
                name: (int(is_out[group == name].sum()), int((group == name).sum()))
                for name in sorted(set(group) - {""})
                if (group == name).sum() >= SMALLEST_GROUP
            }
            ordered = sorted(counts.values(), key=lambda pair: pair[0] / pair[1])
            table = [[out, size - out] for out, size in (ordered[0], ordered[-1])]
            found.append({
                "rule": rule.name, "title": rule.title, "attribute": attribute, "counts": counts,
                "p": round(float(fisher_exact(table).pvalue), 4), "bounded": rule.column not in POSE,
            })  # fmt: skip
    return found


def smallest_adjusted_p(found: Sequence[dict[str, Any]]) -> float:
    """Holm's: the smallest p of the bounded tests times how many there are."""
    tests = [row["p"] for row in found if row["bounded"]]
    return min(1.0, min(tests) * len(tests)) if tests else 1.0


def _reading(readings: dict[str, float], column: str) -> float:
    value = readings.get(column)
    return np.nan if value is None else float(value)


def main() -> int:
    shared = Path(os.environ.get("STUDIO_SHARED") or ROOT.parent / "shared")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="take one face of so many (default all)")
    parser.add_argument("--write", action="store_true", help="keep the table that the Rules page shows")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    rows = list(read_faces(shared / "data", options.every))
    found = rates(rows, Rules.default())
    result = {
        "faces": len(rows),
        "bound_p": BOUND_P,
        "smallest_adjusted_p": smallest_adjusted_p(found),
        "rates": found,
    }
    for row in found:
        shares = "  ".join(
            f"{name} {out / size:.1%} of {size}" for name, (out, size) in row["counts"].items()
        )
        print(f"{row['rule']:>12} {row['attribute']:>12} p {row['p']:.3f}  {shares}", file=sys.stderr)
    if options.write:
        write_atomically(GROUP_RATES, (json.dumps(result, separators=(",", ":")) + "\n").encode())
    print(json.dumps(result))
    return int(result["smallest_adjusted_p"] < BOUND_P)


if __name__ == "__main__":
    sys.exit(main())
