"""Search in a bank of a million faces: approximate beside exact, on one core.

``python -m tests.benchmarks.bank_scale --data PAIRS`` prints a table on stderr and JSON on stdout. PAIRS was
made by ``python -m curation.run``; the queries are latents of its held-out sketches, damaged as drawings are.
A million rows take 2 GB of memory and of disk (a temporary folder) and about five minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent.parent
KINDS = ("structured", "white")
GOAL_RECALL, GOAL_MS = 0.95, 5.0
K = 10
EXACT_TIMED = 20
LOADER = """
import json, sys
from core.manifold import Manifold
from tests.benchmarks.bank_scale import _status_mb
bank = Manifold.load(sys.argv[1])
print(json.dumps([_status_mb("VmRSS"), _status_mb("VmHWM")]))
"""


def measure(kind: str, rows: int, *, pairs: Path, weights: Path, count: int) -> dict[str, object]:
    """Build, save, load and ask one bank; in the calling process, which should do nothing else."""
    from core.manifold import Manifold
    from core.nearest import EXACT_BANK_ROWS, NearestRows, compress
    from tests.benchmarks.bank_latents import damaged_drawings, structured_bank, white_bank

    real = Manifold.load(weights / "face_bank.safetensors")
    queries = damaged_drawings(pairs, weights, count)
    asked = {"damaged drawings": queries, "unseen rows": structured_bank(real, count, seed=1)}
    if kind == "white":
        asked = {"white noise": white_bank(count, real.width, seed=1)}
        latents = white_bank(rows, real.width)
    else:
        latents = structured_bank(real, rows)
    before = _status_mb("VmRSS")
    start, cpu = time.perf_counter(), time.process_time()
    compressed = compress(latents) if rows > EXACT_BANK_ROWS else None
    index_s, index_cpu_s = time.perf_counter() - start, time.process_time() - cpu
    start = time.perf_counter()
    known = real.residual_quantiles if kind == "white" else None  # noise has no calibration worth minutes
    names = [f"{row:07d}" for row in range(rows)]
    bank = Manifold(latents, names, residual_quantiles=known, compressed=compressed)
    calibrated_s = time.perf_counter() - start
    facts: dict[str, object] = {
        "kind": kind,
        "rows": rows,
        "is_exact": bank.is_exact,
        "scanned_coordinates": 0 if bank.compressed is None else len(bank.compressed.axes),
        "index_s": round(index_s, 1),
        "index_cpu_s": round(index_cpu_s, 1),
        "calibration_s": round(calibrated_s, 1),
        "latents_mb": round(latents.nbytes / 1e6),
        "index_mb": round(_index_mb(bank), 1),
        "index_and_names_resident_mb": round(_status_mb("VmRSS") - before),
    }
    bank, facts["file"] = _round_trip(bank)
    del latents
    exact = NearestRows(bank.bank, is_exact=True)
    facts["queries"] = {name: _compare(bank, exact, values) for name, values in asked.items()}
    facts["peak_mb"] = round(_status_mb("VmHWM"))
    return facts


def _compare(bank, exact, queries: NDArray[np.float32]) -> dict[str, float]:
    """Approximate and exact answers side by side."""
    truth = np.concatenate([exact.search(queries[row : row + 16], K) for row in range(0, len(queries), 16)])
    found = bank.project(queries, k=K)
    shared = [len(set(a) & set(b)) / K for a, b in zip(found.neighbour_ids, truth, strict=True)]
    blended = bank._rebuild(queries, truth, 1e-3)[1]
    moved = np.linalg.norm(found.projected - blended, axis=1)
    approximate = _milliseconds(lambda query: bank._nearest.search(query, K), queries)
    project = _milliseconds(lambda query: bank.project(query, k=K), queries)
    by_distance = _milliseconds(lambda query: exact.search(query, K), queries[:EXACT_TIMED])
    return {
        "count": len(queries),
        "recall_at_10": round(float(np.mean(shared)), 4),
        "recall_worst_query": round(min(shared), 2),
        "projection_moved": round(float(np.mean(moved / np.linalg.norm(blended, axis=1))), 5),
        "approximate": approximate,
        "project": project,
        "exact": by_distance,
    }


def _milliseconds(ask: Callable[[NDArray[np.float32]], object], queries: NDArray[np.float32]) -> dict:
    """Of one query at a time: on the clock, and on the core, which other work on the machine does not slow."""
    wall, cpu = [], []
    for row in range(len(queries)):
        start, start_cpu = time.perf_counter(), time.process_time()
        ask(queries[row : row + 1])
        wall.append(1000 * (time.perf_counter() - start))
        cpu.append(1000 * (time.process_time() - start_cpu))
    return {
        "median_ms": round(float(np.median(wall)), 2),
        "p95_ms": round(float(np.quantile(wall, 0.95)), 2),
        "cpu_median_ms": round(float(np.median(cpu)), 2),
    }


def _round_trip(bank):
    """The bank as it comes back from its file, and what that cost."""
    from core.manifold import Manifold

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bank.safetensors"
        start = time.perf_counter()
        bank.save(path)
        saved_s = time.perf_counter() - start
        size = path.stat().st_size
        start = time.perf_counter()
        loaded = Manifold.load(path)
        loaded_s = time.perf_counter() - start
        done = subprocess.run(
            [sys.executable, "-c", LOADER, str(path)], cwd=ROOT, capture_output=True, text=True, check=True
        )
    held, most = json.loads(done.stdout)
    return loaded, {
        "mb": round(size / 1e6),
        "save_s": round(saved_s, 1),
        "load_s": round(loaded_s, 1),
        "process_holds_mb": round(held),
        "process_held_at_most_mb": round(most),
    }


def _index_mb(bank) -> float:
    arrays = () if bank.compressed is None else vars(bank.compressed).values()
    return sum(array.nbytes for array in arrays) / 1e6


def _status_mb(field: str) -> float:
    """``VmRSS`` (held now) or ``VmHWM`` (held at most) of this process."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith(field)).split()[1]) / 1000


