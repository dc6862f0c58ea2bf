"""What happens when the server starts and when it is told to end.

At the start it sweeps up what killed servers and jobs have left behind, and may load the networks
(STUDIO_PRELOAD). Told to end, it first lets the conversions end that run or wait, so that their photos still reach
who drew. Trainings, comparisons and the library's jobs are processes of their own and outlive it,
unless its end is theirs as well, as that of process 1 in a container is (STUDIO_STOP_JOBS_WITH_SERVER): then
all are asked to save, and it waits for them.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import shutil
import signal
import threading
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from itertools import chain
from pathlib import Path
from types import FrameType
from typing import Any

import anyio.to_thread

from core.atomic_files import remove_abandoned
from core.config import settings
from core.errors import AssetMissing
from core.processes import jobs as processes
from core.processes.jobs import STOP_S, ended_children
from core.training.run_control import ask_to_stop
from core.training.runs import RunError, runs, runs_folder
from dashboard.shared.conversions import REGISTRY
from dashboard.shared.jobs import job_folders
from eval.comparison import comparison_store

logger = logging.getLogger(__name__)

STOP_JOBS_S = 45.0  # compose.yaml gives the container a minute
END_S = 10.0
FINISH_S, SEND_S = 10.0, 1.0  # for conversions, and for their photos to be sent
_RUNNING, _WAITING = "studio_conversions_running", "studio_visitors_waiting"
TEMPORARY_S = 3600.0
REAP_S = 5.0
STARTED = time.time()  # of this server


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncGenerator[None, None]:
    """Of ``st.App``: what surrounds the serving."""
    threading.Thread(target=sweep, name="sweep", daemon=True).start()
    if settings().preload:
        threading.Thread(target=preload, name="preload", daemon=True).start()
    if os.getpid() == 1:
        threading.Thread(target=_reap, name="reap", daemon=True).start()
    stopper = _Stopper(with_jobs=settings().stop_jobs_with_server)
    stopper.listen()
    yield
    if stopper.with_jobs:
        await anyio.to_thread.run_sync(stopper.stop_and_wait)


def preload() -> None:
    """Load the networks; where they cannot be, the pages say why and the health route answers 503."""
    from dashboard.shared import networks

    try:
        for _ in networks.until_ready():
            pass
    except (AssetMissing, networks.NetworksDamaged) as error:
        logger.warning("The networks cannot be loaded: %s", error)


def _reap() -> None:
    """Let go of ended processes whose parents are gone: process 1 inherits them all, and nobody else can."""
    before: set[int] = set()
    while True:
        time.sleep(REAP_S)
        multiprocessing.active_children()  # waits for its own, and knows how they ended
        ended = ended_children()
        for pid in ended & before:  # whoever started it in here has had the time to ask how it ended
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        before = ended


class _Stopper:
    """At the first SIGTERM lets conversions end before the server closes connections, and asks all jobs to save."""

    def __init__(self, *, with_jobs: bool) -> None:
        self.with_jobs = with_jobs
        self._finish: threading.Thread | None = None
        self._lock = threading.Lock()
        self._work: threading.Thread | None = None

    def listen(self) -> None:
        """Take note of SIGTERM and SIGINT before the server does."""
        for number in (signal.SIGTERM, signal.SIGINT):
            with suppress(ValueError):  # not in the main thread: a server inside of a test
                signal.signal(number, self._chained(signal.getsignal(number)))

    def stop_and_wait(self) -> None:
        """Begin unless that was done, and wait until all jobs have ended or the time is up."""
        with self._lock:
            if self._work is None:
                self._work = threading.Thread(target=stop_jobs, name="stop-jobs", daemon=True)
                self._work.start()
        self._work.join()

    def _chained(self, server: Any) -> Callable[[int, FrameType | None], None]:
        def stop(number: int, frame: FrameType | None) -> None:
            if self._finish is None:
                self._finish = threading.Thread(target=_finish_conversions, args=(number,), daemon=True)
                self._finish.start()
                if self.with_jobs:
                    threading.Thread(target=self._stop_and_end, name="end", daemon=True).start()
            elif callable(server):  # once more: from ourselves, or from somebody who will not wait
                server(number, frame)

        return stop

    def _stop_and_end(self) -> None:
        self.stop_and_wait()
        if self._finish is not None:
            self._finish.join()
        time.sleep(END_S)  # as a daemon this thread ends with the server
        logger.warning("Connections were still open %g s after all jobs had ended; ending anyway.", END_S)
        os._exit(0)


def _finish_conversions(number: int) -> None:
    """Wait until no drawing is converted or waits for its turn, and then give the signal that the server goes by."""
    deadline, is_busy = time.monotonic() + FINISH_S, False
    while time.monotonic() < deadline and any(map(REGISTRY.get_sample_value, (_RUNNING, _WAITING))):
        is_busy = True
        time.sleep(0.05)
    if is_busy:
        time.sleep(SEND_S)
    os.kill(os.getpid(), number)


def stop_jobs() -> None:
    """Ask trainings to save, comparisons and the library's jobs to end, and wait for them."""
    deadline = time.monotonic() + STOP_JOBS_S
    trainings, folders = runs_folder(), job_folders(settings().data)
    for run in runs(trainings):
        if run.is_alive:
            with suppress(RunError):
                ask_to_stop(trainings, run.name)
    waiting = [
        threading.Thread(target=processes.stop, args=(folder, job.id), kwargs={"patience_s": STOP_S})
        for folder in [*folders["comparison"], *folders["library"]]
        for job in processes.jobs(folder)
        if job.state == "running"
    ]
    for thread in waiting:
        thread.start()
    for thread in waiting:
        thread.join()
    while time.monotonic() < deadline and any(run.is_alive for run in runs(trainings)):
        time.sleep(0.1)


