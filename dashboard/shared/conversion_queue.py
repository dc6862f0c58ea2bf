"""Let the networks work on one drawing at a time, round robin over the people who wait."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

SAY_AFTER_S = 0.5
LOOK_EVERY_S = 0.1
SERVED_KEPT = 1000


class Superseded(RuntimeError):
    """The visitor has drawn or set something newer: nobody wants this face any more."""


@dataclass(frozen=True, eq=False)
class _Request:
    visitor: Hashable
    person: Hashable
    number: int


class ConversionQueue:
    """Hold one waiting request per visitor, and serve next the person who was served longest ago.

    A visitor is one open page; who has several of them open shares one person's turns among them.

    A request that its visitor has replaced leaves without costing anything. Two conversions at once would only
    make both late on the same cores.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: dict[Hashable, _Request] = {}
        self._running: _Request | None = None
        self._served: dict[Hashable, int] = {}  # the number of the last turn of each person, oldest first
        self._count = itertools.count(1)

    @contextmanager
    def turn(
        self,
        visitor: Hashable,
        *,
        person: Hashable | None = None,
        is_superseded: Callable[[], bool] = lambda: False,
        on_wait: Callable[[int], None] | None = None,
    ) -> Iterator[None]:
        """Wait for the visitor's turn, which ends with the block.

        Parameters
        ----------
        person
            Whose page it is, where that is known; otherwise each visitor is a person.
        is_superseded
            Asked while waiting and once more before the turn begins.
        on_wait
            Called from the waiting thread after half a second and whenever it changes, with the number of
            drawings that come before, 1 or more. What it raises leaves the queue.

        Raises
        ------
        Superseded
            If the visitor has asked for something newer.
        """
        request = self._enter(visitor, visitor if person is None else person)
        try:
            self._wait(request, is_superseded, on_wait)
            if is_superseded():
                raise Superseded
            yield
        finally:
            self._leave(request)

    def _enter(self, visitor: Hashable, person: Hashable) -> _Request:
        with self._changed:
            request = self._waiting[visitor] = _Request(visitor, person, next(self._count))
            self._changed.notify_all()  # the one that it replaces
            return request

    def _wait(
        self, request: _Request, is_superseded: Callable[[], bool], on_wait: Callable[[int], None] | None
    ) -> None:
        asked, said = time.monotonic(), 0
        while before := self._before(request):
            if is_superseded():
                raise Superseded
            if on_wait is not None and before != said and time.monotonic() - asked >= SAY_AFTER_S:
                said = before
                on_wait(before)

    def _before(self, request: _Request) -> int:
        """Take the turn if it has come (0), or wait a moment; the number of drawings that come before."""
        with self._changed:
            if self._changed.wait_for(lambda: self._take(request), LOOK_EVERY_S):
                return 0
            return self._place(request) + (self._running is not None)

    def _take(self, request: _Request) -> bool:
        if self._waiting.get(request.visitor) is not request:
            raise Superseded
        if self._running is not None or self._place(request):
            return False
        self._running = self._waiting.pop(request.visitor)
        self._served.pop(request.person, None)
        self._served[request.person] = next(self._count)
        while len(self._served) > SERVED_KEPT:
            del self._served[next(iter(self._served))]
        return True

    def _place(self, request: _Request) -> int:
        """Waiting requests that come before this one."""
        turn = self._order(request)
        return sum(self._order(other) < turn for other in self._waiting.values())

    def _order(self, request: _Request) -> tuple[int, int]:
        return self._served.get(request.person, 0), request.number

    def _leave(self, request: _Request) -> None:
        with self._changed:
            if self._running is request:
                self._running = None
            if self._waiting.get(request.visitor) is request:
                del self._waiting[request.visitor]
            self._changed.notify_all()