def print_table(reports: Sequence[dict]) -> None:
    """The figures for a person to read, on stderr."""
    lines = [
        f"{'bank':<11}{'rows':>8}{'queries':>18}{'recall@10':>10}{'worst':>6}{'approximate':>13}{'p95':>7}"
        f"{'(core)':>8}{'project':>9}{'exact':>8}{'(core)':>8}{'index':>9}{'latents':>9}"
    ]
    for report in reports:
        for name, figures in report["queries"].items():
            fast, whole, exact = (figures[way] for way in ("approximate", "project", "exact"))
            lines.append(
                f"{report['kind']:<11}{report['rows']:>8}{name:>18}{figures['recall_at_10']:>10.4f}"
                f"{figures['recall_worst_query']:>6.2f}{fast['median_ms']:>10.2f} ms{fast['p95_ms']:>7.2f}"
                f"{fast['cpu_median_ms']:>8.2f}{whole['median_ms']:>9.2f}{exact['median_ms']:>8.1f}"
                f"{exact['cpu_median_ms']:>8.1f}{report['index_mb']:>6.0f} MB{report['latents_mb']:>6} MB"
            )
        file = report["file"]
        lines.append(
            f"  {report['scanned_coordinates']} coordinates scanned; index made in {report['index_s']} s (core "
            f"{report['index_cpu_s']} s), calibrated in {report['calibration_s']} s, saved in {file['save_s']} s, "
            f"loaded in {file['load_s']} s ({file['mb']} MB); "
            f"a process that loads it holds {file['process_holds_mb']} MB (at most "
            f"{file['process_held_at_most_mb']} MB while loading)"
        )
    figures = [
        one for report in reports if report["kind"] == "structured" for one in report["queries"].values()
    ]
    if figures:
        is_good = all(one["recall_at_10"] >= GOAL_RECALL for one in figures)
        is_fast = all(one["approximate"]["median_ms"] <= GOAL_MS for one in figures)
        lines.append(
            f"  goals: recall@10 of {GOAL_RECALL}: {'reached' if is_good else 'NOT reached'}; "
            f"{GOAL_MS:g} ms a query: {'reached' if is_fast else 'NOT reached in this run'}"
        )
    print("\n".join(lines), file=sys.stderr)


def main() -> None:
    """Entry point: each bank in a process of its own, so that its memory is its own."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.bank_scale", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder made by python -m curation.run")
    parser.add_argument("--weights", type=Path, default=ROOT / "weights")
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--here", action="store_true", help="measure one bank in this process")
    options = parser.parse_args()
    if options.here:
        kind, rows = options.kinds[0], options.rows[0]
        facts = measure(kind, rows, pairs=options.data, weights=options.weights, count=options.queries)
        print(json.dumps(facts))
        return
    reports = []
    for rows in options.rows:
        for kind in options.kinds:
            command = [sys.executable, "-m", "tests.benchmarks.bank_scale", "--here", "--data", options.data,
                       "--weights", options.weights, "--rows", rows, "--kinds", kind,
                       "--queries", options.queries]  # fmt: skip
            done = subprocess.run(
                [str(word) for word in command],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                text=True,
                check=True,
                env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            )
            reports.append(json.loads(done.stdout))
            print_table(reports[-1:])
    print(json.dumps(reports))


if __name__ == "__main__":
    main()
