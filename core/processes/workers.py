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
from dataclasses import dataclass
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


@dataclass(kw_only=True)
class Worker:
    """A worker as its pool sees it."""

    deadline: float
    is_ready: bool = False
    job: tuple[Any, int] | None = None  # task and attempt
    tasks_done: int = 0

    def kill(self) -> str:
        """End it at once; how it ended, in words."""
        raise NotImplementedError


@dataclass(kw_only=True)
class _Process(Worker):
    process: BaseProcess
    connection: Connection
    cpu_s: float = 0.0  # used at the last look, while it starts

    def is_getting_on(self, limits: Limits) -> bool:
        """Tell whether a worker that starts has worked since the last look and may go on."""
        before, self.cpu_s = self.cpu_s, cpu_seconds(self.process.pid or 0)
        return before < self.cpu_s < limits.start_cpu_s

    def kill(self) -> str:
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


AnyWorker = TypeVar("AnyWorker", bound=Worker)


class WorkerPool(Generic[Task, Result, AnyWorker]):
    """The rules for workers of any kind: who gets which task, and what becomes of one whose worker was given up."""

    kind = "Worker processes"

    def __init__(self, jobs: deque[tuple[Task, int]], workers: int, limits: Limits) -> None:
        self._jobs = jobs
        self._size = workers
        self._limits = limits
        self._active: list[AnyWorker] = []
        self._failed_starts = 0

    def _start(self) -> AnyWorker:
        """Begin to start a worker."""
        raise NotImplementedError

    def _send(self, worker: AnyWorker, task: Task) -> None:
        """Hand a task over."""
        raise NotImplementedError

    def _dismiss(self, worker: AnyWorker) -> None:
        """Let a worker go that has done enough."""
        raise NotImplementedError

    def _hire(self) -> None:
        """As many workers as there is work for, and none idle while there is work."""
        busy = sum(worker.job is not None for worker in self._active)
        while len(self._active) < min(self._size, busy + len(self._jobs)):
            self._active.append(self._start())
        for worker in self._active:
            if worker.is_ready and worker.job is None:
                self._assign(worker)

    def _settle(self, worker: AnyWorker, answer: tuple[str, Any]) -> Outcome[Task, Result] | None:
        """Act on an answer as `core.processes.worker_process.work` gives them."""
        kind, value = answer
        if kind == "ready":
            worker.is_ready, self._failed_starts = True, 0
            self._assign(worker)
            return None
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

    def _assign(self, worker: AnyWorker) -> None:
        worker.deadline = float("inf")
        if self._jobs:
            worker.job = self._jobs.popleft()
            worker.deadline = time.monotonic() + self._limits.timeout_s
            self._send(worker, worker.job[0])

    def _lose(
        self, worker: AnyWorker, *, timed_out: bool = False, detail: str = ""
    ) -> Outcome[Task, Result] | None:
        """Give a worker up; its task is tried again or has failed."""
        self._active.remove(worker)
        ended = worker.kill()
        detail = detail or ended
        if worker.job is None:
            if not worker.is_ready:
                self._failed_starts += 1
            if self._failed_starts >= START_ATTEMPTS:
                reason = "no progress while starting" if timed_out else detail
                raise WorkerStartError(f"{self.kind} end before they are ready ({reason}).")
            return None
        task, attempt = worker.job
        if timed_out:
            return Outcome(task, failure="timeout", detail=f"not done within {self._limits.timeout_s:g} s")
        if attempt < self._limits.attempts:
            self._jobs.append((task, attempt + 1))
            return None
        return Outcome(task, failure="crashed", detail=detail)


class _Pool(WorkerPool[Task, Result, _Process]):
    def __init__(
        self, jobs: deque[tuple[Task, int]], setup: Setup[Task, Result], workers: int, limits: Limits
    ) -> None:
        super().__init__(jobs, workers, limits)
        self._setup = setup
        self._context = mp.get_context("spawn")
        self._leaving: list[_Process] = []

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
        for worker in list(self._active):
            if worker.is_ready and worker.job is None and worker.connection.poll():
                self._lose(worker)  # it died between two tasks, which is not the next one's fault
        super()._hire()

    def _start(self) -> _Process:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=work, args=(theirs, self._setup), daemon=True)
        process.start()
        theirs.close()  # so that the worker's death is the end of our pipe
        deadline = time.monotonic() + self._limits.start_timeout_s
        return _Process(process=process, connection=ours, deadline=deadline)

    def _send(self, worker: _Process, task: Task) -> None:
        with suppress(OSError):  # it has died: the next look finds the pipe ended
            worker.connection.send(task)

    def _look_after(self, worker: _Process) -> Outcome[Task, Result] | None:
        """Hear what a worker has to say, give it work, or give it up."""
        if worker.connection.poll():
            try:
                answer = worker.connection.recv()
            except Exception:  # its pipe ended, or ended in the middle of a message
                return self._lose(worker)
            return self._settle(worker, answer)
        if time.monotonic() < worker.deadline:
            return None
        if not worker.is_ready and worker.is_getting_on(self._limits):
            worker.deadline = time.monotonic() + self._limits.start_timeout_s
            return None
        return self._lose(worker, timed_out=True)

    def _dismiss(self, worker: _Process) -> None:
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
