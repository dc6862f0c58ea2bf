"""Follow the stages of a comparison: how far it is, how long each took, and whether somebody wants it to end."""

from __future__ import annotations

import time
from collections.abc import Callable


class Cancelled(RuntimeError):
    """Somebody asked for the end; what was cached stays."""


class Stages:
    """Passes progress on, keeps time, and raises `Cancelled` where that was asked for.

    Parameters
    ----------
    progress
        Called with the stage in words, done and total.
    cancelled
        Asked at every step.
    """

    def __init__(
        self,
        progress: Callable[[str, int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> None:
        self._progress, self._cancelled = progress, cancelled
        self._stage = ""
        self._since = time.perf_counter()
        self.seconds: dict[str, float] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Say how far a stage is; another name begins the next one."""
        self.check()
        if stage != self._stage:
            self.finish()
            self._stage = stage
        if self._progress:
            self._progress(stage, done, total)

    def within(self, stage: str) -> Callable[[int, int], None]:
        """Progress of one stage, for work that knows no stages."""
        self(stage, 0, 0)
        return lambda done, total: self(stage, done, total)

    def finish(self) -> None:
        """End the present stage."""
        now = time.perf_counter()
        if self._stage:
            spent = self.seconds.get(self._stage, 0.0) + now - self._since
            self.seconds[self._stage] = round(spent, 3)
        self._stage, self._since = "", now

    def check(self) -> None:
        """Raise `Cancelled` if that was asked for."""
        if self._cancelled and self._cancelled():
            raise Cancelled(
                "the comparison was cancelled; what it had computed is kept and not computed again."
            )
