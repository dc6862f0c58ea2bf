"""Let one run of the Draw page work at a time, so that the networks and the server itself are not kept waiting.

Every visitor who draws is a thread, and Python lets one thread work at a time, for 5 ms or as long as it parses a
drawing. The networks and the event loop need Python briefly and often, and would wait for all those threads each
time: with 16 visitors a photo took three times as long, and the event loop came too late to read pings.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class PageTurn:
    """A lock that its holder can lay aside while it waits for something else."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._here = threading.local()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Wait for the turn, which ends with the block; not to be nested."""
        self._take()
        try:
            yield
        finally:
            self._release()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Let others have the turn for the time of the block: who waits, or computes for long, keeps up nobody."""
        if not getattr(self._here, "is_held", False):
            yield
            return
        self._release()
        try:
            yield
        finally:
            self._take()

    def _take(self) -> None:
        self._lock.acquire()
        self._here.is_held = True

    def _release(self) -> None:
        self._here.is_held = False
        self._lock.release()


PAGE_TURN = PageTurn()
