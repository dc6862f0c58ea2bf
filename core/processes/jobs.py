"""Start, follow, stop and prune background jobs: commands of their own that outlive the server.

A folder of jobs holds of each: ``ID.json`` (what was started, and which process it is), ``ID.process.json``
(the same from the process itself), ``ID.progress.json`` (how far it is), ``ID.end.json`` (how it ended),
``ID.out`` (its answers, one JSON object a line) and ``ID.log`` (its chatter). Each is written by one side
only and replaced at once, so a reader never meets a part. A job whose process is gone without an end was
interrupted; its command goes on from there when it is started again.
"""

from __future__ import annotations

import json
import math
import os
import secrets
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import psutil

from core.atomic_files import write_atomically
from core.config import ROOT


def write_record(path: Path, content: dict[str, Any]) -> None:
    """Replace a record at once; a reader meets the old one or the new one.

    Raises
    ------
    OSError
        If the folder is missing or the disk is full; the old record is untouched then.
    """
    write_atomically(path, json.dumps(content).encode(), durable=False)


def read_record(path: Path) -> dict[str, Any] | None:
    """Read a record, or ``None`` where it is missing or damaged."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def number(value: object) -> float:
    """A number of a record, 0 where it is none."""
    is_number = isinstance(value, int | float) and math.isfinite(value)
    return float(value) if is_number else 0.0  # type: ignore[arg-type]


def identify(pid: int) -> dict[str, Any]:
    """Describe a process so that it can be told from a later one with its number, also after a restart."""
    return {"pid": pid, "started": _started(pid)}


def is_running(identity: dict[str, Any]) -> bool:
    """Tell whether that very process is still there; one that has ended and waits for its parent is not."""
    pid = int(identity["pid"])
    with suppress(ChildProcessError, OSError):
        os.waitpid(pid, os.WNOHANG)  # if it is our own child and has ended, let it go
    started = _started(pid)
    return bool(started) and started == identity["started"]


def ended_children() -> set[int]:
    """Find children of this process that have ended and that nobody has waited for yet."""
    found = set()
    for child in psutil.Process().children():
        with suppress(psutil.Error):
            if child.status() == psutil.STATUS_ZOMBIE:
                found.add(child.pid)
    return found


def cpu_seconds(pid: int) -> float:
    """Give the processor time that a process has used so far; 0 where nobody can tell."""
    try:
        used = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return 0.0
    return used.user + used.system


def _started(pid: int) -> str:
    """When a process was started, as text that is compared only; empty if it has ended.

    The boot and clock ticks since then, not a date, which would be another one when the clock is set.
    """
    try:
        process = psutil.Process(pid)
        if process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
            return ""
        since_boot = process.create_time() - psutil.boot_time()
    except psutil.Error:
        return ""
    return f"{_boot()} {round(since_boot * os.sysconf('SC_CLK_TCK'))}"


@cache
def _boot() -> str:
    """This start of the machine by Linux' own name for it; psutil knows only its date."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""


KEPT = 100  # records of ended jobs of a kind
STOP_S = 10.0
START_S = 30.0
_IDENTITY = "identity"


@dataclass(frozen=True)
class Job:
    """One background job as it stands.

    Attributes
    ----------
    state
        ``running``, ``done``, ``failed``, ``stopped`` (by a person) or ``interrupted`` (its process is
        gone, for instance with the machine).
    done, total
        Of the present ``phase``.
    message
        Why it has failed: the error, or the last line of its log; else empty.
    started, ended
        UTC, ISO 8601 with seconds; ``ended`` is empty where nobody saw the end.
    output, log
        Its standard output (JSON answers, one a line) and standard error.
    seconds_each
        What one of ``total`` takes of late, 0 where it is not known yet.
    estimated_s
        What is left of all its phases, ``None`` where the job does not say.
    """

    id: str
    kind: str
    arguments: tuple[str, ...]
    state: str
    done: int
    total: int
    phase: str
    message: str
    started: str
    ended: str
    output: Path
    log: Path
    seconds_each: float = 0.0
    estimated_s: float | None = None

    @property
    def seconds_left(self) -> float | None:
        """Give what is left of the present phase, or ``None`` where nobody can tell."""
        if self.state != "running" or not self.seconds_each or not self.total:
            return None
        return self.seconds_each * (self.total - self.done)


def start(
    folder: Path, kind: str, module: str, arguments: Sequence[str], *, surroundings: Sequence[str] = ()
) -> Job:
    """Start a command as a process of its own and return at once.

    Parameters
    ----------
    folder
        Where the job's files go; made if it is not there.
    kind
        What a list of jobs calls it.
    module
        Its ``main`` takes a list of arguments and gives an exit code.
    arguments
        Of that command; ``--progress-file FILE`` is added to them.
    surroundings
        Arguments that follow from where it runs, and are not kept as part of the job.

    Raises
    ------
    OSError
        If the folder cannot be written to.
    """
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    job_id = f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}-{secrets.token_hex(3)}"
    about = {"kind": kind, "arguments": list(arguments), "started": now()}
    write_record(folder / f"{job_id}.json", about)
    command = [sys.executable, "-m", "core.processes.job_runner", str(folder), job_id, module]
    command += [*arguments, *surroundings]
    with (folder / f"{job_id}.out").open("wb") as out, (folder / f"{job_id}.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=log, start_new_session=True
        )
    write_record(folder / f"{job_id}.json", about | {_IDENTITY: identify(process.pid)})
    prune(folder)
    return poll(folder, job_id)


