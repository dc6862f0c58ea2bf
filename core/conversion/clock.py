"""How long each step of a conversion takes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

STEPS = ("prepare", "encode", "project", "decode", "blend", "generate", "upscale", "total")


class StepClock:
    """Milliseconds spent in each of ``STEPS`` of one call."""

    def __init__(self, before: dict[str, float] | None = None) -> None:
        """``before`` holds what was spent on steps that this call shares with others."""
        self._spent = dict.fromkeys(STEPS, 0.0) | (before or {})
        self._start = time.perf_counter() - self._spent["total"] / 1000

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Add what runs inside to a step."""
        start = time.perf_counter()
        yield
        self._spent[name] += 1000 * (time.perf_counter() - start)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave out what runs inside: preparing a network for its first use is no part of a conversion."""
        start = time.perf_counter()
        yield
        self._start += time.perf_counter() - start

    def timings(self) -> dict[str, float]:
        """Milliseconds so far, by step; all of ``STEPS``, in order."""
        return {**self._spent, "total": 1000 * (time.perf_counter() - self._start)}
