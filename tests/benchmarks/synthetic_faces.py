"""Make the training pairs of the shipped weights: ``python -m tests.benchmarks.synthetic_faces SHARED --out PAIRS``.

SHARED holds the synthetic sets ``omi``, ``generated``, ``tpdne`` and ``random_faces``. They are copied into one
folder under names that tell where from, go through ``curation.run``, and the manifest is narrowed to frontal, adult,
uncovered, bareheaded faces. Files whose number ends in 0 and stimuli 801-904 of ``omi`` are held out (``split`` says
``val``). Groups that are rare among ``generated`` come two or four times in an epoch (``repeats``).
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
from tqdm import tqdm

from core.training.data import MANIFEST
from curation.analysis.embedding import CoverageJudge, FaceEmbedder
from curation.run import curate

MAX_YAW_DEG, MAX_PITCH_DEG, MAX_ROLL_DEG = 15, 18, 25
MIN_AGE = 20
RARE = 4  # times in an epoch of the groups with some hundred faces each
REPEATS = {"gen_male_white": 2, "gen_female_white": 1}
EVERYTHING = "manifest.all.jsonl"


def main() -> int:
    """Copy, curate, narrow, print what is left."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("shared", type=Path, help="folder of the synthetic sets")
    parser.add_argument("--out", type=Path, required=True, metavar="PAIRS")
    options = parser.parse_args()
    photos = options.out.with_name(options.out.name + "-photos")
    copy_sets(options.shared, photos)
    with tqdm(desc="pairs", unit="photo") as bar:

        def show(done: int, total: int) -> None:
            bar.total, bar.n = total, done
            bar.refresh()

        curate(photos, options.out, progress=show)
    everything = options.out / EVERYTHING
    shutil.copy(options.out / MANIFEST, everything)
    rows = [json.loads(line) for line in everything.read_text().splitlines()]
    kept, why = narrow(rows, options.out, ages(options.shared / "omi" / "attributes.csv"))
    (options.out / MANIFEST).write_text("".join(json.dumps(row) + "\n" for row in kept))
    print(json.dumps({"kept": Counter(row["split"] for row in kept), "left_out": why}))
    return 0


def copy_sets(shared: Path, photos: Path) -> None:
    """Copy all sets into one folder, with the set in each name."""
    photos.mkdir(parents=True, exist_ok=True)
    named = [(file, f"omi_{file.name}") for file in (shared / "omi").glob("*.jpg")]
    named += [(file, f"tpdne_{file.name}") for file in (shared / "tpdne").glob("*.webp")]
    for name, prefix, ending in (("random_faces", "random", "jpg"), ("generated", "gen", "webp")):
        found = (shared / name).glob(f"*/*.{ending}")
        named += [(file, f"{prefix}_{file.parent.name}_{file.name}") for file in found]
    for file, name in named:
        if not (photos / name).exists():
            shutil.copyfile(file, photos / name)


def ages(table: Path) -> dict[str, float]:
    """Mean perceived age of the stimuli of ``omi`` by their names here."""
    with table.open() as file:
        return {f"omi_{Path(row['image']).stem}": float(row["age"]) for row in csv.DictReader(file)}


def narrow(
    rows: list[dict[str, Any]], pairs: Path, age: dict[str, float]
) -> tuple[list[dict[str, Any]], Counter[str]]:
    """Rows to train on and to hold out, and how many were left out for what."""
    embedder, judge = FaceEmbedder(), CoverageJudge()
    kept, why = [], Counter[str]()
    for row in tqdm(rows, desc="covered faces", file=sys.stderr):
        name = str(row.get("name"))
        if row["status"] != "kept":
            why["refused"] += 1
        elif not is_frontal(row):
            why["turned"] += 1
        elif age.get(name, MIN_AGE) < MIN_AGE:
            why["young"] += 1
        else:
            photo = cv2.imread(str(pairs / "photos" / f"{name}.png"), cv2.IMREAD_COLOR_RGB)
            coverage = judge.judge(embedder.embed(photo))
            if max(coverage) > 0.5:
                why["covered"] += 1
                continue
            split = "val" if is_held_out(name) else "train"
            kept.append({**row, "split": split, "repeats": repeats(name) if split == "train" else 1})
    return kept, why


def is_frontal(row: dict[str, Any]) -> bool:
    """Whether the head is turned little enough on all three axes."""
    limits = {"yaw": MAX_YAW_DEG, "pitch": MAX_PITCH_DEG, "roll": MAX_ROLL_DEG}
    return all(abs(row[axis]) <= limit for axis, limit in limits.items())


def is_held_out(name: str) -> bool:
    """Whether a photo validates: its number ends in 0, or it is one of the last stimuli of ``omi``."""
    number = int(name.rsplit("_", 1)[1])
    return number % 10 == 0 or (name.startswith("omi") and number >= 801)


def repeats(name: str) -> int:
    """How often a face comes in an epoch."""
    group = name.rsplit("_", 1)[0]
    return REPEATS.get(group, RARE) if group.startswith("gen_") else 1


if __name__ == "__main__":
    sys.exit(main())