def poll(folder: Path, job_id: str) -> Job:
    """A job as it stands now.

    Raises
    ------
    ValueError
        If there is no such job.
    """
    folder = folder.absolute()
    about = read_record(folder / f"{job_id}.json") if _is_job_id(job_id) else None
    if about is None or "kind" not in about:
        raise ValueError(f"There is no job {job_id!r}.")
    started = str(about.get("started", ""))
    alive = _is_alive(folder, job_id, started)  # before the end is looked for: it may come in between
    end = read_record(folder / f"{job_id}.end.json")
    progress = read_record(folder / f"{job_id}.progress.json") or {}
    if end is not None:
        state = str(end.get("state", "interrupted"))
    else:
        state = "running" if alive else "interrupted"
    log = folder / f"{job_id}.log"
    return Job(
        id=job_id,
        kind=str(about["kind"]),
        arguments=tuple(about.get("arguments", ())),
        state=state,
        done=int(number(progress.get("done"))),
        total=int(number(progress.get("total"))),
        phase=str(progress.get("phase", "")),
        message=(str((end or {}).get("message") or "") or last_line(log)) if state == "failed" else "",
        started=started,
        ended=str(end.get("ended", "")) if end else "",
        output=folder / f"{job_id}.out",
        log=log,
        seconds_each=number(progress.get("seconds_each")),
        estimated_s=number(progress["seconds_left"]) if "seconds_left" in progress else None,
    )


def jobs(folder: Path) -> list[Job]:
    """All jobs of a folder, newest first."""
    folder = folder.absolute()
    return [job for job_id in _ids(folder) if (job := _look(folder, job_id)) is not None]


def _ids(folder: Path) -> list[str]:
    """All jobs of a folder by their names alone, newest first; their other records have a second dot."""
    try:
        names = [entry.name for entry in os.scandir(folder)]
    except FileNotFoundError:
        return []
    ids = [name.removesuffix(".json") for name in names if name.endswith(".json")]
    return sorted((job_id for job_id in ids if _is_job_id(job_id)), reverse=True)


def _look(folder: Path, job_id: str) -> Job | None:
    """A job as it stands; None if its records were removed meanwhile."""
    try:
        stamp = (folder / f"{job_id}.end.json").stat()
        return _ended(folder, job_id, stamp.st_mtime_ns, stamp.st_ino)
    except FileNotFoundError:
        with suppress(ValueError):
            return poll(folder, job_id)
    except ValueError:
        pass
    return None


@lru_cache(maxsize=4096)
def _ended(folder: Path, job_id: str, _changed: int, _inode: int) -> Job:
    """A job that has ended: pages that list it every second must not read its five files each time."""
    return poll(folder, job_id)


def prune(folder: Path, *, keep: int = KEPT) -> None:
    """Delete the records of all but the latest jobs of each kind; those that run stay."""
    kept: Counter[str] = Counter()
    for job in jobs(folder):
        kept[job.kind] += 1
        if kept[job.kind] > keep and job.state != "running":
            remove_records(folder, job.id)


def remove_records(folder: Path, job_id: str) -> None:
    """Delete what is noted of a job that has ended."""
    (folder / f"{job_id}.json").unlink(missing_ok=True)  # first: without it nobody sees the others
    for path in folder.glob(f"{job_id}.*"):
        path.unlink(missing_ok=True)


def stop(folder: Path, job_id: str, *, patience_s: float = STOP_S) -> Job:
    """Ask a job to end, and end it with all its workers if it does not within ``patience_s``."""
    job = poll(folder, job_id)
    folder = folder.absolute()
    identity = _identity(folder, job_id)
    if job.state != "running" or identity is None:
        return job
    with suppress(ProcessLookupError):
        os.kill(identity["pid"], signal.SIGTERM)  # to it alone: a worker's death would be held against a file
    if not _has_ended(identity, patience_s):
        with suppress(ProcessLookupError):
            os.killpg(identity["pid"], signal.SIGKILL)
        _has_ended(identity, STOP_S)
    if not (folder / f"{job_id}.end.json").exists():
        write_end(folder, job_id, "stopped")
    return poll(folder, job_id)


def write_process(folder: Path, job_id: str) -> None:
    """Note that this process is the job."""
    write_record(folder / f"{job_id}.process.json", identify(os.getpid()))


def write_end(folder: Path, job_id: str, state: str, message: str = "") -> None:
    """Note how a job has ended, and why where its log may not say."""
    write_record(folder / f"{job_id}.end.json", {"state": state, "ended": now(), "message": message})


def last_line(path: Path) -> str:
    """Read the last line of a log that says something."""
    with suppress(OSError):
        lines = path.read_bytes()[-4000:].decode(errors="replace").replace("\r", "\n").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")
    return ""


def _is_job_id(text: str) -> bool:
    return bool(text) and all(part.isalnum() for part in text.split("-")) and text.isascii()


def _identity(folder: Path, job_id: str) -> dict[str, Any] | None:
    """Which process it is: its starter may have been killed before it could say so."""
    about = read_record(folder / f"{job_id}.json") or {}
    return about.get(_IDENTITY) or read_record(folder / f"{job_id}.process.json")


def _has_ended(identity: dict[str, Any], patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while is_running(identity) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_running(identity)


def _is_alive(folder: Path, job_id: str, started: str) -> bool:
    identity = _identity(folder, job_id)
    if identity is not None:
        return is_running(identity)
    with suppress(ValueError):
        return (datetime.now(UTC) - datetime.fromisoformat(started)).total_seconds() < START_S
    return False


def now() -> str:
    """Tell the time in UTC, ISO 8601 with seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
