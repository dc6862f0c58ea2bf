"""Setups that workers run in place of the real one: quick, or planted with trouble. Light to import."""

from __future__ import annotations

import errno
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@contextmanager
def echo() -> Iterator[Callable[[Any], Any]]:
    yield lambda task: (task, os.getpid())


@contextmanager
def trouble() -> Iterator[Callable[[str], str]]:
    yield do_as_told


def do_as_told(task: str) -> str:
    if task.startswith("hang"):
        threading.Event().wait()
    if task.startswith("die"):
        os.abort()
    if task.startswith("raise"):
        raise KeyError(task)
    if task.startswith("full"):
        raise OSError(errno.ENOSPC, "No space left on device", task)
    return task.upper()


@contextmanager
def unable() -> Iterator[Callable[[str], str]]:
    raise RuntimeError("no model here")
    yield str


@contextmanager
def stillborn() -> Iterator[Callable[[str], str]]:
    os._exit(7)
    yield str


@contextmanager
def slow_start() -> Iterator[Callable[[str], str]]:
    end = time.process_time() + 2
    while time.process_time() < end:
        pass
    yield do_as_told


@contextmanager
def stuck_start() -> Iterator[Callable[[str], str]]:
    threading.Event().wait()
    yield do_as_told


@dataclass(frozen=True)
class TinyPairs:
    """Makes a tiny pair of every file, notes each file that it works on, and fails where told to.

    A file of ``die_once_on`` kills its worker the first time that the diary speaks of it.
    """

    out: Path
    versions: dict[str, Any]
    diary: Path
    hang_on: tuple[str, ...] = ()
    die_on: tuple[str, ...] = ()
    die_once_on: tuple[str, ...] = ()
    full_at: tuple[str, ...] = ()
    no_face_in: tuple[str, ...] = field(default=())

    @contextmanager
    def __call__(self) -> Iterator[Callable[[Any], Any]]:
        import curation.prepare  # noqa: F401  (here, where it does not count against the first task's time)

        yield self.prepare

    def prepare(self, task: Any) -> Any:
        import numpy as np

        from core.images import encode_png
        from curation.ingest import hash_source
        from curation.manifest import Reason, Record, write_pair
        from curation.prepare import left_out

        with self.diary.open("a") as file:
            file.write(f"{task.source}\n")
        for told, name in ((self.hang_on, "hang"), (self.die_on, "die"), (self.full_at, "full")):
            if task.source in told:
                do_as_told(name)
        if task.source in self.die_once_on and self.diary.read_text().split().count(task.source) == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        sha256 = hash_source(Path(task.path))
        if task.source in self.no_face_in:
            return left_out(task, sha256, Reason.of("no_face"), self.versions)
        png = encode_png(np.zeros((2, 2), np.uint8))
        write_pair(self.out, task.name, png, png)
        return Record(task.name, task.source, sha256, "kept", None, versions=self.versions)