def sweep() -> None:
    """Remove records of old jobs, uploads that belong to no job, and halves of files."""
    data = settings().data
    for folder in chain(*job_folders(data).values()):
        _try(partial(processes.prune, folder))
    _try(lambda: _sweep_uploads(data / "library" / "jobs"))
    _try(lambda: _sweep_temporary(data))
    _try(_sweep_models)
    _try(_sweep_comparisons)


def _try(step: Callable[[], None]) -> None:
    """A step that fails is no reason not to serve."""
    try:
        step()
    except (OSError, ValueError, RuntimeError):
        logger.exception("What was left behind could not be swept up")


def _sweep_uploads(jobs: Path) -> None:
    """Uploads whose job is done or forgotten; those of a stopped one wait for it to go on."""
    from dashboard.shared.uploads import SPOOL

    wanted = {
        part
        for job in processes.jobs(jobs)
        if job.state != "done"
        for argument in job.arguments
        for part in Path(argument).parts
    }
    for folder in jobs.glob(f"{SPOOL}-*"):
        if folder.name not in wanted and _is_old(folder):
            shutil.rmtree(folder)


def _sweep_temporary(data: Path) -> None:
    """Files and folders under their temporary names, which a writer that was killed has left: nobody locks them."""
    for pattern in (
        "",
        "library",
        "library/*/??",
        "runs",
        "runs/*",
        "models",
        "comparisons",
        "comparisons/*",
    ):
        for folder in data.glob(pattern) if pattern else [data]:
            if folder.is_dir():
                remove_abandoned(folder, ".", ".tmp")
    for pattern in ("runs/.new-*", "runs/.removed-*", "models/.*.part"):  # these have no lock
        for path in filter(_is_old, data.glob(pattern)):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def _sweep_models() -> None:
    """Checkpoints on their way in: those of visitors of a server that has ended are nobody's any more."""
    from dashboard.shared.uploads import is_only_server, staging_folder
    from dashboard.views.models.drafts import drafts_folder

    staging_folder()  # takes away uploads of servers that have ended, and says that this one runs
    drafts = drafts_folder()
    if is_only_server():
        for path in drafts.iterdir():
            if path.stat().st_mtime < STARTED:
                path.unlink(missing_ok=True)


def _sweep_comparisons() -> None:
    from dashboard.views.compare.sources import sweep_uploads

    root = comparison_store.root_of(settings().data)
    sweep_uploads(root, comparison_store.entries(root))


def _is_old(path: Path) -> bool:
    try:
        return path.stat().st_mtime < time.time() - TEMPORARY_S
    except FileNotFoundError:
        return False
