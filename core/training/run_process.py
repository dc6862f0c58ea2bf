"""Train a run that the dashboard started: ``main`` is called by `core.processes.job_runner`.

SIGTERM, such as a machine that shuts down sends, makes it save first; a second one ends it at once.
"""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from core.cli import STOPPED, fail
from core.processes.lock import hold
from core.processes.priority import give_way
from core.processes.progress import Progress
from core.training.command import LOCK, USER_ERRORS, read_settings, reason_of, stopping_on
from core.training.request import CONFIG_FILE
from core.training.runs import saved_step

SAY_S = 10.0

logger = logging.getLogger(__name__)


def main(arguments: list[str]) -> int:
    """Train in ``--run FOLDER`` with ``--module MODULE``; gives the exit code, 130 when it was stopped."""
    parser = argparse.ArgumentParser()
    for name in ("--run", "--progress-file"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--module", required=True)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    give_way()
    try:
        with hold(options.run / LOCK, "This run is in training already, by another process."):
            return _train(options.run, options.module, Progress(options.progress_file))
    except USER_ERRORS as error:
        logger.debug("why it ended", exc_info=True)
        return fail(reason_of(error))


def _train(run: Path, module: str, progress: Progress) -> int:
    train = importlib.import_module(module).train
    config = [f"--config={run / CONFIG_FILE}", f"--loop.out={run}"]
    settings = read_settings(train, config)
    logger.info("reading the pairs of %s", settings["data"].root)
    progress.phase("loading")
    said = 0.0

    def show(done: int, total: int) -> None:
        nonlocal said
        if not said:
            progress.phase("training")
        with suppress(OSError):  # a disk that is full for a moment must not end it here; saving says so
            progress(done, total)
        if time.monotonic() - said >= SAY_S or done == total:
            said = time.monotonic()
            logger.info("step %d of %d, %.3f s a step", done, total, progress.seconds_each)

    with stopping_on(signal.SIGTERM, run):
        path = train(**settings, progress=show)
    steps = settings["loop"].steps
    if saved_step(run) < steps:
        logger.info("stopped as asked, everything is saved")
        return STOPPED
    logger.info("done")
    print(json.dumps({"weights": str(path)}))
    return 0
