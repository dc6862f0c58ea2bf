"""Curation's background jobs, in ``<library>/jobs/`` (see `core.processes.jobs`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.processes import jobs as processes
from core.processes.jobs import Job

KINDS = {
    "add": "curation.add",
    "judge": "curation.judge",
    "export": "curation.export.__main__",
    "split": "curation.split_faces",
}


def start(kind: str, arguments: Sequence[str], *, library: Path) -> Job:
    """Start a command as a process of its own and return at once.

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


def start_splitting(library: Path, *image_ids: str) -> None:
    """Have these group pictures cut into faces, or all that were not cut yet, unless that is being done."""
    if not is_running(library, "split"):
        start("split", [*image_ids, "--judge", "--json"], library=library)


def is_running(library: Path, kind: str) -> bool:
    """Whether a job of this kind is running."""
    return any(job.state == "running" for job in jobs(library) if job.kind == kind)


def jobs(library: Path) -> list[Job]:
    """All jobs, newest first."""
    return processes.jobs(library / "jobs")


def stop(library: Path, job_id: str) -> Job:
    """Ask a job to end, and end it with all its workers if it does not."""
    return processes.stop(library / "jobs", job_id)
