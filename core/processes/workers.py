"""Worker processes that a bad file cannot take down.

MediaPipe is the reason for this module: one bad image can leave a landmarker failing for good, one
made before a fork hangs, and two threads on one are slower than one each. So every worker is a
*spawned* process with tools of its own, works on one task at a time within a time limit, and is killed
and replaced when it hangs, dies or raises. Now and then a worker is replaced for good measure.

pebble's pool (5.2) was tried in its place: 4 000 small tasks took it 2.7 s, here 1.7; nothing ends a worker that hangs
while it starts, why one could not start stays in its log, and a task that blocks SIGTERM is over 3 s late.
"""

from __future__ import annotations

import multiprocessing as mp
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

from core.processes.jobs import cpu_seconds
from core.processes.worker_process import Setup, work

Task = TypeVar("Task")
Result = TypeVar("Result")

GRACE_S = 5.0
START_ATTEMPTS = 3


@dataclass(frozen=True)
class Limits:
    """When a worker is given up or replaced.

    Attributes
    ----------
    timeout_s
        Time for one task.
    start_timeout_s
        A worker that starts is given up once it has used no processor for this long: on a busy machine
        starting takes minutes, and killing what gets on would only make it busier.
    start_cpu_s
        Processor time for a worker to start and make its tools.
    tasks_per_worker
        Tasks after which a worker is replaced.
    attempts
        How often a task that killed its worker is tried; one that ran out of time is not tried again.
    """

    timeout_s: float = 20.0
    start_timeout_s: float = 120.0
    start_cpu_s: float = 300.0
    tasks_per_worker: int = 2000
    attempts: int = 2


@dataclass(frozen=True)
class Outcome(Generic[Task, Result]):
    """What became of one task: a result, or a failure in words.

    Attributes
    ----------
    failure
        ``None``, ``"timeout"`` or ``"crashed"``.
    """

    task: Task
    result: Result | None = None
    failure: str | None = None
    detail: str = ""


class WorkerStartError(RuntimeError):
    """No worker could be started, so no task can be done."""


