"""Limit the request rate of each host, and queue requests so that no thread waits where another host is free."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections import deque
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

Task = TypeVar("Task", bound=Hashable)


class RateLimiter:
    """Leaves a while between two visits to the same host; safe to use from several threads."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._intervals: dict[str, float] = {}
        self._free_at: dict[str, float] = {}
        self._lock = threading.Lock()

    def ready_at(self, host: str) -> float:
        """When the host may be visited next, on `time.monotonic`'s clock."""
        with self._lock:
            return self._free_at.get(host, 0.0)

    def reserve(self, host: str) -> float:
        """Take the next free moment; the seconds to wait for it."""
        with self._lock:
            now = time.monotonic()
            start = max(now, self._free_at.get(host, 0.0))
            self._free_at[host] = start + self._intervals.get(host, self._interval_s)
            return start - now

    def interval_s(self, host: str) -> float:
        """Seconds that are left between two visits to a host as far as is known now."""
        with self._lock:
            return self._intervals.get(host, self._interval_s)

    def slow_down(self, host: str, interval_s: float) -> None:
        """Leave at least this long between visits to one host from now on."""
        with self._lock:
            self._intervals[host] = max(interval_s, self._interval_s)

    def leave_alone(self, host: str, seconds: float) -> None:
        """Do not visit a host for a while."""
        with self._lock:
            self._free_at[host] = max(self._free_at.get(host, 0.0), time.monotonic() + seconds)


@dataclass(frozen=True)
class HostRequest(Generic[Task]):
    """A task whose turn it is."""

    task: Task
    host: str
    attempt: int  # how often it was tried before
    interval_s: float = 0.0  # the host's pace when this moment was reserved


class HostQueue(Generic[Task]):
    """Hands out the task whose host can be visited soonest, so that one slow host delays only itself.

    The moment is reserved with the limiter: whoever takes a task visits its host at once.
    Every task that was taken is given back by `done` or `again`.
    """

    def __init__(self, tasks: Iterable[tuple[str, Task]], limiter: RateLimiter) -> None:
        self._limiter = limiter
        # Heap of tasks in line, those of one host or a single one that is tried again, by when the first is ready.
        self._lines: list[tuple[float, int, deque[HostRequest[Task]]]] = []
        self._order = itertools.count()
        self._taken = 0
        self._is_closed = False
        self._changed = threading.Condition()
        hosts: dict[str, deque[HostRequest[Task]]] = {}
        for host, task in tasks:
            hosts.setdefault(host, deque()).append(HostRequest(task, host, 0))
        for line in hosts.values():
            self._push(line)

    def take(self) -> HostRequest[Task] | None:
        """Wait for a task whose turn it is; None when all is done or the queue is closed."""
        with self._changed:
            while not self._is_closed:
                now = time.monotonic()
                soonest = self._soonest()
                if soonest is not None and soonest <= now:
                    return self._pop()
                if soonest is None and not self._taken:
                    return None
                self._changed.wait(None if soonest is None else soonest - now)
            return None

    def done(self) -> None:
        """A task that was taken has ended."""
        with self._changed:
            self._taken -= 1
            self._changed.notify_all()

    def again(self, request: HostRequest[Task], after_s: float) -> None:
        """A task that was taken is to be tried once more, not before some seconds."""
        with self._changed:
            self._taken -= 1
            retry = HostRequest(request.task, request.host, request.attempt + 1)
            self._push(deque([retry]), time.monotonic() + after_s)
            self._changed.notify_all()

    def close(self) -> None:
        """Hand out nothing more."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _push(self, line: deque[HostRequest[Task]], not_before: float = 0.0) -> None:
        ready = max(not_before, self._limiter.ready_at(line[0].host))
        heapq.heappush(self._lines, (ready, next(self._order), line))

    def _soonest(self) -> float | None:
        """When the task on top of the heap is ready, after moving down those whose host was put off."""
        while self._lines:
            known, order, line = self._lines[0]
            ready = self._limiter.ready_at(line[0].host)
            if ready <= known:
                return known
            heapq.heapreplace(self._lines, (ready, order, line))
        return None

    def _pop(self) -> HostRequest[Task]:
        line = heapq.heappop(self._lines)[2]
        request = line.popleft()
        self._limiter.reserve(request.host)
        self._taken += 1
        if line:
            self._push(line)
        return replace(request, interval_s=self._limiter.interval_s(request.host))
