"""Analyse every image of the library that needs it: ``python -m curation.judge [--library DIR]``.

What is pending is analysed in worker processes and saved in short transactions, every two seconds or 200
images, so a killed run loses two seconds of work and no more: started again it goes on. An image counts as
pending when it was never examined, when any version that decides the result has changed, when a person has
corrected its alignment since, or when its pictures are damaged. Then duplicates are searched among all
images, unless nothing has changed since the last time. One run at a time per library, or with ``--shard 1/4``
one of each shard: an image is always in the same one, and duplicates are left to the run that follows them.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from core import assets
from core.cli import command
from core.config import usable_cores
from core.errors import AssetMissing
from core.processes.lock import Held, share
from core.processes.progress import follow_progress, progress_writer
from core.processes.worker_process import Setup
from core.processes.workers import Limits, WorkerStartError
from curation import engines
from curation.analysis.analyse import LANDMARKER, AnalysisSetup, current_versions
from curation.analysis.batches import (
    AnalysisTask,
    group_duplicates,
    in_batches,
    pending_tasks,
    save,
    to_examination,
)
from curation.analysis.pictures import remove_unfinished
from curation.library.records import Examination, LibraryError
from curation.manifest import LOCK, lock_folder

if TYPE_CHECKING:
    from curation.library.library import Library


class LibraryInUse(RuntimeError):
    """Another run is judging the same library."""


@dataclass(frozen=True)
class JudgeConfig:
    """How a run works."""

    engine: str = "local"  # see `curation.engines.run`
    workers: int | None = None  # processes; ``None`` takes every core that this process may use
    limits: Limits = field(default_factory=Limits)
    retry_failed: bool = False  # try images again that were unreadable, timed out or crashed
    # Judge the first of so many equal parts, say, and leave the others to other runs: (1, 4).
    shard: tuple[int, int] = (1, 1)

    def __post_init__(self) -> None:
        engines.check_run(self.engine, self.workers, self.limits)
        number, count = self.shard
        if not 1 <= number <= count:
            raise ValueError(f"expected a shard such as 1/4, got {number}/{count}.")

    def has(self, image_id: str) -> bool:
        """Tell whether an image is in this shard."""
        number, count = self.shard
        return zlib.crc32(image_id.encode()) % count == number - 1


@dataclass(frozen=True)
class JudgeSummary:
    """A finished run in numbers."""

    examined: int  # images done in this run
    by_status: dict[str, int]  # how many of them had which `Examination.status`
    # Of all images; ``None`` for a shard, and where nothing has changed since they were searched last.
    duplicate_groups: int | None
    workers: int
    engine: str
    seconds: float
    photos_per_second: float

    def sentence(self) -> str:
        """Write the same for people."""
        counts = ", ".join(f"{count} {status}" for status, count in self.by_status.items())
        groups = "" if self.duplicate_groups is None else f" {self.duplicate_groups} groups of duplicates."
        return (
            f"{self.examined} images examined{f' ({counts})' if counts else ''} in {self.seconds:g} s "
            f"({self.photos_per_second:g} a second, {self.workers} workers).{groups}"
        )


def judge_library(
    library: Library,
    config: JudgeConfig | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
    setup: Setup[AnalysisTask, Examination] | None = None,
) -> JudgeSummary:
    """Analyse all that is pending, then find duplicates.

    Parameters
    ----------
    progress
        Called with images saved and images pending at the start.
    setup
        What workers do in place of `AnalysisSetup`, for tests.

    Raises
    ------
    LibraryInUse
        If another run is judging this library.
    LibraryError
        If the library cannot be read or written; what was saved until then stays saved.
    AssetMissing
        If the landmarker's model file cannot be had.
    WorkerStartError
        If worker processes cannot start.
    OSError
        If a picture cannot be written.
    """
    config = config or JudgeConfig()
    begin = time.monotonic()
    versions = current_versions()
    make = setup or AnalysisSetup(library.root.absolute(), assets.fetch(LANDMARKER).absolute(), versions)
    is_whole = config.shard == (1, 1)
    with _in_use(library.root, alone=is_whole):
        remove_unfinished(library.root)
        pending = pending_tasks(library, versions, retry_failed=config.retry_failed)
        tasks = [task for task in pending if config.has(task.image_id)]
        workers = min(config.workers or usable_cores(), len(tasks) or 1)
        counts: Counter[str] = Counter()
        if progress:
            progress(0, len(tasks))
        outcomes = engines.run(config.engine, tasks, make, workers=workers, limits=config.limits)
        with closing(outcomes):  # a failure here ends the workers before the library is unlocked
            for batch in in_batches(outcomes):
                rows = [to_examination(outcome, versions) for outcome in batch]
                save(library, rows)
                counts.update(row.status for row in rows)
                if progress:
                    progress(counts.total(), len(tasks))
        groups = group_duplicates(library) if is_whole else None
    seconds = time.monotonic() - begin
    by_status = dict(sorted(counts.items()))
    rate = round(counts.total() / seconds, 1)
    return JudgeSummary(counts.total(), by_status, groups, workers, config.engine, round(seconds, 2), rate)


def judge_new(
    library: Library, *, workers: int | None = None, as_json: bool, progress: Callable[[int, int], None]
) -> None:
    """Judge what a command has just added, and print the summary.

    Raises
    ------
    LibraryError
        Also if another run is judging this library; the others are those of `judge_library`.
    """
    try:
        judged = judge_library(library, JudgeConfig(workers=workers), progress=progress)
    except LibraryInUse as error:
        raise LibraryError(str(error)) from error
    print(json.dumps({"judged": asdict(judged)}) if as_json else judged.sentence(), flush=True)


@contextmanager
def _in_use(root: Path, *, alone: bool) -> Iterator[None]:
    """Keep other runs out, or only those of the whole library; the lock ends with the process, however it ends."""
    folder = root / "jobs"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with lock_folder(folder) if alone else share(folder / LOCK, "it is judged as a whole"):
            yield
    except Held as error:
        raise LibraryInUse(
            f"The library in {root} is being judged already. Wait until that run has ended, or stop it."
        ) from error


def waiting(library: Library, *, retry_failed: bool = False) -> dict[str, int]:
    """Count what waits: images ``pending`` for `judge_library`, and faces ``undecided`` by any person."""
    pending = pending_tasks(library, current_versions(), retry_failed=retry_failed)
    table = library.table()
    undecided = (table["status"] == "ok") & ((table["decision"] == "") | table["disputed"])
    return {"pending": len(pending), "undecided": int(undecided.sum())}


@command(LibraryInUse, LibraryError, AssetMissing, WorkerStartError)
def main(arguments: list[str] | None = None) -> int:
    """Run the command; give the exit code: 0 done, 1 stopped, 2 wrong arguments, 130 interrupted."""
    from tqdm import tqdm

    from curation.library.library import Library

    options = _parse(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    report = progress_writer(options.progress_file)
    bar = tqdm(desc="images", unit="image", file=sys.stderr, dynamic_ncols=True, smoothing=0.1)
    show = follow_progress(bar, report)

    with bar:
        limits = Limits(timeout_s=options.timeout)
        config = JudgeConfig(options.engine, options.workers, limits, options.retry_failed, options.shard)
        library = Library.open(options.library)
        if options.dry_run:
            waits = waiting(library, retry_failed=options.retry_failed)
            words = f"{waits['pending']} images to judge, {waits['undecided']} faces to decide on."
            print(json.dumps(waits) if options.json else words)
            return 0
        report.phase("judging")
        summary = judge_library(library, config, progress=show)
    print(json.dumps(asdict(summary)) if options.json else summary.sentence())
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m curation.judge", description="Examine the images of the library that need it."
    )
    parser.add_argument("--library", type=Path, metavar="DIR", help="default: library/ in the data folder")
    parser.add_argument("--engine", choices=engines.ENGINES, default="local", help="where workers run")
    parser.add_argument("--workers", type=int, metavar="N", help="worker processes (default: all cores)")
    parser.add_argument(
        "--timeout", type=float, default=Limits().timeout_s, metavar="S", help="for one image"
    )
    parser.add_argument("--retry-failed", action="store_true", help="try images again that failed before")
    parser.add_argument(
        "--shard", type=_shard, default=(1, 1), metavar="I/N",
        help="only the Ith of N parts, each in a run of its own; then one run without for duplicates",
    )  # fmt: skip
    parser.add_argument("--dry-run", action="store_true", help="only count what waits")
    parser.add_argument("--progress-file", type=Path, metavar="FILE", help="keep done and total in this file")
    parser.add_argument("--json", action="store_true", help="print the summary as one line of JSON")
    return parser.parse_args(arguments)


def _shard(text: str) -> tuple[int, int]:
    number, _, count = text.partition("/")
    return int(number), int(count)


if __name__ == "__main__":
    sys.exit(main())
