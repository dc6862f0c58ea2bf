"""List the runs of trainings on disk and read what each has written; see also `run_control`.

``<data>/runs/NAME`` holds ``request.json`` (who asked for what), ``config.yaml`` (what its command reads),
``attempts/`` (each start as a job of `core.processes.jobs`, with its log), ``lock`` (held by whoever trains
in it) and what the training writes itself. Nothing is kept in the memory of a server: whoever looks sees
the same, and after a kill of anything what is on disk is the truth.
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from core.checkpoints import read_info
from core.config import settings
from core.errors import AssetMissing
from core.processes import jobs as processes
from core.processes.jobs import Job, number, read_record
from core.processes.lock import is_held
from core.training.command import LOCK
from core.training.kinds import KINDS, dig
from core.training.recipe import CHECKPOINT_FILE, LOSSES_FILE, STOP_FILE, WEIGHTS_FILE
from core.training.request import read_config
from core.untrusted_files import read_json_lines

SAMPLES = "samples"
LOG_BYTES = 64_000


@dataclass(frozen=True)
class Losses:
    """The losses of a run."""

    steps: np.ndarray  # (N,) int64: rising
    # Name, such as ``generator/l1``, to (N,) float64; NaN where a step has none.
    values: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.steps)


def read_losses(run: Path) -> Losses:
    """Read ``losses.jsonl``, leaving out lines that are no losses."""
    rows: dict[int, dict[str, float]] = {}
    with suppress(OSError):  # one that cannot be read has none
        for found in read_json_lines(run / LOSSES_FILE):
            row = {key: float(value) for key, value in found.items() if isinstance(value, int | float)}
            step = row.pop("step", math.nan)
            if math.isfinite(step):
                rows[int(step)] = row
    steps = sorted(rows)
    names = list(dict.fromkeys(name for step in steps for name in rows[step]))
    values = {name: np.array([rows[step].get(name, math.nan) for step in steps]) for name in names}
    return Losses(np.array(steps, np.int64), values)


def samples(run: Path) -> dict[int, Path]:
    """Pictures of samples by step, in order."""
    found = {}
    for path in (run / SAMPLES).glob("*.png"):
        if path.stem.isascii() and path.stem.isdigit():
            found[int(path.stem)] = path
    return dict(sorted(found.items()))


def saved_step(run: Path) -> int:
    """Give the step of the weights on disk, 0 where there are none or nobody can read them."""
    try:
        return int(read_info(run / WEIGHTS_FILE).provenance.get("steps", 0))
    except (AssetMissing, ValueError, TypeError, KeyError):
        return 0


def is_run(folder: Path) -> bool:
    """Tell whether a folder has been trained in."""
    return any((folder / name).is_file() for name in (CHECKPOINT_FILE, LOSSES_FILE, WEIGHTS_FILE))


def log_tail(log: Path, lines: int = 30) -> str:
    """Read the end of a log; of a progress bar only its last state."""
    try:
        with log.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - LOG_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    found = [line.rpartition("\r")[2].rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    return "\n".join([line for line in found if line][-lines:])


def size_on_disk(run: Path) -> int:
    """Bytes of all files of a run."""
    total = 0
    for path in run.rglob("*"):
        try:
            total += path.lstat().st_size
        except OSError:  # gone in the meantime
            continue
    return total


REQUEST_FILE = "request.json"
ATTEMPTS = "attempts"
NAME_MAX = 255  # bytes, of file systems


class RunError(RuntimeError):
    """A run cannot be made, started, stopped or removed; the message says why and what to do."""


@dataclass(frozen=True)
class Run:
    """A training as it stands."""

    name: str
    folder: Path
    kind: str  # a key of `KINDS`, empty where the folder does not say
    # ``new`` (never started), ``running``, ``stopping`` (asked to save and end), ``done``, ``stopped``, ``failed``,
    # ``interrupted`` (its process is gone), or ``foreign`` (made on the command line).
    state: str
    # step, steps: how far it is; ``steps`` is 0 where nobody says.
    step: int
    steps: int
    saved: int  # step of the weights on disk, from which it would go on
    phase: str  # ``loading`` or ``training`` while it runs
    message: str  # why it failed
    who: str
    created: str
    seconds_each: float
    job: Job | None  # its latest start from a page, if any

    @property
    def is_alive(self) -> bool:
        """Tell whether a process is training in it."""
        return self.state in ("running", "stopping")

    @property
    def can_go_on(self) -> bool:
        """Tell whether starting it again would do something."""
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
    is_name = Path(name).name == name and not name.startswith(".") and len(name.encode()) <= NAME_MAX
    if not is_name or not (_is_ours(folder) or is_run(folder)):
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
        return "stopping" if (folder / STOP_FILE).exists() else "running"
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
