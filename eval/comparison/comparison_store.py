"""Comparisons that run, and those that are kept: a folder each, which outlives page, server and machine.

``ROOT/ID/`` holds ``request.json``, ``result.json`` once it is done, ``pictures/``, and the job's own files
(its progress and its log) in ``job/``. What comparisons share, features above all, is in ``ROOT/.cache``.
"""

from __future__ import annotations

import re
import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Literal

from core.config import ROOT, settings
from core.processes import jobs
from core.processes.lock import Held, hold, is_held
from eval.comparison.job_process import LOCK
from eval.comparison.request import (
    ComparisonRequest,
    GeneratorSource,
    check_request,
    read_request,
    write_request,
)
from eval.comparison.result import EARLY_FILE, RESULT_FILE, Comparison, read_comparison

State = Literal["running", "done", "failed", "cancelled", "interrupted"]

SHIPPED = ROOT / "data" / "demo" / "comparison"
SHIPPED_ID = "shipped"
JOB = "job"
CACHE = ".cache"
TURN = ".turn"  # lock of whoever starts one
MIN_FREE_BYTES = 200_000_000
_MODULE = "eval.comparison.job_process"
_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{6}")
_STATES: dict[str, State] = {
    "running": "running", "done": "done", "failed": "failed", "stopped": "cancelled", "interrupted": "interrupted",
}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One comparison as it stands."""

    id: str
    title: str
    created: str  # UTC, ISO 8601
    state: State
    progress: tuple[str, int, int] | None  # stage in words, done and total of it; None unless it is running
    message: str  # why it has failed, for people; else empty
    folder: Path  # where its files lie; pictures by `eval.comparison.pictures.find_picture`
    comparison: Comparison | None  # the result; None unless it is done
    request: ComparisonRequest | None = None  # what was asked for, None where that cannot be read
    seconds_left: float | None = None  # of the whole, None where nobody can tell
    share: float | None = None  # of the whole that is done, by its time; None where nobody can tell
    # Of one that is not done: its leaderboard of whole sets, once that is known.
    early: Comparison | None = None


def root_of(data: Path) -> Path:
    """Where the comparisons of a data folder are kept: ``root_of(settings().data)``."""
    return data / "comparisons"


def cache_of(root: Path) -> Path:
    """Give what the comparisons of a root share; it may be deleted while none runs."""
    return root / CACHE


def start(root: Path, request: ComparisonRequest) -> Entry:
    """Start a comparison as a process of its own and return at once.

    Raises
    ------
    ValueError
        If something that it needs is not there (see `eval.comparison.request.check_request`), or as many as
        may already run.
    OSError
        If there is no room, or the folder cannot be written to.
    """
    check_request(request)
    root.mkdir(parents=True, exist_ok=True)
    _check_disk(root)
    _check_turn(root)
    entry_id = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
    write_request(root / entry_id, request)
    return _launch(root, entry_id)


def restart(root: Path, entry_id: str, request: ComparisonRequest | None = None) -> Entry:
    """Go on with one that failed, was cancelled or interrupted; what it had made already is not made again.

    Parameters
    ----------
    request
        What it shall be asked for from now on; default what it was.
    """
    found = entry(root, entry_id)
    if found.state in ("running", "done"):
        return found
    asked = request or found.request
    if asked is None:
        raise ValueError(f"nobody knows what {found.title} was asked for: {found.message} Start it anew.")
    check_request(asked)
    _check_disk(root)
    if request is not None:
        write_request(root / entry_id, request)
    return _launch(root, entry_id)


def entries(root: Path) -> list[Entry]:
    """All comparisons, newest first; running ones with their progress."""
    if not root.is_dir():
        return []
    ids = sorted((path.name for path in root.iterdir() if _ID.fullmatch(path.name)), reverse=True)
    found = (_read(root, entry_id) for entry_id in ids)
    return [one for one in found if one is not None]


def entry(root: Path, entry_id: str) -> Entry:
    """One comparison as it stands now.

    Raises
    ------
    ValueError
        If there is none of that id.
    """
    found = _read(root, entry_id) if _ID.fullmatch(entry_id) else None
    if found is None:
        raise ValueError(f"there is no comparison {entry_id!r}; somebody may have removed it. Look again.")
    return found


def cancel(root: Path, entry_id: str) -> Entry:
    """Stop one that runs; it is kept as cancelled, and `restart` goes on with it."""
    found = entry(root, entry_id)
    job = _job(found.folder)
    if job is not None and job.state == "running":
        jobs.stop(found.folder / JOB, job.id)
    return entry(root, entry_id)


def remove(root: Path, entry_id: str) -> None:
    """Delete one with its pictures; a running one is stopped first. Removing one that is gone is no error."""
    if not _ID.fullmatch(entry_id):
        raise ValueError(f"there is no comparison {entry_id!r}.")
    if (root / entry_id).is_dir():
        cancel(root, entry_id)
        shutil.rmtree(root / entry_id, ignore_errors=True)


def shipped() -> Entry | None:
    """Give the comparison that came with the product (``data/demo/comparison``), or None."""
    try:
        comparison = _comparison(SHIPPED)
    except (OSError, ValueError):
        return None
    return Entry(
        SHIPPED_ID, comparison.title, comparison.created, "done", None, "", SHIPPED, comparison,
        _request(SHIPPED),
    )  # fmt: skip


def on_data(request: ComparisonRequest, data: Path) -> ComparisonRequest:
    """Give the same comparison on another pairs folder or exported version: how a shipped one is repeated."""
    fakes = {
        name: source.model_copy(update={"data": data}) if isinstance(source, GeneratorSource) else source
        for name, source in request.fakes.items()
    }
    has_training = request.training is not None
    changes = {"real": data, "fakes": fakes, "training": data if has_training else None}
    if request.drawings is not None and not request.drawings.is_absolute():
        changes["drawings"] = ROOT / request.drawings
    return ComparisonRequest.model_validate(request.model_dump() | changes)


def _launch(root: Path, entry_id: str) -> Entry:
    folder = (root / entry_id).absolute()
    surroundings = ["--folder", str(folder), "--cache", str(cache_of(root).absolute())]
    with suppress(Held), hold(root / TURN, "Somebody else starts one at this moment."):
        if not is_held(folder / LOCK) and entry(root, entry_id).state != "running":
            _check_turn(root)
            jobs.start(folder / JOB, "comparison", _MODULE, [], surroundings=surroundings)
        return entry(root, entry_id)
    raise OSError("somebody else starts a comparison at this moment; try again.")


def _check_turn(root: Path) -> None:
    busy = [one.title for one in entries(root) if one.state == "running"]
    most = settings().comparisons_at_once
    if len(busy) >= most:
        raise ValueError(
            f"{', '.join(busy)} {'is' if len(busy) == 1 else 'are'} running, and {most} at once is the limit here "
            "(STUDIO_COMPARISONS_AT_ONCE). Start this one when one of them has ended, or cancel one."
        )


def _read(root: Path, entry_id: str) -> Entry | None:
    folder = root / entry_id
    if not folder.is_dir():
        return None
    request = _request(folder)
    created = f"{datetime.strptime(entry_id[:15], '%Y%m%d-%H%M%S'):%Y-%m-%dT%H:%M:%SZ}"
    title = request.title if request else entry_id
    job = _job(folder)
    state: State = _STATES.get(job.state, "interrupted") if job else "interrupted"
    found = Entry(entry_id, title, created, state, None, "", folder, None, request)
    if job is not None and state == "running":
        progress, left = (job.phase or "starting", job.done, job.total), job.estimated_s
        return replace(
            found, progress=progress, seconds_left=left, share=_share(job, left), early=_early(folder)
        )
    try:
        made = _comparison(folder)
        return replace(found, state="done", comparison=made, title=request.title if request else made.title)
    except FileNotFoundError:
        message = "It ended without a result." if state == "done" else job.message if job else ""
        return replace(
            found, state="failed" if state == "done" else state, message=message, early=_early(folder)
        )
    except (OSError, ValueError) as error:
        return replace(found, state="failed", message=str(error))


def _job(folder: Path) -> jobs.Job | None:
    """Its latest attempt."""
    return next(iter(jobs.jobs(folder / JOB)), None) if (folder / JOB).is_dir() else None


def _share(job: jobs.Job, left: float | None) -> float | None:
    """How much of its time has gone by."""
    if left is None:
        return None
    spent = (datetime.now(UTC) - datetime.fromisoformat(job.started)).total_seconds()
    return max(0.0, spent) / max(spent + left, 1.0)


def _comparison(folder: Path, name: str = RESULT_FILE) -> Comparison:
    stat = (folder / name).stat()
    return _read_once(folder / name, stat.st_mtime_ns, stat.st_size)


def _early(folder: Path) -> Comparison | None:
    try:
        return _comparison(folder, EARLY_FILE)
    except (OSError, ValueError):
        return None


@lru_cache(maxsize=64)
def _read_once(path: Path, _changed: int, _size: int) -> Comparison:
    """A page that lists them on every click must not parse them every time; they are frozen."""
    return read_comparison(path)


def _request(folder: Path) -> ComparisonRequest | None:
    try:
        return read_request(folder)
    except (OSError, ValueError):
        return None


def _check_disk(root: Path) -> None:
    free = shutil.disk_usage(root).free
    if free < MIN_FREE_BYTES:
        raise OSError(f"only {free // 1_000_000} MB are free in {root}; a comparison needs 200. Make room.")
