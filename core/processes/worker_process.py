"""Work in a worker process: make the tools, then do one task after the other until told to go."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from multiprocessing.connection import Connection
from typing import Any, Protocol, TypeVar

TaskIn = TypeVar("TaskIn", contravariant=True)
ResultOut = TypeVar("ResultOut", covariant=True)


class Setup(Protocol[TaskIn, ResultOut]):
    """Makes a worker's tools and gives the function that does a task; pickled into each worker."""

    def __call__(self) -> AbstractContextManager[Callable[[TaskIn], ResultOut]]: ...


def work(connection: Connection, setup: Setup[Any, Any]) -> None:
    """Answer ``("ready", None)`` or ``("unable", why)``, then what `attempt` makes of each task."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent to handle
    _die_with_parent()
    _silence()
    with suppress(EOFError, BrokenPipeError):  # the parent is gone
        try:
            tools = setup()
            do = tools.__enter__()
        except Exception as error:
            connection.send(("unable", f"{type(error).__name__}: {error}"))
            return
        try:
            connection.send(("ready", None))
            while (task := connection.recv()) is not None:
                connection.send(attempt(do, task))
        finally:
            tools.__exit__(None, None, None)


def attempt(do: Callable[[Any], Any], task: Any) -> tuple[str, Any]:
    """Give ``("done", result)`` or ``("raised", error)``.

    An OSError is handed over as it is, because it may concern every task; anything else as text.
    """
    try:
        return "done", do(task)
    except OSError as error:
        return "raised", error
    except Exception as error:
        return "raised", f"{type(error).__name__}: {error}"


def _die_with_parent() -> None:
    """On Linux a killed parent takes a worker along that hangs and would never see its pipe end."""
    if sys.platform == "linux":
        parent = os.getppid()
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(1)


def _silence() -> None:
    """Native libraries chatter on stderr, through the parent's progress bar; failures use the pipe."""
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 2)
    os.close(sink)
