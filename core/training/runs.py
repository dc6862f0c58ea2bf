"""Trainings as processes of their own: ``<data>/runs/NAME`` each. Here they are read; see also `run_control`.

A run's folder holds ``request.json`` (who asked for what), ``config.yaml`` (what its command reads),
``attempts/`` (each start as a job of `core.processes.jobs`, with its log), ``lock`` (held by whoever trains
in it) and what the training writes itself. Nothing is kept in the memory of a server: whoever looks sees
the same, and after a kill of anything what is on disk is the truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from core.config import settings
from core.processes import jobs as processes
from core.processes.jobs import Job
from core.processes.lock import is_held
from core.processes.records import number, read_record
from core.training.command import LOCK
from core.training.kinds import KINDS, dig
from core.training.loop import STOP
from core.training.request import read_config
from core.training.run_files import is_run, read_losses, saved_step

REQUEST_FILE = "request.json"
ATTEMPTS = "attempts"


class RunError(RuntimeError):
    """A run cannot be made, started, stopped or removed; the message says why and what to do."""


@dataclass(frozen=True)
class Run:
    """A training as it stands.

    Attributes
    ----------
    kind
        A key of `KINDS`, empty where the folder does not say.
    state
        ``new`` (never started), ``running``, ``stopping`` (asked to save and end), ``done``, ``stopped``,
        ``failed``, ``interrupted`` (its process is gone), or ``foreign`` (made on the command line).
    step, steps
        How far it is; ``steps`` is 0 where nobody says.
    saved
        Step of the weights on disk, from which it would go on.
    phase
        ``loading`` or ``training`` while it runs.
    message
        Why it failed.
    job
        Its latest start from a page, if any.
    """

    name: str
    folder: Path
    kind: str
    state: str
    step: int
    steps: int
    saved: int
    phase: str
    message: str
    who: str
    created: str
    seconds_each: float
    job: Job | None

    @property
    def is_alive(self) -> bool:
        """Whether a process is training in it."""
        return self.state in ("running", "stopping")

    @property
    def can_go_on(self) -> bool:
        """Whether starting it again would do something."""
        if self.state == "done":
            return 0 < self.saved < self.steps  # its steps were raised since
        return self.state in ("new", "stopped", "failed", "interrupted")

    @property
    def seconds_left(self) -> float | None:
        """Until its last step at the present pace; ``None`` where nobody can tell."""
        if not self.is_alive or not self.seconds_each or not self.steps:
            return None
        return self.seconds_each * (self.steps - self.step)


def runs_folder() -> Path:
    """Where runs lie."""
    return settings().data.absolute() / "runs"


def runs(root: Path) -> list[Run]:
    """All runs, the latest made first; folders that are no runs are left out."""
    if not root.is_dir():
        return []
    folders = [path for path in root.iterdir() if not path.name.startswith(".") and path.is_dir()]
    found = [read_run(root, folder.name) for folder in folders if _is_ours(folder) or is_run(folder)]
    return sorted(found, key=lambda run: (run.created, run.name), reverse=True)


def read_run(root: Path, name: str) -> Run:
    """One run as it stands now.

    Raises
    ------
    RunError
        If there is none of that name.
    """
    folder = root / name
    if Path(name).name != name or name.startswith(".") or not (_is_ours(folder) or is_run(folder)):
        raise RunError(f"There is no run {name!r}. It may have been removed.")
    request = read_record(folder / REQUEST_FILE) or {}
    config = read_config(folder)
    attempts = processes.jobs(folder / ATTEMPTS)
    job = next((job for job in attempts if job.state == "running"), attempts[0] if attempts else None)
    state = _state(folder, job)
    saved = saved_step(folder)
    is_counting = job is not None and job.total > 0 and state in ("running", "stopping")
    step = job.done if job and is_counting else max(_last_step(folder, attempts), saved)
    steps = int(number(dig(config, "loop.steps"))) or (job.total if job else 0)
    return Run(
        name=name,
        folder=folder,
        kind=str(request.get("kind", "")) if request.get("kind") in KINDS else "",
        state=state,
        step=step,
        steps=steps,
        saved=saved,
        phase=job.phase if job else "",
        message=job.message if job else "",
        who=str(request.get("who", "")),
        created=str(request.get("created", "")) or _time_of(folder),
        seconds_each=job.seconds_each if job else 0.0,
        job=job,
    )


def _state(folder: Path, job: Job | None) -> str:
    is_running = job is not None and job.state == "running"
    if is_running or is_held(folder / LOCK):
        return "stopping" if (folder / STOP).exists() else "running"
    if job is not None:
        return job.state
    return "new" if _is_ours(folder) else "foreign"


def _last_step(folder: Path, attempts: list[Job]) -> int:
    """Of the latest start that got as far as a step; of a run on the command line its last logged one."""
    done = next((job.done for job in attempts if job.total), 0)
    if done:
        return done
    losses = read_losses(folder)
    return int(losses.steps[-1]) if len(losses) else saved_step(folder)


def _is_ours(folder: Path) -> bool:
    return (folder / REQUEST_FILE).is_file()


def _time_of(folder: Path) -> str:
    try:
        stamp = folder.stat().st_mtime
    except OSError:
        return ""
    return datetime.fromtimestamp(stamp, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
