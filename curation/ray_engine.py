"""The worker pool on Ray: actors that make their tools once, get paths and give back small rows.

The rules are those of `core.processes.workers`: one task at a time within a time limit, a worker that hangs,
dies or raises is replaced, and a task that killed its worker is tried again. Ray's own restarts are off,
because a restart would hand the task over once more without counting it.

RAY_ADDRESS names a cluster; without it one is made on this machine for as long as the run lasts. Its ports
are open on every interface, so it only answers to a random token. Ray's usage statistics stay off.
"""

from __future__ import annotations

import logging
import os
import secrets
import sys
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # all of these are read when Ray is loaded
if "RAY_ADDRESS" not in os.environ and "ray" not in sys.modules:
    os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32))

import ray

from core.processes.worker_process import Setup, attempt
from core.processes.workers import GRACE_S, Limits, Outcome, Worker, WorkerPool, WorkerStartError

Task = TypeVar("Task")
Result = TypeVar("Result")

OBJECT_STORE_BYTES = 80_000_000  # rows are small and travel inside the replies: Ray's least will do


class _Hand:
    """The inside of an actor; answers as `core.processes.worker_process.work` does."""

    def __init__(self, setup: Setup[Any, Any]) -> None:
        self._setup = setup
        self._tools = ExitStack()

    def start(self) -> tuple[str, Any]:
        try:
            self._do = self._tools.enter_context(self._setup())
        except Exception as error:
            return "unable", f"{type(error).__name__}: {error}"
        return "ready", os.getpid()

    def do(self, task: Any) -> tuple[str, Any]:
        return attempt(self._do, task)

    def finish(self) -> None:
        self._tools.close()


@dataclass(kw_only=True)
class _Actor(Worker):
    handle: Any
    reply: Any  # reference to the answer that is awaited

    def kill(self) -> str:
        with suppress(ray.exceptions.RayError):
            ray.kill(self.handle)
        return "killed"


def run_on_ray(
    tasks: Iterable[Task], setup: Setup[Task, Result], *, workers: int, limits: Limits | None = None
) -> Generator[Outcome[Task, Result], None, None]:
    """`core.processes.workers.run_in_workers` on Ray actors: same parameters, outcomes and errors."""
    if workers < 1:
        raise ValueError(f"expected at least one worker, got {workers}")
    jobs = deque((task, 1) for task in tasks)
    if not jobs:
        return
    with cluster(workers):
        pool = _Pool(jobs, setup, workers, limits or Limits())
        try:
            yield from pool.outcomes()
        finally:
            pool.close()


@contextmanager
def cluster(workers: int) -> Iterator[None]:
    """Connect to the cluster of RAY_ADDRESS or to one of our own, unless this process is connected already."""
    if ray.is_initialized():
        yield
        return
    # Ray would announce the death of an actor on stdout, amid the answers of a command.
    inside: Any = ray._private.worker
    inside.listen_error_messages = lambda *_: None
    own: dict[str, Any] = {
        "num_cpus": workers,
        "num_gpus": 0,
        "object_store_memory": OBJECT_STORE_BYTES,
        "include_dashboard": False,
    }
    try:
        ray.init(
            log_to_driver=False, logging_level=logging.ERROR, **({} if "RAY_ADDRESS" in os.environ else own)
        )
    except (ConnectionError, RuntimeError, TimeoutError, ValueError) as error:
        raise WorkerStartError(f"Ray could not start or be reached: {error}") from error
    try:
        yield
    finally:
        ray.shutdown()


class _Pool(WorkerPool[Task, Result, _Actor]):
    kind = "Ray's actors"

    def __init__(
        self, jobs: deque[tuple[Task, int]], setup: Setup[Task, Result], workers: int, limits: Limits
    ) -> None:
        super().__init__(jobs, workers, limits)
        self._setup = ray.put(setup)
        self._actor = ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0)(_Hand)

    def outcomes(self) -> Iterator[Outcome[Task, Result]]:
        while self._jobs or any(actor.job for actor in self._active):
            self._hire()
            awaited = [actor for actor in self._active if actor.reply is not None]
            soonest = min(actor.deadline for actor in awaited)
            replies = [actor.reply for actor in awaited]
            replied, _ = ray.wait(replies, num_returns=1, timeout=max(0.0, soonest - time.monotonic()))
            for actor in awaited:
                outcome = self._look_after(actor, has_replied=actor.reply in replied)
                if outcome is not None:
                    yield outcome

    def close(self) -> None:
        """End every actor: the idle ones may tidy up, the busy ones are killed."""
        idle = [actor for actor in self._active if actor.is_ready and actor.job is None]
        with suppress(ray.exceptions.RayError):
            ray.wait([actor.handle.finish.remote() for actor in idle], num_returns=len(idle), timeout=GRACE_S)
        for actor in self._active:
            actor.kill()
        self._active = []

    def _start(self) -> _Actor:
        handle: Any = self._actor.remote(self._setup)
        deadline = time.monotonic() + self._limits.start_timeout_s
        return _Actor(handle=handle, reply=handle.start.remote(), deadline=deadline)

    def _look_after(self, actor: _Actor, *, has_replied: bool) -> Outcome[Task, Result] | None:
        """Hear what an actor has to say, give it work, or give it up."""
        if not has_replied:
            return self._lose(actor, timed_out=True) if time.monotonic() >= actor.deadline else None
        reply, actor.reply = actor.reply, None
        try:
            answer = ray.get(reply)
        except ray.exceptions.RayError as error:  # it died, or its answer could not be read
            return self._lose(actor, detail=str(error).strip().splitlines()[0])
        return self._settle(actor, answer)

    def _send(self, actor: _Actor, task: Task) -> None:
        actor.reply = actor.handle.do.remote(task)

    def _dismiss(self, actor: _Actor) -> None:
        actor.kill()
