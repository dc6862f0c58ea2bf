"""``python -m tests.benchmarks.comparison_speed``: a cached leaderboard of 3 x 1000 images, and 50 000 in memory.

The first run computes everything, with a stand-in for the network (what is measured is what remains without one);
the second must answer in under a second, with no network built and no image decoded. Features are 320 numbers, as
EfficientNet-Lite0's. CPU time is judged, so that other work on the machine does not decide. Then the Fréchet distance
of 50 000 images, tests included, from features on disk: memory of its own above what the process held before.

Prints a table on stderr and one JSON object on stdout; ends with 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from PIL import Image

from eval.comparison.request import ComparisonRequest
from eval.comparison.run import run_comparison
from eval.extractors import Extractor, ExtractorInfo
from eval.protocols import EvaluationProtocol
from eval.significance.feature_trust import compare_features
from tests.eval.comparison.comparison_material import SmallTools, write_sets

GOAL_S = 1.0
GOAL_MB = 150.0
DIMENSIONS = 320


class StandIn(SmallTools):
    """A fixed random projection of small colours in place of the network."""

    def load_extractor(self, protocol: EvaluationProtocol, *, weights: Path | None = None) -> Extractor:
        self.built += 1
        project = torch.randn(192, DIMENSIONS, generator=torch.Generator().manual_seed(0))

        def run(batch: torch.Tensor) -> torch.Tensor:
            return torch.tanh(torch.nn.functional.adaptive_avg_pool2d(batch, 8).flatten(1) @ project)

        return Extractor(
            ExtractorInfo("stand-in", "package", "0" * 64, DIMENSIONS, "test"), protocol.size, run
        )


def measure(root: Path, count: int, permutations: int) -> dict[str, object]:
    """Seconds of the first and of the second run, and what the second one still did."""
    folders = write_sets(root, count=count, a=4, b=8, c=20)
    fakes = {name: path for name, path in folders.items() if name != "real"}
    request = ComparisonRequest(
        real=folders["real"], fakes=fakes, permutations=permutations, resamples=100, pictures=False,
        metrics=("fid", "kid", "l1", "psnr"),
    )  # fmt: skip
    decoded = 0
    load = Image.Image.load

    def counted(image: Image.Image) -> object:
        nonlocal decoded
        decoded += 1
        return load(image)

    seconds, spent, results = [], [], []
    for run in ("first", "second"):
        tools = StandIn(root / "cache")
        decoded = 0
        start, busy = time.perf_counter(), time.process_time()
        with patch.object(Image.Image, "load", counted):
            results.append(run_comparison(request, root / run, cache=root / "cache", tools=tools))
        seconds.append(round(time.perf_counter() - start, 3))
        spent.append(round(time.process_time() - busy, 3))
    times = {"created": "", "seconds": {}}
    is_equal = results[0].model_copy(update=times) == results[1].model_copy(update=times)
    return {
        "images": 3 * count, "first_s": seconds[0], "second_s": seconds[1], "second_cpu_s": spent[1],
        "goal_s": GOAL_S, "decoded": decoded,
        "networks_built": tools.built, "is_equal": is_equal, "stages_s": results[1].seconds,
        "is_met": spent[1] < GOAL_S and not decoded and not tools.built and is_equal,
    }  # fmt: skip


def measure_memory(root: Path, count: int) -> dict[str, object]:
    """Megabytes of anonymous memory that the distance and its tests take at this many images."""
    sets = []
    for seed in range(2):
        path = root / f"{seed}.npy"
        values = np.lib.format.open_memmap(path, "w+", np.float32, (count, DIMENSIONS))
        rng = np.random.default_rng(seed)
        for start in range(0, count, 5000):
            values[start : start + 5000] = rng.standard_normal(values[start : start + 5000].shape)
        values.flush()
        del values
        sets.append(np.load(path, mmap_mode="r"))
    before = peak = _anonymous_mb()
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(
            compare_features, sets[0], {"a": sets[1]}, column="fd", permutations=100, resamples=40
        )
        while not job.done():
            peak = max(peak, _anonymous_mb())
            time.sleep(0.02)
        job.result()
    megabytes = round(peak - before, 1)
    return {"count": count, "memory_mb": megabytes, "goal_mb": GOAL_MB, "is_met": megabytes <= GOAL_MB}


def _anonymous_mb() -> float:
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Anonymous:")) / 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="images a set")
    parser.add_argument("--permutations", type=int, default=1000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = [measure(Path(folder), options.count, options.permutations)]
        rows.append(measure_memory(Path(folder), 50 * options.count))
    for row in rows:
        print("\n".join(f"{name:<16}{value}" for name, value in row.items()), end="\n\n", file=sys.stderr)
    print(json.dumps(rows))
    return 0 if all(row["is_met"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
