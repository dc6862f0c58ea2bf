"""How many files a second are checked and taken, and passed over by a second run.

``python -m tests.benchmarks.intake_speed [--files N]`` makes N JPEGs of 1024 px and as many small ones, adds
them to a library in a temporary folder with two workers, and adds the same folders again. CPU time counts all
processes. It prints one line of JSON; the machine should have nothing else to do.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core.images import read_photo
from curation.intake.archives import take_archive
from curation.intake.folders import take_folder
from curation.intake.ingestion import summarise
from curation.intake.picture import check_picture, hash_pixels
from tests.curation.intake.pictures import zip_of

WORKERS = 2


def make_photos(count: int, side: int) -> list[bytes]:
    """JPEGs of smooth noise, about as large as photos of that size are."""
    rng = np.random.default_rng(side)
    coarse = rng.integers(0, 256, (side // 8, side // 8, 3), dtype=np.uint8)
    base = np.asarray(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC), dtype=np.int16)
    base = np.clip(base + rng.integers(-6, 7, base.shape), 0, 255).astype(np.uint8)
    files = []
    for number in range(count):
        buffer = io.BytesIO()
        Image.fromarray(np.roll(base, 8 * number, axis=1)).save(
            buffer, "JPEG", quality=88, comment=str(number).encode()
        )
        files.append(buffer.getvalue())
    return files


def measure_steps(files: list[bytes]) -> dict[str, float]:
    """CPU milliseconds a file, in this process."""
    photo = read_photo(files[0])
    steps: dict[str, Callable[[bytes], Any]] = {
        "check_in_all_ms": check_picture,
        "decode_ms": read_photo,
        "hash_pixels_ms": lambda _data: hash_pixels(photo),
        "hash_bytes_ms": lambda data: hashlib.sha256(data).digest(),
    }
    found = {}
    for name, step in steps.items():
        begin = time.process_time()
        for data in files[:60]:
            step(data)
        found[name] = round((time.process_time() - begin) / len(files[:60]) * 1e3, 2)
    return found


def measure_runs(files: list[bytes]) -> dict[str, float]:
    """Files a second of a first run, a second run, and a zip file of the same pictures."""
    from curation.library.library import Library  # not on top: every child would load it with this module

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "photos"
        folder.mkdir()
        for number, data in enumerate(files):
            (folder / f"{number:06d}.jpg").write_bytes(data)
        archive = Path(name) / "photos.zip"
        archive.write_bytes(zip_of({f"{number}.jpg": data for number, data in enumerate(files)}))
        found: dict[str, float] = {}
        with Library.open(Path(name) / "library") as library, Library.open(Path(name) / "other") as other:
            runs = {
                "first_run": lambda: take_folder(library, folder, workers=WORKERS),
                "second_run": lambda: take_folder(library, folder, workers=WORKERS),
                "zip_file": lambda: take_archive(other, archive, workers=WORKERS),
            }
            for run, start in runs.items():
                begin, before = time.monotonic(), _cpu_s()
                summary = summarise(start())
                assert summary.added + summary.known == len(files)
                found[f"{run}_files_per_s"] = round(len(files) / (time.monotonic() - begin), 1)
                found[f"{run}_cpu_ms"] = round((_cpu_s() - before) / len(files) * 1e3, 2)
    return found


def _cpu_s() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure how fast files are taken.")
    parser.add_argument("--files", type=int, default=500, help="pictures of each size (default %(default)d)")
    options = parser.parse_args()
    found = {}
    for side in (256, 1024):
        files = make_photos(options.files, side)
        size = {"files": len(files), "mean_kb": round(sum(map(len, files)) / len(files) / 1e3, 1)}
        found[f"{side}px"] = {**size, **measure_steps(files), **measure_runs(files)}
    print(json.dumps(found, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
