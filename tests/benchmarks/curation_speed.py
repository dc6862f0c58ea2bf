"""How many photos a second become training pairs, in all and by step.

``python -m tests.benchmarks.curation_speed [SOURCE]`` runs the real command into a temporary folder, then
takes some photos through the same steps one by one in this process. It prints one line of JSON; the
machine should have nothing else to do. SOURCE is ``data/omi`` of the shared material by default.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2

from core import assets, sketches
from core.images import read_photo
from core.landmarks import FaceLandmarker
from curation.align import find_alignment, move_points, warp_photo
from curation.ingest import find_files, is_named_like_photo
from curation.manifest import Record, make_folders, write_pair
from curation.png_files import encode_png_quickly
from curation.pose import head_pose
from curation.prepare import MAX_FACES
from curation.run import LANDMARKER, curate
from tests.conftest import ROOT


def measure_run(source: Path) -> dict[str, float | int]:
    """The whole command: photos a second by the clock, and CPU time of all its processes."""
    before = _cpu_s()
    with tempfile.TemporaryDirectory() as folder:
        summary = curate(source, Path(folder) / "pairs")
    cpu_s = _cpu_s() - before
    return {
        "files": summary.files,
        "kept": summary.kept,
        "workers": summary.workers,
        "seconds": summary.seconds,
        "photos_per_second": summary.photos_per_second,
        "cpu_ms_per_photo": round(1000 * cpu_s / summary.files, 1),
    }


def measure_steps(source: Path, photos: int) -> dict[str, float]:
    """Milliseconds of each step for one photo, on one thread."""
    spent: dict[str, float] = defaultdict(float)

    @contextmanager
    def step(name: str) -> Iterator[None]:
        begin = time.process_time()
        yield
        spent[name] += time.process_time() - begin

    cv2.setNumThreads(1)
    files = [name for name in find_files(source) if is_named_like_photo(name)][:photos]
    done = 0
    with FaceLandmarker(assets.fetch(LANDMARKER), max_faces=MAX_FACES) as landmarker, _folder() as out:
        landmarker.detect(read_photo(source / files[0]))  # the first one is slow
        for name in files:
            with step("decode"):
                photo = read_photo(source / name)
            with step("landmarks"):
                found = landmarker.detect(photo)
            if found is None:
                continue
            done += 1
            with step("pose"):
                head_pose(found.points)
            with step("align"):
                alignment = find_alignment(found.points, (photo.shape[1], photo.shape[0]))
                aligned = warp_photo(photo, alignment.matrix)
                landmarks = move_points(found.points, alignment.matrix)
            with step("sketch"):
                sketch = sketches.sketch_from_photo(aligned, landmarks)
            with step("encode"):
                pair = encode_png_quickly(aligned), encode_png_quickly(sketch)
            with step("write"):
                write_pair(out, "photo", *pair)
            with step("record"):
                Record("a", "a", "", "kept", None, landmarks=landmarks.round(2).tolist()).line()
    return {name: round(1000 * seconds / max(done, 1), 2) for name, seconds in spent.items()}


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        make_folders(Path(folder))
        yield Path(folder)


def _cpu_s() -> float:
    """CPU time of this process and of those it has waited for."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def main() -> int:
    shared = Path(os.environ.get("STUDIO_SHARED") or ROOT.parent / "shared")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("source", type=Path, nargs="?", default=shared / "data" / "omi", metavar="SOURCE")
    parser.add_argument(
        "--photos", type=int, default=60, help="photos to take through the steps (default 60)"
    )
    options = parser.parse_args()
    result = measure_run(options.source) | {"step_cpu_ms": measure_steps(options.source, options.photos)}
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
