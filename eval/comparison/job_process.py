"""Make a comparison that the page started, as a process of its own: `core.processes.job_runner` calls ``main``.

A module of its own, so that starting the job loads nothing that only the page needs."""

from __future__ import annotations

import argparse
import logging
import sys
from contextlib import suppress
from pathlib import Path

from core.cli import FAILED, fail
from core.errors import AssetMissing
from core.processes.lock import Held, hold
from core.processes.priority import give_way
from core.processes.progress import Progress
from eval.comparison.request import read_request

LOCK = ".running"

logger = logging.getLogger(__name__)


def main(arguments: list[str]) -> int:
    """Compare what ``--folder`` asks for in its ``request.json``; gives the exit code."""
    parser = argparse.ArgumentParser()
    for name in ("--folder", "--cache", "--progress-file"):
        parser.add_argument(name, type=Path, required=True)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    give_way()
    try:
        with hold(options.folder / LOCK, "This comparison is being made already, by another process."):
            return _compare(options.folder, options.cache, Progress(options.progress_file))
    except (Held, AssetMissing, ValueError, OSError) as error:
        logger.debug("stopped", exc_info=True)
        return fail(error, FAILED)  # the last line of the log is what people are told


def _compare(folder: Path, cache: Path, progress: Progress) -> int:
    progress.phase("starting")
    from eval.comparison.run import run_comparison
    from eval.comparison.stages import WorkEstimate

    request, stage = read_request(folder), ""
    estimate = WorkEstimate(request)

    def show(name: str, done: int, total: int) -> None:
        nonlocal stage
        progress.seconds_left = estimate(name, done, total)
        with suppress(
            OSError
        ):  # a disk that is full for a moment must not end it here; writing the result says so
            if name != stage:
                stage = name
                logger.info("%s", name)
                progress.phase(name)
            progress(done, total)

    run_comparison(request, folder, cache=cache, progress=show)
    logger.info("done")
    return 0
