"""Decoding strangers' files in child processes that may hang, explode or die.

`check_picture` runs in spawned workers (`core.processes.workers`) with a time limit a file and an address space
limit, without core dumps and without the right to write files. Whatever a decoder does there costs that
one file: it is refused with ``timeout``, ``memory`` or ``crashed``, and the next file finds a new worker.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.image_child import TASKS_PER_WORKER, DecodingFailed, decode_in_child, limit_this_process
from core.processes.worker_process import Setup
from core.processes.workers import Limits, Outcome, open_workers
from curation.intake.picture import DEFAULT_LIMITS, PictureLimits, RejectedFile, check_picture, too_many_bytes
from curation.library.records import Original


@dataclass(frozen=True)
class PictureFile:
    """A file to check, read in the child; no link is followed."""

    path: str

    def read(self, limits: PictureLimits) -> bytes:
        flags = (
            os.O_RDONLY
            | getattr(os, "O_NOFOLLOW", 0)
            | getattr(os, "O_NONBLOCK", 0)
            | getattr(os, "O_BINARY", 0)
        )
        try:
            if Path(self.path).is_symlink():
                raise RejectedFile(
                    "link", "It is a link. Links are not followed; add the file that it leads to."
                )
            with os.fdopen(os.open(self.path, flags), "rb") as file:
                found = os.fstat(file.fileno())
                if not stat.S_ISREG(found.st_mode):
                    raise RejectedFile("link", "It is no regular file but a device, pipe or folder.")
                if found.st_size > limits.max_bytes:
                    raise too_many_bytes(found.st_size, limits)
                return file.read(found.st_size)
        except OSError as error:
            raise RejectedFile("unreadable", f"It cannot be read: {error.strerror or error}.") from error


@dataclass(frozen=True)
class PictureBytes:
    """Bytes to check; they travel to the child."""

    data: bytes

    def read(self, limits: PictureLimits) -> bytes:
        return self.data


@dataclass(frozen=True)
class Task:
    """One file to check; ``number`` tells the answer's file."""

    number: int
    content: PictureFile | PictureBytes


@dataclass(frozen=True)
class CheckPictures:
    """What a worker needs to check pictures; see `core.processes.worker_process.Setup`."""

    limits: PictureLimits

    @contextmanager
    def __call__(self) -> Iterator[Callable[[Task], Original | RejectedFile]]:
        limit_this_process(self.limits.memory_bytes)
        yield self.check

    def check(self, task: Task) -> Original | RejectedFile:
        """The picture, or why it is none; an answer in either case."""
        try:
            return check_picture(task.content.read(self.limits), limits=self.limits)
        except RejectedFile as refused:
            return RejectedFile(refused.code, refused.sentence)  # without its cause, which may not travel
        except MemoryError:
            need = f"more than {self.limits.memory_bytes / 1e9:.1f} GB of memory"
            return RejectedFile("memory", f"Decoding it takes {need}. Make it smaller first.")


@contextmanager
def open_checkers(
    limits: PictureLimits, *, workers: int, setup: Setup[Task, Original | RejectedFile] | None = None
) -> Iterator[Callable[[Iterable[Task]], Iterator[tuple[Task, Original | RejectedFile]]]]:
    """Child processes that check pictures; gives a function that checks one round of them.

    Parameters
    ----------
    setup
        What children do in place of `CheckPictures`, for tests.
    """
    make = setup or CheckPictures(limits)
    bounds = Limits(timeout_s=limits.timeout_s, tasks_per_worker=TASKS_PER_WORKER)
    with open_workers(make, workers=workers, limits=bounds) as do:
        yield lambda tasks: ((outcome.task, _answer(outcome, limits)) for outcome in do(tasks))


def check_in_child(data: bytes) -> Original:
    """`check_picture` in one of this process's warm children (`core.image_child`); from any thread.

    Raises
    ------
    RejectedFile
        Also with ``timeout``, ``memory`` and ``crashed``.
    core.processes.workers.WorkerStartError
        If no child can be started.
    """
    if len(data) > DEFAULT_LIMITS.max_bytes:
        raise too_many_bytes(len(data), DEFAULT_LIMITS)
    try:
        return decode_in_child(check_picture, data)
    except DecodingFailed as failed:
        raise RejectedFile(failed.code, str(failed)) from failed


def _answer(
    outcome: Outcome[Task, Original | RejectedFile], limits: PictureLimits
) -> Original | RejectedFile:
    if outcome.result is not None:
        return outcome.result
    if outcome.failure == "timeout":
        return RejectedFile("timeout", f"It was not decoded within {limits.timeout_s:g} s.")
    return RejectedFile("crashed", f"The decoder died over it ({outcome.detail or 'no reason given'}).")
