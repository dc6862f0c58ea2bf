"""A lock that ends with its holder, however that ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PROBE_S = 1.0  # somebody who only looks holds it for an instant


class Held(RuntimeError):
    """Somebody else holds the lock."""


@contextmanager
def hold(path: Path, sentence: str) -> Iterator[None]:
    """Hold the lock file ``path`` (made if missing, never removed) for the length of the block.

    Raises
    ------
    Held
        With ``sentence``, if another process or thread holds it.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        deadline = time.monotonic() + _PROBE_S
        while not _take(handle, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise Held(sentence)
            time.sleep(0.02)
        yield
    finally:
        os.close(handle)


def is_held(path: Path) -> bool:
    """Whether somebody holds the lock now."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not _take(handle, fcntl.LOCK_SH)
    finally:
        os.close(handle)


def _take(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
