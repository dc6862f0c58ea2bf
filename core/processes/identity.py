"""Which process a number stood for: numbers are given out again, also after a restart of the machine."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

_PROC = Path("/proc")


def identify(pid: int) -> dict[str, Any]:
    """A process as something that can be kept: its number and when it was started."""
    return {"pid": pid, "started": _started(pid)}


def is_running(identity: dict[str, Any]) -> bool:
    """Whether that very process is still there; one that has ended and waits for its parent is not."""
    pid = int(identity["pid"])
    with suppress(ChildProcessError, OSError):
        os.waitpid(pid, os.WNOHANG)  # if it is our own child and has ended, let it go
    started = _started(pid)
    return bool(started) and started == identity["started"]


def ended_children() -> set[int]:
    """Children of this process that have ended and that nobody has waited for yet; empty but on Linux."""
    found = set()
    for path in _PROC.glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if fields[0] == "Z" and int(fields[1]) == os.getpid():
                found.add(int(path.parent.name))
    return found


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used so far; 0 where nobody can tell."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _started(pid: int) -> str:
    """When a process was started, as text that is compared only; empty if it has ended."""
    if sys.platform != "linux":
        done = subprocess.run(
            ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        state, _, started = done.stdout.strip().partition(" ")
        return "" if state.startswith("Z") else started.strip()
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else f"{boot} {fields[19]}"
