"""Turn a folder of photos into training pairs: ``python -m curation.run SOURCE --out DIR``.

``DIR/photos/NAME.png`` is a face on the template (512 px), ``DIR/sketches/NAME.png`` its sketch (black on
white) and ``DIR/manifest.jsonl`` says for every file of SOURCE what became of it, and why it was left out
(`curation.manifest.Record`). A run can be killed at any time and started again: what is done stays done,
unless the file, the limits or the version of a step has changed. Files that are gone from SOURCE lose
their pair.

``--engine ray`` does the work on Ray, with the same result. Speed: 33 ms of CPU time a photo of 512 px,
start included; ``python -m tests.benchmarks.curation_speed SOURCE`` measures it, in all and by step.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from core import assets
from core.cli import command
from core.config import usable_cores
from core.errors import AssetMissing
from core.processes.lock import Held
from core.processes.progress import Progress, follow_progress
from core.processes.worker_process import Setup
from core.processes.workers import Limits, Outcome, WorkerStartError
from curation import engines
from curation.ingest import find_files, hash_source, name_files
from curation.manifest import (
    Manifest,
    Reason,
    Record,
    check_folders,
    claim,
    has_pair,
    lock_folder,
    make_folders,
    remove_pair,
    remove_unfinished,
)
from curation.prepare import Gates, PhotoTask, PreparePhotos, current_versions, left_out

logger = logging.getLogger(__name__)

LANDMARKER = "face_landmarker.task"
FAILURES = frozenset({"timeout", "crashed"})


@dataclass(frozen=True)
class Config:
    """How a run works, beside the folders."""

    gates: Gates = field(default_factory=Gates)
    limits: Limits = field(default_factory=Limits)
    workers: int | None = None  # processes; ``None`` takes every core that this process may use
    retry_failed: bool = False  # try files again that timed out or crashed in an earlier run
    engine: str = "local"  # see `curation.engines.run`

    def __post_init__(self) -> None:
        engines.check_run(self.engine, self.workers, self.limits)


@dataclass(frozen=True)
class Summary:
    """A finished run in numbers."""

    source: str
    out: str
    files: int
    kept: int
    left_out: int
    left_out_by_reason: dict[str, int]  # files left out, by the code of their reason
    done: int
    reused: int  # files whose record of an earlier run still holds
    workers: int
    seconds: float
    photos_per_second: float  # files done in this run (not the reused ones) over the time of the whole run

    def sentence(self) -> str:
        """Write the same for people."""
        reasons = ", ".join(f"{count} {code}" for code, count in self.left_out_by_reason.items())
        return (
            f"{self.files} files: {self.kept} pairs in {self.out}, {self.left_out} left out"
            f"{f' ({reasons})' if reasons else ''}. {self.done} done now in {self.seconds:g} s "
            f"({self.photos_per_second:g} a second, {self.workers} workers), {self.reused} from before."
        )


def curate(
    source: Path,
    out: Path,
    config: Config | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
    setup: Setup[PhotoTask, Record] | None = None,
) -> Summary:
    """Make a training pair of every photo below ``source`` that shows a usable face.

    Parameters
    ----------
    source
        Folder of photos; every regular file in it that is not hidden gets a record.
    out
        Folder for the pairs; made if it is missing. It belongs to one ``source``.
    progress
        Called with files done and files in all.
    setup
        What workers do in place of `PreparePhotos`, for tests.

    Raises
    ------
    ValueError
        If ``source`` is no folder or holds no file, or ``out`` cannot be its output.
    Held
        If another run is writing into ``out``.
    AssetMissing
        If the landmarker's model file cannot be had.
    WorkerStartError
        If worker processes cannot start.
    OSError
        If ``out`` cannot be written to; what was done until then stays done.
    """
    config = config or Config()
    begin = time.monotonic()
    check_folders(source, out)
    sources = find_files(source, leave_out=out)
    if not sources:
        raise ValueError(f"{source} holds no files. Name the folder that holds the photos.")
    model = assets.fetch(LANDMARKER)
    versions = current_versions(config.gates, assets.REGISTRY[LANDMARKER].sha256)
    workers = config.workers or usable_cores()
    make_folders(out)
    with lock_folder(out):
        claim(out, source)
        remove_unfinished(out)
        with Manifest(out) as manifest:
            files = name_files(sources, {one.source: one.name for one in manifest.records.values()})
            base = source.absolute()  # an actor may have another working folder
            tasks = [
                PhotoTask(str(base / file), file, name)
                for file, name in files.items()
                if not _is_done(base / file, manifest.records.get(file), out, versions, config)
            ]
            make = setup or PreparePhotos(out.absolute(), model.absolute(), config.gates, versions)
            size = min(workers, len(tasks) or 1)
            jobs = engines.run(config.engine, tasks, make, workers=size, limits=config.limits)
            reused = len(files) - len(tasks)
            if progress:
                progress(reused, len(files))
            with closing(jobs):  # a failure here ends the workers before the folder is unlocked
                for done, outcome in enumerate(jobs, start=reused + 1):
                    _record(outcome, out, manifest, versions)
                    if progress:
                        progress(done, len(files))
            _forget_missing(set(files), out, manifest)
            records = [manifest.records[file] for file in files]
    return _summarise(source, out, records, len(tasks), workers, time.monotonic() - begin)


def _summarise(
    source: Path, out: Path, records: list[Record], done: int, workers: int, seconds: float
) -> Summary:
    """Count what became of the files; ``records`` has one for each."""
    left_out_by_reason = Counter(one.code for one in records if one.status != "kept")
    return Summary(
        source=str(source),
        out=str(out),
        files=len(records),
        kept=len(records) - left_out_by_reason.total(),
        left_out=left_out_by_reason.total(),
        left_out_by_reason=dict(sorted(left_out_by_reason.items())),
        done=done,
        reused=len(records) - done,
        workers=workers,
        seconds=round(seconds, 2),
        photos_per_second=round(done / seconds, 1),
    )


def _is_done(
    path: Path, known: Record | None, out: Path, versions: Mapping[str, Any], config: Config
) -> bool:
    """Whether an earlier run's record of this file still holds."""
    if known is None or known.versions != versions or (config.retry_failed and known.code in FAILURES):
        return False
    if known.status == "kept" and not has_pair(out, known.name):
        return False
    return known.sha256 == hash_source(path)