@dataclass
class _Worker:
    process: BaseProcess
    connection: Connection
    deadline: float
    is_ready: bool = False
    job: tuple[Any, int] | None = None  # task and attempt
    tasks_done: int = field(default=0)
    cpu_s: float = 0.0  # used at the last look, while it starts

    def is_getting_on(self, limits: Limits) -> bool:
        """Tell whether a worker that starts has worked since the last look and may go on."""
        before, self.cpu_s = self.cpu_s, cpu_seconds(self.process.pid or 0)
        return before < self.cpu_s < limits.start_cpu_s

    def kill(self) -> str:
        """End it at once; how it ended, in words."""
        self.connection.close()
        self.process.join(0.2)
        self.process.kill()
        self.process.join()
        code = self.process.exitcode or 0
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def run_in_workers(
    tasks: Iterable[Task], setup: Setup[Task, Result], *, workers: int, limits: Limits | None = None
) -> Generator[Outcome[Task, Result], None, None]:
    """Do every task in spawned processes and give the outcomes in the order they come.

    Close the generator to end the workers early.

    Parameters
    ----------
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
    if workers < 1:
        raise ValueError(f"expected at least one worker, got {workers}")
    pool = _Pool(deque((task, 1) for task in tasks), setup, workers, limits or Limits())
    try:
        yield from pool.outcomes()
    finally:
        pool.close()


@contextmanager
def open_workers(
    setup: Setup[Task, Result], *, workers: int, limits: Limits | None = None
) -> Iterator[Callable[[Iterable[Task]], Iterator[Outcome[Task, Result]]]]:
    """Workers that stay warm for several rounds of tasks; gives a function that does one round.

    A round is `run_in_workers` without the start, to be used up before the next one begins. All rounds
    belong in one thread that lives as long as the workers: on Linux they die with the thread that
    started them.
    """
    if workers < 1:
        raise ValueError(f"expected at least one worker, got {workers}")
    pool = _Pool(deque[tuple[Task, int]](), setup, workers, limits or Limits())
    try:
        yield pool.round
    finally:
        pool.close()


class WarmWorkers(Generic[Task, Result]):
    """A few warm workers that do single tasks for any thread; they start when they are first needed.

    Each belongs to a thread of its own, because on Linux it dies with the thread that started it.
    """

    def __init__(self, setup: Setup[Task, Result], *, workers: int, limits: Limits | None = None) -> None:
        self._open = lambda: open_workers(setup, workers=1, limits=limits)
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="warm-worker")
        self._stack = ExitStack()
        self._own = threading.local()

    def do(self, task: Task) -> Outcome[Task, Result]:
        """Do a task when its turn comes, and wait for it.

        Raises
        ------
        WorkerStartError
            If no worker can be started.
        """
        return self._threads.submit(self._do, task).result()

    def close(self) -> None:
        """End the workers; what waits for them is done first."""
        self._threads.shutdown()
        self._stack.close()

    def _do(self, task: Task) -> Outcome[Task, Result]:
        if not hasattr(self._own, "round"):
            self._own.round = self._stack.enter_context(self._open())
        (outcome,) = self._own.round([task])
        assert isinstance(outcome, Outcome)
        return outcome


def retry_or_fail(
    job: tuple[Task, int], jobs: deque[tuple[Task, int]], limits: Limits, *, timed_out: bool, detail: str
) -> Outcome[Task, Any] | None:
    """Give what becomes of a task whose worker was given up: ``None`` if it waits in ``jobs`` for another try."""
    task, attempt = job
    if timed_out:
        return Outcome(task, failure="timeout", detail=f"not done within {limits.timeout_s:g} s")
    if attempt < limits.attempts:
        jobs.append((task, attempt + 1))
        return None
    return Outcome(task, failure="crashed", detail=detail)


class _Pool(Generic[Task, Result]):
    def __init__(
        self, jobs: deque[tuple[Task, int]], setup: Setup[Task, Result], workers: int, limits: Limits
    ) -> None:
        self._jobs = jobs
        self._setup = setup
        self._size = workers
        self._limits = limits
        self._context = mp.get_context("spawn")
        self._active: list[_Worker] = []
        self._leaving: list[_Worker] = []
        self._failed_starts = 0

    def round(self, tasks: Iterable[Task]) -> Iterator[Outcome[Task, Result]]:
        """Do more tasks and give their outcomes."""
        self._jobs.extend((task, 1) for task in tasks)
        yield from self.outcomes()

    def outcomes(self) -> Iterator[Outcome[Task, Result]]:
        while self._jobs or any(worker.job for worker in self._active):
            self._hire()
            soonest = min(worker.deadline for worker in [*self._active, *self._leaving])
            wait([worker.connection for worker in self._active], max(0.0, soonest - time.monotonic()))
            for worker in list(self._active):
                outcome = self._look_after(worker)
                if outcome is not None:
                    yield outcome
            self._reap()

    def close(self) -> None:
        """End every worker: the idle ones may tidy up, the busy ones are killed."""
        for worker in self._active:
            if worker.job is None and worker.is_ready:
                self._dismiss(worker)
            else:
                worker.kill()
        self._active = []
        while self._leaving:
            self._leaving[0].process.join(max(0.0, self._leaving[0].deadline - time.monotonic()))
            self._leaving.pop(0).kill()

    def _hire(self) -> None:
        """As many workers as there is work for, and none idle while there is work."""
        for worker in list(self._active):
            if worker.is_ready and worker.job is None and worker.connection.poll():
                self._lose(worker)  # it died between two tasks, which is not the next one's fault
        busy = sum(worker.job is not None for worker in self._active)
        while len(self._active) < min(self._size, busy + len(self._jobs)):
            ours, theirs = self._context.Pipe()
            process = self._context.Process(target=work, args=(theirs, self._setup), daemon=True)
            process.start()
            theirs.close()  # so that the worker's death is the end of our pipe
            self._active.append(_Worker(process, ours, time.monotonic() + self._limits.start_timeout_s))
        for worker in self._active:
            if worker.is_ready and worker.job is None:
                self._assign(worker)

    def _look_after(self, worker: _Worker) -> Outcome[Task, Result] | None:
        """Hear what a worker has to say, give it work, or give it up."""
        if worker.connection.poll():
            try:
                kind, value = worker.connection.recv()
            except Exception:  # its pipe ended, or ended in the middle of a message
                return self._lose(worker)
            if kind == "ready":
                worker.is_ready, self._failed_starts = True, 0
                self._assign(worker)
                return None
            return self._settle(worker, kind, value)
        if time.monotonic() < worker.deadline:
            return None
        if not worker.is_ready and worker.is_getting_on(self._limits):
            worker.deadline = time.monotonic() + self._limits.start_timeout_s
            return None
        return self._lose(worker, timed_out=True)

    def _settle(self, worker: _Worker, kind: str, value: Any) -> Outcome[Task, Result] | None:
        if kind == "unable":
            raise WorkerStartError(f"A worker process could not start: {value}")
        if kind == "raised":
            if isinstance(value, OSError):
                raise value
            return self._lose(worker, detail=str(value))
        assert worker.job is not None
        task, worker.job = worker.job[0], None
        worker.tasks_done += 1
        if worker.tasks_done >= self._limits.tasks_per_worker and self._jobs:
            self._active.remove(worker)
            self._dismiss(worker)
        else:
            self._assign(worker)
        return Outcome(task, result=value)

    def _assign(self, worker: _Worker) -> None:
        worker.deadline = float("inf")
        if self._jobs:
            worker.job = self._jobs.popleft()
            worker.deadline = time.monotonic() + self._limits.timeout_s
            with suppress(OSError):  # it has died: the next look finds the pipe ended
                worker.connection.send(worker.job[0])

    def _lose(
        self, worker: _Worker, *, timed_out: bool = False, detail: str = ""
    ) -> Outcome[Task, Result] | None:
        """Give a worker up; its task is tried again or has failed."""
        self._active.remove(worker)
        ended = worker.kill()
        if worker.job is None:
            if not worker.is_ready:
                self._failed_starts += 1
            if self._failed_starts >= START_ATTEMPTS:
                reason = "no progress while starting" if timed_out else ended
                raise WorkerStartError(f"Worker processes end before they are ready ({reason}).")
            return None
        return retry_or_fail(
            worker.job, self._jobs, self._limits, timed_out=timed_out, detail=detail or ended
        )

    def _dismiss(self, worker: _Worker) -> None:
        """Ask a worker to tidy up and go; it is killed if it takes too long."""
        with suppress(OSError):
            worker.connection.send(None)
        worker.deadline = time.monotonic() + GRACE_S
        self._leaving.append(worker)

    def _reap(self) -> None:
        for worker in list(self._leaving):
            if not worker.process.is_alive() or time.monotonic() >= worker.deadline:
                self._leaving.remove(worker)
                worker.kill()
