"""Decoders that go wrong on purpose, in a module that spawned workers can import."""

from __future__ import annotations

import os
import signal
import time

from core.errors import UnsafeImage


def do_as_told(data: bytes) -> int:
    """Hang, die, grab memory or refuse where the bytes say so; else say which process this is."""
    if data == b"hang":
        time.sleep(10_000)
    if data == b"die":
        os.kill(os.getpid(), signal.SIGSEGV)
    if data == b"grab":
        return len(bytearray(10_000_000_000))
    if data == b"refuse":
        raise UnsafeImage("No picture.")
    return os.getpid()
