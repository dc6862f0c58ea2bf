"""Folders of pairs that a training may take, and what their manifests say."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

MANIFEST = "manifest.jsonl"
MAX_YAW_DEG = 22.0
OWN_SPLIT = "split"
HELD_OUT = 10  # one in so many, where a manifest has no splits of its own


@dataclass(frozen=True)
class Dataset:
    """A folder of pairs.

    Attributes
    ----------
    validation
        What `core.training.data.DataConfig` is to hold out.
    names
        Of its pairs, in order.
    problem
        Why nothing can be trained on it, else empty.
    """

    path: Path
    train: int = 0
    val: int = 0
    validation: str = ""
    problem: str = ""
    names: tuple[str, ...] = ()

    def with_validation(self, named: str) -> Dataset:
        """The same with ``FIRST-LAST`` held out, where that leaves something on both sides; else as it is."""
        first, _, last = named.partition("-")
        held_out = sum(first <= name <= (last or first) for name in self.names) if named else 0
        if not 0 < held_out < len(self.names) or self.validation == OWN_SPLIT:
            return self
        return replace(self, train=len(self.names) - held_out, val=held_out, validation=named)

    @property
    def words(self) -> str:
        """Its numbers, or its problem."""
        return self.problem or f"{self.train:,} pairs to train on, {self.val:,} held out"


def exported(library: Path) -> list[Path]:
    """Exports of dataset versions, the latest first."""
    found = [path.parent for path in (library / "exports").glob(f"*/{MANIFEST}")]
    return sorted(found, key=lambda path: (path / MANIFEST).stat().st_mtime, reverse=True)


def describe(folder: Path) -> Dataset:
    """Read what a folder of pairs holds; a problem is told, not raised."""
    manifest = folder / MANIFEST
    try:
        stat = manifest.stat()
    except OSError:
        return Dataset(folder, problem=f"{folder} holds no pairs: {MANIFEST} is missing there.")
    return _describe(folder, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=32)
def _describe(folder: Path, _changed: int, _size: int) -> Dataset:
    try:
        rows = [json.loads(line) for line in (folder / MANIFEST).read_text(encoding="utf-8").splitlines()]
        kept = [row for row in rows if row["status"] == "kept" and abs(row["yaw"]) <= MAX_YAW_DEG]
        names = sorted(str(row["name"]) for row in kept)
    except (OSError, ValueError, KeyError, TypeError):
        return Dataset(folder, problem=f"{folder / MANIFEST} is damaged, or is no manifest of pairs.")
    splits = [row.get("split") for row in kept]
    if any(split is not None for split in splits):
        return _checked(folder, splits.count("train"), splits.count("val"), OWN_SPLIT, names)
    held_out = names[-max(1, len(names) // HELD_OUT) :] if len(names) > 1 else []
    validation = f"{held_out[0]}-{held_out[-1]}" if held_out else ""
    return _checked(folder, len(names) - len(held_out), len(held_out), validation, names)


def _checked(folder: Path, train: int, val: int, validation: str, names: list[str]) -> Dataset:
    problem = ""
    if not train:
        problem = (
            f"{folder} holds no pair to train on (kept, and turned by at most {MAX_YAW_DEG:.0f} degrees)."
        )
    elif not val:
        problem = f"{folder} holds no pair to check on: none is held out. Export a larger version."
    return Dataset(folder, train, val, validation, problem, tuple(names))
