"""Curation's background jobs: adding, judging and exporting, in ``<library>/jobs/`` (see `core.processes.jobs`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.processes import jobs as processes
from core.processes.jobs import STOP_S, Job
from core.processes.progress import progress_writer

__all__ = ["KINDS", "Job", "jobs", "poll", "progress_writer", "start", "stop"]

KINDS = {"add": "curation.add", "judge": "curation.judge", "export": "curation.export.__main__"}


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
    place = ["--library", str(library.absolute())]
    return processes.start(library / "jobs", kind, KINDS[kind], arguments, surroundings=place)


def poll(library: Path, job_id: str) -> Job:
    """A job as it stands now.

    Raises
    ------
    ValueError
        If there is no such job.
    """
    return processes.poll(library / "jobs", job_id)


def jobs(library: Path) -> list[Job]:
    """All jobs, newest first."""
    return processes.jobs(library / "jobs")


def stop(library: Path, job_id: str, *, patience_s: float = STOP_S) -> Job:
    """Ask a job to end, and end it with all its workers if it does not within ``patience_s``."""
    return processes.stop(library / "jobs", job_id, patience_s=patience_s)
