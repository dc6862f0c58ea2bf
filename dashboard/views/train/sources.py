"""Folders of pairs that a training may take, and what their manifests say."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from core.training.splits import AUTO, MANIFEST, TRAIN, VAL, assign_splits, read_manifest
from dashboard.shared.texts import _, language, translate_sentence

MAX_YAW_DEG = 22.0


@dataclass(frozen=True)
class Dataset:
    """A folder of pairs."""

    path: Path
    # train, val: how many pairs that face the camera are in each.
    train: int = 0
    val: int = 0
    validation: str = AUTO  # what `core.training.data.DataConfig` is to hold out
    rule: str = ""  # how that is decided, in words
    problem: str = ""  # why nothing can be trained on it, else empty

    @property
    def words(self) -> str:
        """Its numbers, or its problem."""
        return self.problem or _(
            "{train:,} pairs to train on, {val:,} held out ({rule})",
            train=self.train,
            val=self.val,
            rule=translate_sentence(self.rule),
        )


def exported(library: Path) -> list[Path]:
    """Exports of dataset versions, the latest first."""
    found = [path.parent for path in (library / "exports").glob(f"*/{MANIFEST}")]
    return sorted(found, key=lambda path: (path / MANIFEST).stat().st_mtime, reverse=True)


def describe(folder: Path) -> Dataset:
    """Read what a folder of pairs holds; a problem is told, not raised."""
    try:
        stat = (folder / MANIFEST).stat()
        return _describe(folder, stat.st_mtime_ns, stat.st_size, language())
    except OSError:
        return Dataset(
            folder,
            problem=_(
                "{folder} holds no pairs: {manifest} is missing there.", folder=folder, manifest=MANIFEST
            ),
        )


@lru_cache(maxsize=32)
def _describe(folder: Path, _changed: int, _size: int, _language: str) -> Dataset:
    try:
        rows = read_manifest(folder)
        splits = assign_splits(rows)
        facing = [
            splits.of.get(str(row["name"])) for row in rows
            if row["status"] == "kept" and abs(row["yaw"]) <= MAX_YAW_DEG
        ]  # fmt: skip
    except (ValueError, KeyError, TypeError):
        return Dataset(
            folder, problem=_("{folder} is damaged, or is no manifest of pairs.", folder=folder / MANIFEST)
        )
    train, val = facing.count(TRAIN), facing.count(VAL)
    problem = ""
    if not train:
        problem = _(
            "{folder} holds no pair to train on (kept, and turned by at most {max_yaw_deg:.0f} degrees).",
            folder=folder,
            max_yaw_deg=MAX_YAW_DEG,
        )
    return Dataset(folder, train, val, splits.validation, splits.rule, problem)
