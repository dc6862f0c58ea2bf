"""``python -m tests.benchmarks.fid_speed``: speed and memory of FID against what the other tools do.

1. *Fréchet distance* at 2048 dimensions against scipy's ``sqrtm`` of the product of the covariances, which
   pytorch-fid and clean-fid take; covariances included on both sides.
2. *Extraction* on one thread against the network as pytorch-fid runs it: eager float32 torch in batches.
   Both take turns, and CPU time is compared, so that other work on the machine does not decide.
3. *Memory* of statistics over 50 000 samples, above what the process held before.

Prints a table on stderr and one JSON object on stdout; ends with 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.linalg import sqrtm

from eval.extractors import load_extractor
from eval.feature_stats import moments_of
from eval.inception import FIDInception, load_inception
from eval.metrics.fid import frechet_distance
from eval.protocols import BASES
from tests.benchmarks.fid_material import random_features, write_weights

DIMENSIONS = 2048
FRECHET_GOALS = {300: 100.0, 1000: 30.0, 2200: 4.0}
EXTRACTION_GOAL = 1.7
MEMORY_GOAL_MB = 150.0


@dataclass(frozen=True)
class Row:
    """One figure, and what it should be."""

    what: str
    ours: float
    theirs: float | None
    figure: float
    goal: float
    is_met: bool


def frechet_rows(counts: list[int]) -> Iterator[Row]:
    """Seconds each, how many times as fast, and a check that both say the same."""
    for count in counts:
        real = random_features(count, DIMENSIONS, seed=1)
        fake = random_features(count, DIMENSIONS, seed=2, shift=0.1)
        ours_s, ours = _cpu_seconds(lambda real=real, fake=fake: frechet_distance(real, fake))
        theirs_s, theirs = _cpu_seconds(lambda real=real, fake=fake: _by_square_root(real, fake))
        goal = FRECHET_GOALS.get(count, 1.0)
        times = theirs_s / ours_s
        yield Row(f"frechet distance, n = {count}, times", ours_s, theirs_s, times, goal, times >= goal)
        difference = abs(ours / theirs - 1)
        yield Row(
            f"frechet distance, n = {count}, difference", ours, theirs, difference, 1e-6, difference <= 1e-6
        )


def extraction_rows(photos: int, rounds: int) -> Iterator[Row]:
    """Milliseconds a photo, and how far the features are from eager torch's."""
    torch.set_num_threads(1)
    batch = torch.rand(photos, 3, 299, 299, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with tempfile.TemporaryDirectory() as place:
        weights = Path(place) / "weights.pth"
        write_weights(weights, FIDInception())
        eager = load_inception(weights)
        extractor = load_extractor(BASES["fid_pytorch"], weights=weights, device="cpu", threads=1)
    with torch.no_grad():
        expected = eager(batch).numpy()
        found = extractor(batch)
        taken: dict[str, list[float]] = {"ours": [], "theirs": []}
        for _ in range(rounds):
            taken["theirs"].append(_cpu_seconds(lambda: eager(batch))[0])
            taken["ours"].append(_cpu_seconds(lambda: extractor(batch))[0])
    ours, theirs = (1000 * statistics.median(taken[who]) / photos for who in ("ours", "theirs"))
    times = theirs / ours
    yield Row("extraction, times", ours, theirs, times, EXTRACTION_GOAL, times >= EXTRACTION_GOAL)
    difference = float(np.abs(found - expected).max() / expected.mean())
    yield Row("extraction, difference / mean", difference, None, difference, 1e-3, difference <= 1e-3)


def memory_rows(count: int) -> Iterator[Row]:
    """Megabytes above the baseline for the moments of features that exist already."""
    features = np.random.default_rng(0).random((count, DIMENSIONS), dtype=np.float32)
    moments_of(features[:64, :2])  # libraries are loaded
    before = _peak_mb()
    moments_of(features)
    used = _peak_mb() - before
    yield Row(f"memory, n = {count}, MB", used, None, used, MEMORY_GOAL_MB, used <= MEMORY_GOAL_MB)


def _by_square_root(real: np.ndarray, fake: np.ndarray) -> float:
    real, fake = real.astype(np.float64), fake.astype(np.float64)
    covariances = np.cov(real, rowvar=False), np.cov(fake, rowvar=False)
    shift = real.mean(axis=0) - fake.mean(axis=0)
    cross = np.trace(sqrtm(covariances[0] @ covariances[1])).real
    return float(shift @ shift + np.trace(covariances[0]) + np.trace(covariances[1]) - 2 * cross)


def _cpu_seconds(run: Callable[[], object]) -> tuple[float, object]:
    start = time.process_time()
    result = run()
    return time.process_time() - start, result


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.fid_speed", description=__doc__)
    parser.add_argument("--only", nargs="*", choices=("memory", "extraction", "frechet"))
    parser.add_argument("--counts", type=int, nargs="*", default=list(FRECHET_GOALS))
    parser.add_argument("--samples", type=int, default=50_000, help="of the memory test")
    parser.add_argument("--photos", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    parts: dict[str, Callable[[], Iterator[Row]]] = {  # memory first: the peak only ever grows
        "memory": lambda: memory_rows(options.samples),
        "extraction": lambda: extraction_rows(options.photos, options.rounds),
        "frechet": lambda: frechet_rows(options.counts),
    }
    rows = []
    for name, measure in parts.items():
        if options.only is None or name in options.only:
            for row in measure():
                rows.append(row)
                theirs = f"{row.theirs:12.5g}" if row.theirs is not None else " " * 12
                verdict = "" if row.is_met else "  MISSED"
                print(
                    f"{row.what:38} {row.ours:12.5g} {theirs} {row.figure:10.3g}  goal {row.goal:g}{verdict}",
                    file=sys.stderr,
                    flush=True,
                )
    print(json.dumps([asdict(row) for row in rows], indent=1))
    return int(not all(row.is_met for row in rows))


if __name__ == "__main__":
    sys.exit(main())
