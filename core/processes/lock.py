"""Hold a lock that ends with its holder, however that ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

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
    lock = FileLock(path, timeout=_PROBE_S, mode=0o644, poll_interval=0.02, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout:
        raise Held(sentence) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def share(path: Path, sentence: str) -> Iterator[None]:
    """Hold the lock file ``path`` together with others who share it, and keep out those who `hold` it.

    Raises
    ------
    Held
        With ``sentence``, if somebody holds it alone.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        deadline = time.monotonic() + _PROBE_S
        while not _try_to_share(handle):
            if time.monotonic() >= deadline:
                raise Held(sentence)
            time.sleep(0.02)
        yield
    finally:
        os.close(handle)


def is_held(path: Path) -> bool:
    """Tell whether somebody holds the lock alone now.

    By the same ``flock`` as filelock's, but shared, which filelock does not offer: two who only look at the same
    moment must not take each other for the holder, and looking must not make the file.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not _try_to_share(handle)
    finally:
        os.close(handle)


def _try_to_share(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