def _record(
    outcome: Outcome[PhotoTask, Record], out: Path, manifest: Manifest, versions: dict[str, Any]
) -> None:
    """Write down what became of a file; its pair, if it has one, is in place already."""
    task, record = outcome.task, outcome.result
    if record is None:
        reason = Reason.of(outcome.failure or "crashed", f"({outcome.detail})" if outcome.detail else "")
        record = left_out(task, hash_source(Path(task.path)), reason, versions)
        logger.warning("%s is left out: %s", task.source, reason.sentence)
    if record.status != "kept":
        remove_pair(out, task.name)
    manifest.append(record)


def _forget_missing(sources: set[str], out: Path, manifest: Manifest) -> None:
    """Remove the pairs of files that are gone, then sort the manifest."""
    for record in manifest.records.values():
        if record.source not in sources:
            remove_pair(out, record.name)
    manifest.finish(sources)


@command(Held, AssetMissing, WorkerStartError)
def main(arguments: list[str] | None = None) -> int:
    """Run the command; give the exit code: 0 done, 1 stopped, 2 wrong arguments."""
    from tqdm import tqdm

    options = _parse(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    bar = tqdm(desc="photos", unit="photo", file=sys.stderr, dynamic_ncols=True, smoothing=0.1)

    with bar:
        gates = Gates(max_yaw=options.max_yaw, max_stretch=options.max_stretch)
        limits = Limits(timeout_s=options.timeout)
        config = Config(gates, limits, options.workers, options.retry_failed, options.engine)
        summary = curate(options.source, options.out, config, progress=follow_progress(bar, Progress(None)))
    print(json.dumps(asdict(summary)) if options.json else summary.sentence())
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    gates, limits = Gates(), Limits()
    parser = argparse.ArgumentParser(
        prog="python -m curation.run", description="Turn a folder of photos into aligned photos and sketches."
    )
    parser.add_argument("source", type=Path, metavar="SOURCE", help="folder of photos, subfolders included")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the pairs")
    parser.add_argument(
        "--max-yaw", type=float, default=gates.max_yaw, metavar="DEG",
        help="leave out heads turned further to the side (default %(default)g)",
    )  # fmt: skip
    parser.add_argument(
        "--max-stretch", type=float, default=gates.max_stretch, metavar="RATIO",
        help="leave out faces that alignment would stretch more (default %(default)g)",
    )  # fmt: skip
    parser.add_argument("--workers", type=int, metavar="N", help="worker processes (default: all cores)")
    parser.add_argument("--engine", choices=engines.ENGINES, default="local", help="where they run")
    parser.add_argument(
        "--timeout", type=float, default=limits.timeout_s, metavar="S",
        help="seconds for one file (default %(default)g)",
    )  # fmt: skip
    parser.add_argument(
        "--retry-failed", action="store_true", help="try files again that took too long or crashed before"
    )
    parser.add_argument("--json", action="store_true", help="print the summary as one line of JSON")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
