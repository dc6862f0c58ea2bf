"""Scale of curation: photos a second into the library and through the judges, and what it costs.

``python -m tests.benchmarks.curation_scale [--photos 300] [--images 10000] [--parts rate,...]`` makes 1024 px
JPEGs of the faces in ``data/omi`` of the shared material and prints one line of JSON a part:

steps        CPU milliseconds of each step for one photo, on one thread (goal: 50 in all)
rate         photos a second through `curation.add` and `curation.judge` as they are run (goal: 40), the CPU
             time of all their processes, and files a second of a second run over the same folder (goal: 2 000)
engines      photos a second of the pool and of a Ray cluster of two workers (goal: 0.75 of the pool), and
             whether both wrote the same rows and pictures
memory       memory of a worker that examines ``--images`` images, recycled as in earnest (goal: 5 % growth)
cleanvision  CPU milliseconds a photo of CleanVision's checks, which judge no face, in an environment of its
             own (left out with a reason where pip cannot install it)

The machine should have nothing else to do.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2

from core import assets
from core.processes.workers import Limits, run_in_workers
from curation import engines
from curation.analysis.analyse import LANDMARKER, AnalysisSetup, current_versions
from curation.analysis.batches import AnalysisTask
from curation.library.library import Library
from tests.benchmarks.curation_speed import _cpu_s
from tests.conftest import ROOT

SIDE, QUALITY = 1024, 92
CLEANVISION = """
import json, resource, sys
from cleanvision import Imagelab
lab = Imagelab(data_path=sys.argv[1])
begin = resource.getrusage(resource.RUSAGE_SELF).ru_utime
lab.find_issues(n_jobs=1, verbose=False)
usage = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"cpu_s": usage.ru_utime - begin, "images": len(lab.issues)}))
"""


def make_photos(faces: Path, folder: Path, count: int) -> Path:
    """``count`` JPEGs of 1024 px; further rounds over the faces are shrunk a little, so that each is another."""
    folder.mkdir()
    files = sorted(faces.glob("*.jpg"))
    for number in range(count):
        face = cv2.imread(str(files[number % len(files)]))
        inner = SIDE - 8 * (number // len(files))
        large = cv2.resize(face, (inner, inner), interpolation=cv2.INTER_CUBIC)
        large = cv2.copyMakeBorder(large, 0, SIDE - inner, 0, SIDE - inner, cv2.BORDER_REFLECT)
        cv2.imwrite(str(folder / f"{number:05d}.jpg"), large, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return folder


def measure_rate(photos: Path, work: Path) -> dict[str, Any]:
    """The commands as a person runs them: everything once, and the same folder once more."""
    library = work / "library"
    count = len(list(photos.iterdir()))
    add_s, add_cpu_s, _ = _command("curation.add", str(photos), "--library", str(library))
    judge_s, judge_cpu_s, judged = _command("curation.judge", "--library", str(library), "--json")
    again_s, _, _ = _command("curation.add", str(photos), "--library", str(library))
    with Library.open(library) as opened:
        second_s = _seconds(lambda: _add_again(opened, photos))
    return {
        "photos": count,
        "photos_per_second": round(count / (add_s + judge_s), 1),
        "add_per_second": round(count / add_s, 1),
        "judge_per_second": round(count / judge_s, 1),
        "cpu_ms_per_photo": round(1000 * (add_cpu_s + judge_cpu_s) / count, 1),
        "add_cpu_ms": round(1000 * add_cpu_s / count, 1),
        "judge_cpu_ms": round(1000 * judge_cpu_s / count, 1),
        "by_status": json.loads(judged)["by_status"],
        "second_run_command_s": round(again_s, 2),
        "second_run_files_per_second": round(count / second_s),
    }


def _add_again(library: Library, photos: Path) -> None:
    from curation.intake.folders import take_folder

    assert all(answer.outcome == "known" for answer in take_folder(library, photos))


def _command(module: str, *arguments: str) -> tuple[float, float, str]:
    """Seconds by the clock, CPU seconds of all its processes, and what it printed."""
    before, begin = _cpu_s(), time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{module} ended with {done.returncode}: {done.stderr[-600:]}")
    return time.monotonic() - begin, _cpu_s() - before, done.stdout


def _seconds(do: Callable[[], Any]) -> float:
    begin = time.monotonic()
    do()
    return time.monotonic() - begin


def measure_engines(photos: Path, work: Path) -> dict[str, Any]:
    """The same examinations in the pool and on Ray, without start-up: from the first outcome to the last."""
    found: dict[str, Any] = {}
    results = {}
    for engine in engines.ENGINES:
        root = work / engine
        setup, tasks = _setup_and_tasks(photos, root)
        rows, stamps = {}, []
        with closing(engines.run(engine, tasks, setup, workers=2, limits=Limits(timeout_s=60))) as outcomes:
            for outcome in outcomes:
                stamps.append(time.monotonic())
                rows[outcome.task.image_id] = repr(outcome.result)
        skipped = min(20, len(stamps) // 4)  # until both workers are up and warm
        found[f"{engine}_per_second"] = round((len(stamps) - 1 - skipped) / (stamps[-1] - stamps[skipped]), 1)
        results[engine] = rows, _digest(root)
    found["ray_of_local"] = round(found["ray_per_second"] / found["local_per_second"], 2)
    found["identical"] = results["local"] == results["ray"]
    return found


def _setup_and_tasks(photos: Path, root: Path) -> tuple[AnalysisSetup, list[AnalysisTask]]:
    setup = AnalysisSetup(root, assets.fetch(LANDMARKER), current_versions())
    files = sorted(photos.iterdir())
    return setup, [AnalysisTask(hashlib.sha256(path.read_bytes()).hexdigest(), str(path)) for path in files]


def _digest(root: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.*")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class WatchedSetup:
    """`AnalysisSetup` whose worker answers with its number and its memory in place of a row."""

    setup: AnalysisSetup

    @contextmanager
    def __call__(self) -> Iterator[Callable[[AnalysisTask], tuple[int, int, str]]]:
        with self.setup() as analyse:
            yield lambda task: (os.getpid(), _resident_kb(), analyse(task).status)


def _resident_kb() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def measure_memory(photos: Path, work: Path, images: int) -> dict[str, Any]:
    """One worker over many images (the same ones again and again), replaced after its share as in earnest."""
    setup, tasks = _setup_and_tasks(photos, work / "memory")
    many = [tasks[number % len(tasks)] for number in range(images)]
    seen: dict[int, list[int]] = defaultdict(list)
    with closing(run_in_workers(many, WatchedSetup(setup), workers=1)) as outcomes:
        for outcome in outcomes:
            pid, resident, _ = outcome.result
            seen[pid].append(resident)
    settled = [memory for memory in seen.values() if len(memory) >= 200]
    growth = [statistics.median(m[-100:]) / statistics.median(m[100:200]) - 1 for m in settled]
    peaks = [max(memory) for memory in settled]
    return {
        "images": images,
        "workers_used": len(seen),
        "mb": round(statistics.median(settled[0][100:200]) / 1024),
        "mb_at_end": round(statistics.median(settled[-1][-100:]) / 1024),
        "mb_highest": round(max(peaks) / 1024),
        "growth_percent_within_a_worker": round(100 * max(growth), 1),
        "growth_percent_overall": round(
            100 * (statistics.median(settled[-1][-100:]) / statistics.median(settled[0][100:200]) - 1), 1
        ),
    }


def measure_cleanvision(photos: Path, work: Path) -> dict[str, Any]:
    """CleanVision on the same photos; its environment is made for this and deleted."""
    environment = work / "cleanvision"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    python = str(environment / "bin" / "python")
    installed = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "cleanvision"],
        capture_output=True,
        text=True,
        check=False,
    )
    if installed.returncode:
        return {"left_out": f"pip could not install it: {installed.stderr.strip()[-200:]}"}
    done = subprocess.run(
        [python, "-c", CLEANVISION, str(photos)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        return {"left_out": done.stderr.strip()[-300:]}
    said = json.loads(done.stdout.strip().splitlines()[-1])
    return {"photos": said["images"], "cpu_ms_per_photo": round(1000 * said["cpu_s"] / said["images"], 1)}


def main() -> int:
    shared = Path(os.environ.get("STUDIO_SHARED") or ROOT.parent / "shared")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--faces", type=Path, default=shared / "data" / "omi", metavar="DIR")
    parser.add_argument("--photos", type=int, default=300, help="1024 px JPEGs to make (default 300)")
    parser.add_argument("--images", type=int, default=10_000, help="for the memory part (default 10000)")
    parser.add_argument("--parts", default="steps,rate,engines,memory,cleanvision")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="curation-scale-") as folder:
        work = Path(folder)
        photos = make_photos(options.faces, work / "photos", options.photos)
        from tests.benchmarks.curation_steps import measure_steps

        parts: dict[str, Callable[[], dict[str, Any]]] = {
            "steps": lambda: measure_steps(photos),
            "rate": lambda: measure_rate(photos, work),
            "engines": lambda: measure_engines(photos, work),
            "memory": lambda: measure_memory(photos, work, options.images),
            "cleanvision": lambda: measure_cleanvision(photos, work),
        }
        for part in options.parts.split(","):
            print(json.dumps({part: parts[part]()}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
