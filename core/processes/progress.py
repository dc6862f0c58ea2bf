"""How far a job is, kept in a file for whoever watches it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.processes.jobs import write_record

REPORT_S = 0.2


class Progress:
    """Keeps a job's progress file, or nothing without a path; may be called as often as one likes."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._phase = ""
        self._written = 0.0
        self._pace = Pace()
        self.seconds_left: float | None = None  # of everything, where the work can tell

    @property
    def seconds_each(self) -> float:
        """Give what one unit of the work takes of late, 0 where it is not known yet."""
        return self._pace.seconds_each

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        self._pace.add(done, now)
        if done >= total or now - self._written >= REPORT_S:
            self._save(done, total)
            self._written = now

    def phase(self, name: str) -> None:
        """Begin another part of the work."""
        self._phase = name
        self._pace = Pace()
        self._save(0, 0)

    def _save(self, done: int, total: int) -> None:
        if self._path is not None:
            each = round(self.seconds_each, 6)
            found = {"done": done, "total": total, "phase": self._phase, "seconds_each": each}
            if self.seconds_left is not None:
                found["seconds_left"] = round(self.seconds_left, 1)
            write_record(self._path, found)


class Pace:
    """Seconds a unit of work, from the latest minute or so; a resumed count may begin anywhere."""

    WINDOW_S = 60.0

    def __init__(self) -> None:
        self._marks: list[tuple[float, int]] = []

    def add(self, done: int, now: float) -> None:
        """Note that ``done`` units were finished at ``now`` (monotonic seconds)."""
        if self._marks and (done < self._marks[-1][1] or now - self._marks[-1][0] < 0.2):
            return  # a report a fifth of a second is plenty, and the work never goes back
        self._marks.append((now, done))
        while len(self._marks) > 2 and now - self._marks[1][0] > self.WINDOW_S:
            self._marks.pop(0)

    @property
    def seconds_each(self) -> float:
        """0 before there are two different counts."""
        if len(self._marks) < 2 or self._marks[-1][1] == self._marks[0][1]:
            return 0.0
        (begun, first), (now, last) = self._marks[0], self._marks[-1]
        return (now - begun) / (last - first)


def follow_progress(bar: Any, report: Callable[[int, int], None]) -> Callable[[int, int], None]:
    """Let a tqdm bar and a report follow the same work; a count that begins anew begins the bar anew.

    tqdm draws nothing before its count exceeds the one that it drew last.
    """

    def show(done: int, total: int) -> None:
        if total != bar.total or done < bar.n:
            bar.reset(total)
        bar.update(done - bar.n)
        report(done, total)

    return show


def progress_writer(path: Path | None) -> Progress:
    """A progress callback that keeps ``path`` (the command's ``--progress-file``) up to date."""
    return Progress(path)
