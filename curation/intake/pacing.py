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
        self._waiting: dict[str, deque[HostRequest[Task]]] = {}
        self._hosts: list[tuple[float, int, str]] = []  # heap of hosts with work, by when they are ready
        self._later: list[tuple[float, int, HostRequest[Task]]] = []  # heap of tasks that are tried again
        self._order = itertools.count()
        self._taken = 0
        self._is_closed = False
        self._changed = threading.Condition()
        for host, task in tasks:
            self._add(HostRequest(task, host, 0))

    def take(self) -> HostRequest[Task] | None:
        """Wait for a task whose turn it is; None when all is done or the queue is closed."""
        with self._changed:
            while not self._is_closed:
                now = time.monotonic()
                while self._later and self._later[0][0] <= now:
                    self._add(heapq.heappop(self._later)[2])
                soonest = self._next_host()
                if soonest is not None and soonest <= now:
                    return self._pop()
                if soonest is None and not self._later and not self._taken:
                    return None
                moments = [] if soonest is None else [soonest]
                moments += [self._later[0][0]] if self._later else []
                self._changed.wait(min(moments) - now if moments else None)
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
            heapq.heappush(self._later, (time.monotonic() + after_s, next(self._order), retry))
            self._changed.notify_all()

    def close(self) -> None:
        """Hand out nothing more."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _add(self, request: HostRequest[Task]) -> None:
        queue = self._waiting.setdefault(request.host, deque())
        if not queue:
            heapq.heappush(
                self._hosts, (self._limiter.ready_at(request.host), next(self._order), request.host)
            )
        queue.append(request)

    def _next_host(self) -> float | None:
        """When the host on top of the heap is ready, after moving down those that were put off."""
        while self._hosts:
            known, order, host = self._hosts[0]
            ready = self._limiter.ready_at(host)
            if ready <= known:
                return known
            heapq.heapreplace(self._hosts, (ready, order, host))
        return None

    def _pop(self) -> HostRequest[Task]:
        host = heapq.heappop(self._hosts)[2]
        request = replace(self._waiting[host].popleft(), interval_s=self._limiter.interval_s(host))
        self._limiter.reserve(host)
        self._taken += 1
        if self._waiting[host]:
            heapq.heappush(self._hosts, (self._limiter.ready_at(host), next(self._order), host))
        else:
            del self._waiting[host]
        return request
