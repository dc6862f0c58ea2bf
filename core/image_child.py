"""Strangers' pictures decoded in child processes that may hang, explode or die.

A decoder is a plain function from a file's bytes to what is wanted of it. It runs in a spawned worker
(`core.processes.workers`) with a time limit a file and an address space limit, without core dumps and
without the right to write files. Whatever it does there costs that one file.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import psutil

from core.errors import UnsafeImage
from core.processes.workers import Limits, WarmWorkers
from core.untrusted_files import read_regular_file

MAX_FILE_BYTES = 200_000_000
MEMORY_BYTES = 2_500_000_000
TIMEOUT_S = 20.0
TASKS_PER_WORKER = 20_000
CHILDREN = 2  # a file that takes all of its time keeps nobody else's waiting
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _KEPT_BYTES = -1, -3, 32 << 20

Result = TypeVar("Result")


class DecodingFailed(UnsafeImage):
    """A child gave up a file.

    Attributes
    ----------
    code
        ``timeout``, ``memory`` or ``crashed``.
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(code, sentence)  # both, so that it survives the way out of a worker
        self.code = code

    def __str__(self) -> str:
        return str(self.args[1])


@dataclass(frozen=True)
class _Job:
    decoder: Callable[[bytes], Any]
    data: bytes


@contextmanager
def _decode_within_limits() -> Iterator[Callable[[_Job], Any]]:
    limit_this_process(MEMORY_BYTES)
    yield _decode


def _decode(job: _Job) -> Any:
    try:
        return job.decoder(job.data)
    except UnsafeImage as error:
        return error.with_traceback(None)
    except MemoryError:
        return DecodingFailed(
            "memory",
            f"Decoding the picture takes more than {MEMORY_BYTES / 1e9:.1f} GB of memory. Make it smaller first.",
        )


@lru_cache(maxsize=1)
def _children() -> WarmWorkers[_Job, Any]:
    workers = WarmWorkers(
        _decode_within_limits,
        workers=CHILDREN,
        limits=Limits(timeout_s=TIMEOUT_S, tasks_per_worker=TASKS_PER_WORKER, attempts=1),
    )
    atexit.register(workers.close)
    return workers


if hasattr(os, "register_at_fork"):  # a fork must not talk over its parent's pipes
    os.register_at_fork(after_in_child=_children.cache_clear)


def decode_in_child(decoder: Callable[[bytes], Result], source: bytes | str | Path) -> Result:
    """Decode a file in one of this process's warm children; from any thread.

    The first call starts a child (a third of a second on an idle machine), the others cost a millisecond
    a megabyte more than the decoding.

    Parameters
    ----------
    decoder
        A function of a module, or a `functools.partial` of one; it raises `UnsafeImage` for what is no picture.
    source
        The file's bytes, or its path.

    Raises
    ------
    UnsafeImage
        From the decoder, or because the file is too large or no regular file.
    DecodingFailed
        Because the file takes too much time or memory, or kills the decoder.
    FileNotFoundError
        If ``source`` is a path that does not exist.
    core.processes.workers.WorkerStartError
        If no child can be started.
    """
    if not isinstance(source, bytes):
        try:
            return decode_in_child(decoder, read_regular_file(source, MAX_FILE_BYTES))
        except ValueError as error:
            raise UnsafeImage(f"{Path(source).name}: {error}") from error
    outcome = _children().do(_Job(decoder, source))
    if outcome.failure == "timeout":
        raise DecodingFailed(
            "timeout", f"The picture was not decoded within {TIMEOUT_S:g} s. Save it anew, or smaller."
        )
    if outcome.failure is not None:
        raise DecodingFailed(
            "crashed", f"The decoder died over the picture ({outcome.detail or 'no reason given'})."
        )
    if isinstance(outcome.result, UnsafeImage):
        raise outcome.result
    found: Result = outcome.result  # type: ignore[assignment]
    return found


def limit_this_process(memory_bytes: int) -> None:
    """Cap the address space, dump no core, write no file; where the system knows such limits."""
    if sys.platform == "win32":
        return
    import resource

    from PIL import AvifImagePlugin

    AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # the pool is the parallelism; threads cost address space
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if sys.platform == "linux":
        _keep_freed_memory()
        used = psutil.Process().memory_info().vms
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_AS, (used + memory_bytes, used + memory_bytes))


def _keep_freed_memory() -> None:
    """Let the next photo use the last one's memory: handing it back costs 2 800 page faults a photo."""
    libc = ctypes.CDLL(None)
    with suppress(AttributeError):  # not glibc
        libc.mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
        libc.mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES)
