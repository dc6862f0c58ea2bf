"""Group many random hashes, some of them planted copies, in a process of its own.

``python -m tests.benchmarks.duplicates_search [COUNT]`` prints one line of JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from curation.duplicates import find_duplicates

ROOT = Path(__file__).resolve().parent.parent.parent

PLANTED = 1000
FLIPPED_BITS = 20


def measure_search(count: int) -> dict[str, float]:
    """Seconds, CPU seconds and peak memory of the whole process, Python and faiss included."""
    command = [sys.executable, "-m", "tests.benchmarks.duplicates_search", str(count)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def search(count: int) -> dict[str, float]:
    random = np.random.default_rng(0)
    hashes = random.integers(0, 256, (count, 32), dtype=np.uint8)
    mirrors = random.integers(0, 256, (count, 32), dtype=np.uint8)
    planted = random.permutation(count)[: 2 * min(PLANTED, count // 4)].reshape(2, -1)
    for number, (first, second) in enumerate(planted.T):
        bits = np.unpackbits((hashes if number % 2 else mirrors)[first])
        bits[random.choice(256, FLIPPED_BITS, replace=False)] ^= 1
        hashes[second] = np.packbits(bits)
    mirrors[planted[1]] = random.integers(0, 256, (planted.shape[1], 32), dtype=np.uint8)
    ids = [f"{i:064x}" for i in range(count)]
    quality = np.ones(count)
    quality[planted[0]] = 2
    rows, mirror_rows = ([row.tobytes() for row in values] for values in (hashes, mirrors))
    begin, cpu = time.perf_counter(), time.process_time()
    groups = find_duplicates(ids, [""] * count, rows, mirror_rows, quality)
    seconds, cpu_s = time.perf_counter() - begin, time.process_time() - cpu
    return {
        "images": count,
        "planted": planted.shape[1],
        "found": len(groups),
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu_s, 2),
        "peak_mb": round(_peak_kb() / 1000, 1),
    }


def _peak_kb() -> int:
    """Of this program alone: `resource` also counts what the parent was when it started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


if __name__ == "__main__":
    print(json.dumps(search(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)))
