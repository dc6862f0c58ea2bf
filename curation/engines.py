"""Where worker processes run: on this machine, or on a Ray cluster. Either way the results are the same."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import TypeVar

from core.processes.worker_process import Setup
from core.processes.workers import Limits, Outcome, WorkerStartError, run_in_workers

ENGINES = ("local", "ray")

Task = TypeVar("Task")
Result = TypeVar("Result")


def check_engine(engine: str) -> None:
    """Raise a ValueError for a name that is none of `ENGINES`."""
    if engine not in ENGINES:
        raise ValueError(f"expected engine {' or '.join(ENGINES)}, got {engine!r}")


def check_run(engine: str, workers: int | None, limits: Limits) -> None:
    """Raise a ValueError for what no run can be started with."""
    check_engine(engine)
    if workers is not None and workers < 1:
        raise ValueError(f"expected at least one worker, got {workers}")
    if not limits.timeout_s > 0:
        raise ValueError(f"expected a time limit above 0 s, got {limits.timeout_s}")


def run(
    engine: str,
    tasks: Iterable[Task],
    setup: Setup[Task, Result],
    *,
    workers: int,
    limits: Limits | None = None,
) -> Generator[Outcome[Task, Result], None, None]:
    """Do every task in worker processes and give the outcomes in the order they come.

    Close the generator to end the workers early.

    Parameters
    ----------
    engine
        ``local``: spawned processes of this machine; ``ray``: actors, of the cluster that RAY_ADDRESS
        names or of one that lasts as long as the run. Every node must see the same folders.
    tasks
        Picklable and small: pass paths, not pixels.
    setup
        Picklable; called once in every worker.
    workers
        How many processes, at least 1.

    Raises
    ------
    WorkerStartError
        If workers cannot start.
    OSError
        One that a task raised: a full disk or a folder that went away concerns every task.
    """
    check_engine(engine)
    if engine == "ray":
        try:
            from curation.ray_engine import run_on_ray  # here: loading Ray takes a second
        except ModuleNotFoundError as error:
            raise WorkerStartError(f"Ray is missing here ({error}). Run: pip install ray") from error
        return run_on_ray(tasks, setup, workers=workers, limits=limits)
    return run_in_workers(tasks, setup, workers=workers, limits=limits)
