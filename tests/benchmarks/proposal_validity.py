"""How much better than the rules alone are proposals learnt from decisions?

``python -m tests.benchmarks.proposal_validity [SOURCE]`` prints one line of JSON. SOURCE is ``data/omi`` of
the shared material by default. A reviewer's taste is planted from what people said of these faces
(attributes.csv) and from labels by eye: rejects everyone who smiles, who has long hair, children, hats,
glasses; or one of these on top of what the rules reject. Proposals learn from 50 or 200 decisions and
are compared with the rules on all other images: balanced accuracy, kept and rejected count alike. The
rules are those of pose and of one face; the default rules know nothing of these tastes either.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core import assets
from core.images import read_photo
from core.landmarks import FaceLandmarker
from curation.align import find_alignment, warp_photo
from curation.analysis.embedding import FaceEmbedder
from curation.library.examinations import EMBEDDING_SIZE
from curation.pose import head_pose
from curation.proposals import balanced_accuracy, propose
from curation.train_coverage import LABELS
from tests.conftest import ROOT

MAX_ANGLE = 10.0


def look(source: Path, most: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Pose, verdict and embedding of every photo with a face."""
    rows, embeddings, names = [], [], []
    embedder = FaceEmbedder()
    with FaceLandmarker(assets.fetch("face_landmarker.task")) as landmarker:
        for path in sorted(source.glob("*.jpg"))[:most]:
            photo = read_photo(path)
            found = landmarker.detect(photo)
            if found is None:
                continue
            pose = head_pose(found.points)
            alignment = find_alignment(found.points, (photo.shape[1], photo.shape[0]))
            embeddings.append(embedder.embed(warp_photo(photo, alignment.matrix)).pooled.astype(np.float16))
            names.append(path.stem)
            rows.append(
                {
                    "yaw": pose.yaw, "pitch": pose.pitch, "roll": pose.roll, "faces": found.faces,
                    "stretch": alignment.stretch, "padding": alignment.padding,
                }
            )  # fmt: skip
    table = pd.DataFrame(rows, index=names)
    is_straight = (table[["yaw", "pitch", "roll"]].abs() <= MAX_ANGLE).all(axis=1) & (table["faces"] == 1)
    table["verdict"] = np.where(is_straight, "keep", "reject")
    table["duplicate_group"] = ""
    return table, np.stack(embeddings)


def tastes(source: Path, names: list[str]) -> dict[str, np.ndarray]:
    """Whom a reviewer would reject, by taste: (N,) bool each."""
    with (source / "attributes.csv").open(encoding="utf-8", newline="") as file:
        said = {row["image"].split(".")[0]: row for row in csv.DictReader(file)}
    labels = json.loads(LABELS.read_text(encoding="utf-8"))

    def rated(column: str) -> np.ndarray:
        return np.array([float(said[name][column]) for name in names])

    return {
        "smiling": rated("happy") > 60,
        "long_hair": rated("long-haired") > 50,
        "children": rated("age") < 18,
        "hats": np.isin(names, labels["head_covered"]),
        "clear_glasses": np.isin(names, labels["clear_glasses"]),
    }


def compare(table: pd.DataFrame, embeddings: np.ndarray, liked: np.ndarray, taught: int) -> dict[str, Any]:
    """Mean over three random choices of what was decided."""
    keeps = (table["verdict"] == "keep").to_numpy()
    rounds = []
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(table))
        decided, rest = order[:taught], order[taught:]
        names = table.index
        decisions = {str(names[row]): "keep" if liked[row] else "reject" for row in decided}
        proposals = propose(table, embeddings, decisions)
        if proposals.accuracy_cv is None:
            continue
        said = proposals.probability.loc[names[rest]].to_numpy() >= 0.5
        rounds.append(
            (
                balanced_accuracy(said, liked[rest]),
                balanced_accuracy(keeps[rest], liked[rest]),
                proposals.accuracy_cv,
                float((said == liked[rest]).mean()),
                float(proposals.confidence.mean()),
            )
        )
    if not rounds:
        return {"proposed": False}
    learnt, rules, expected, right, confidence = np.mean(rounds, axis=0).round(3).tolist()
    return {
        "proposals": learnt, "rules": rules, "gain": round(learnt - rules, 3), "cross_validated": expected,
        "right": right, "mean_confidence": confidence,
    }  # fmt: skip


def speed(count: int = 10_000, taught: int = 300) -> dict[str, float]:
    """Seconds to propose for many images, of made-up embeddings."""
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(count, EMBEDDING_SIZE)).astype(np.float16)
    table = pd.DataFrame(
        {name: rng.normal(size=count) for name in ("yaw", "pitch", "roll", "sharpness", "shadow", "covered")},
        index=[f"{row:064x}" for row in range(count)],
    )
    liked = embeddings[:, 0] > 0
    decisions = {table.index[row]: "keep" if liked[row] else "reject" for row in range(taught)}
    propose(table[:200], embeddings[:200], dict(list(decisions.items())[:50]))  # imports
    wall, cpu = time.perf_counter(), time.process_time()
    propose(table, embeddings, decisions)
    return {
        "images": count, "decisions": taught, "wall_s": round(time.perf_counter() - wall, 2),
        "cpu_s": round(time.process_time() - cpu, 2),
    }  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("source", type=Path, nargs="?", default=ROOT.parent / "shared" / "data" / "omi")
    parser.add_argument("--photos", type=int, default=904, help="fewer, for a quick look")
    asked = parser.parse_args()
    table, embeddings = look(asked.source, asked.photos)
    keeps = (table["verdict"] == "keep").to_numpy()
    answer: dict[str, Any] = {"images": len(table), "speed": speed()}
    for name, rejects in tastes(asked.source, list(table.index)).items():
        for taught in (50, 200):
            key = f"{name} after {taught}"
            answer[key] = compare(table, embeddings, ~rejects, taught)
            answer[f"{key}, on top of the rules"] = compare(table, embeddings, ~rejects & keeps, taught)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
