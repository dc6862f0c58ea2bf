"""Background jobs: commands of their own, which outlive the page and the server that started them.

``<library>/jobs/`` holds of each job: ``ID.json`` (what was started, and which process it is),
``ID.process.json`` (the same from the process itself), ``ID.progress.json`` (how far it is), ``ID.end.json``
(how it ended), ``ID.out`` (its answers, one JSON object a line) and ``ID.log`` (its chatter). Each is
written by one side only and replaced at once, so a reader never meets a part. A job whose process is gone
without an end was interrupted; its command goes on from there when it is started again.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.config import ROOT
from core.images import write_atomically
from curation.process_identity import identify, is_running

KINDS = {"add": "curation.add", "judge": "curation.judge", "export": "curation.export.__main__"}
STOP_S = 10.0
START_S = 30.0
REPORT_S = 0.2
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
        The last line of its log where it has failed, else empty.
    started, ended
        UTC, ISO 8601 with seconds; ``ended`` is empty where nobody saw the end.
    output, log
        Its standard output (JSON answers, one a line) and standard error.
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


def start(kind: str, arguments: Sequence[str], *, library: Path) -> Job:
    """Start a command as a process of its own and return at once.

    Parameters
    ----------
    kind
        One of `KINDS`.
    arguments
        Of that command, without ``--library`` and ``--progress-file``.
    library
        The library's folder.

    Raises
    ------
    ValueError
        If ``kind`` is unknown.
    OSError
        If the folder cannot be written to.
    """
    if kind not in KINDS:
        raise ValueError(f"expected a job of kind {', '.join(KINDS)}, got {kind!r}")
    folder = library.absolute() / "jobs"
    folder.mkdir(parents=True, exist_ok=True)
    job_id = f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}-{secrets.token_hex(3)}"
    about = {"kind": kind, "arguments": list(arguments), "started": _now()}
    _write(folder / f"{job_id}.json", about)
    command = [sys.executable, "-m", "curation.job_process", str(folder), job_id, KINDS[kind]]
    command += [*arguments, "--library", str(library.absolute())]
    with (folder / f"{job_id}.out").open("wb") as out, (folder / f"{job_id}.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=log, start_new_session=True
        )
    _write(folder / f"{job_id}.json", about | {_IDENTITY: identify(process.pid)})
    return poll(library, job_id)


def poll(library: Path, job_id: str) -> Job:
    """A job as it stands now.

    Raises
    ------
    ValueError
        If there is no such job.
    """
    folder = library.absolute() / "jobs"
    about = _read(folder / f"{job_id}.json") if _is_job_id(job_id) else None
    if about is None:
        raise ValueError(f"There is no job {job_id!r}.")
    alive = _is_alive(
        folder, job_id, about["started"]
    )  # before the end is looked for: it may come in between
    end = _read(folder / f"{job_id}.end.json")
    progress = _read(folder / f"{job_id}.progress.json") or {}
    if end is not None:
        state = str(end["state"])
    else:
        state = "running" if alive else "interrupted"
    log = folder / f"{job_id}.log"
    return Job(
        id=job_id,
        kind=str(about["kind"]),
        arguments=tuple(about["arguments"]),
        state=state,
        done=int(progress.get("done", 0)),
        total=int(progress.get("total", 0)),
        phase=str(progress.get("phase", "")),
        message=_last_line(log) if state == "failed" else "",
        started=str(about["started"]),
        ended=str(end["ended"]) if end else "",
        output=folder / f"{job_id}.out",
        log=log,
    )


def jobs(library: Path) -> list[Job]:
    """All jobs, newest first."""
    folder = library.absolute() / "jobs"
    ids = [path.stem for path in folder.glob("*.json") if "kind" in (_read(path) or {})]
    return [poll(library, job_id) for job_id in sorted(ids, reverse=True)]


def stop(library: Path, job_id: str, *, patience_s: float = STOP_S) -> Job:
    """Ask a job to end, and end it with all its workers if it does not within ``patience_s``."""
    job = poll(library, job_id)
    folder = library.absolute() / "jobs"
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
    return poll(library, job_id)


class Progress:
    """Keeps a job's progress file, or nothing without a path; may be called as often as one likes."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._phase = ""
        self._written = 0.0

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if done >= total or now - self._written >= REPORT_S:
            self._save(done, total)
            self._written = now

    def phase(self, name: str) -> None:
        """Begin another part of the work."""
        self._phase = name
        self._save(0, 0)

    def _save(self, done: int, total: int) -> None:
        if self._path is not None:
            _write(self._path, {"done": done, "total": total, "phase": self._phase})


def progress_writer(path: Path | None) -> Progress:
    """A progress callback that keeps ``path`` (the command's ``--progress-file``) up to date."""
    return Progress(path)


def write_process(folder: Path, job_id: str) -> None:
    """Note that this process is the job."""
    _write(folder / f"{job_id}.process.json", identify(os.getpid()))


def write_end(folder: Path, job_id: str, state: str) -> None:
    """Note how a job has ended."""
    _write(folder / f"{job_id}.end.json", {"state": state, "ended": _now()})


def _is_job_id(text: str) -> bool:
    return bool(text) and all(part.isalnum() for part in text.split("-")) and text.isascii()


def _identity(folder: Path, job_id: str) -> dict[str, Any] | None:
    """Which process it is: its starter may have been killed before it could say so."""
    about = _read(folder / f"{job_id}.json") or {}
    return about.get(_IDENTITY) or _read(folder / f"{job_id}.process.json")


def _has_ended(identity: dict[str, Any], patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while is_running(identity) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_running(identity)


def _is_alive(folder: Path, job_id: str, started: str) -> bool:
    identity = _identity(folder, job_id)
    if identity is not None:
        return is_running(identity)
    return (datetime.now(UTC) - datetime.fromisoformat(started)).total_seconds() < START_S


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _last_line(path: Path) -> str:
    with suppress(OSError):
        lines = path.read_bytes()[-4000:].decode(errors="replace").replace("\r", "\n").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")
    return ""


def _write(path: Path, content: dict[str, Any]) -> None:
    write_atomically(path, json.dumps(content).encode(), durable=False)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
