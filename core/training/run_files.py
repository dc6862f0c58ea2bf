"""What a run has written so far: losses, pictures, log. Any of it may be missing, cut short or damaged."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.checkpoints import read_info
from core.errors import AssetMissing
from core.training.loop import CHECKPOINT

LOSSES_FILE = "losses.jsonl"
WEIGHTS_FILE = "model.safetensors"
SAMPLES = "samples"
LOG_BYTES = 64_000


@dataclass(frozen=True)
class Losses:
    """The losses of a run.

    Attributes
    ----------
    steps : (N,) int64
        Rising.
    values
        Name, such as ``generator/l1``, to (N,) float64; NaN where a step has none.
    """

    steps: np.ndarray
    values: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.steps)


def read_losses(run: Path) -> Losses:
    """Read ``losses.jsonl``, leaving out lines that are no losses."""
    rows: dict[int, dict[str, float]] = {}
    try:
        lines = (run / LOSSES_FILE).read_bytes().decode(errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        row = _row(line)
        if row is not None:
            rows[int(row.pop("step"))] = row
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
    """The step of the weights on disk, 0 where there are none or nobody can read them."""
    try:
        return int(read_info(run / WEIGHTS_FILE).provenance.get("steps", 0))
    except (AssetMissing, ValueError, TypeError, KeyError):
        return 0


def is_run(folder: Path) -> bool:
    """Whether a folder has been trained in."""
    return any((folder / name).is_file() for name in (CHECKPOINT, LOSSES_FILE, WEIGHTS_FILE))


def log_tail(log: Path, lines: int = 30) -> str:
    """The end of a log; of a progress bar only its last state."""
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


def _row(line: str) -> dict[str, float] | None:
    """A line's numbers; ``None`` for one cut short by a kill, or damaged."""
    try:
        found: Any = json.loads(line)
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    row = {str(key): float(value) for key, value in found.items() if isinstance(value, int | float)}
    return row if math.isfinite(row.get("step", math.nan)) else None
