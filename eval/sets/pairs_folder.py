"""Pairs of sketches and photos: what `curation.run` and `curation.export` write, by split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.names import normal_name
from core.training.splits import MANIFEST, assign_splits, read_manifest

SPLIT_FOLDERS = {"train": "train", "val": "validation", "test": "test"}  # of an ImageFolder export
TURNED_DEG = 8.0


@dataclass(frozen=True)
class PairsFolder:
    """One split."""

    # photos, sketches: folders of ``NAME.png``.
    photos: Path
    sketches: Path
    names: tuple[str, ...]  # of the split, sorted, in whole characters (NFC) as sets of pictures have theirs
    # What is known of each: labels of the library as yes or no, and how the head is turned.
    labels: dict[str, dict[str, str]]


def is_pairs_folder(path: Path) -> bool:
    """Tell whether a path is such a folder, and not just any folder of pictures."""
    return (path / MANIFEST).is_file() and (_holds_pairs(path) or _holds_pairs(path / SPLIT_FOLDERS["val"]))


def read_pairs_folder(path: Path, split: str = "val") -> PairsFolder:
    """One split of a pairs folder or of an exported version.

    Parameters
    ----------
    split
        ``train``, ``val`` or ``test`` as the manifest says; where it says nothing, ``val`` is what a training of
        these pairs holds out (`core.training.splits.assign_splits`).

    Raises
    ------
    ValueError
        If the split is unknown or empty, or the manifest is damaged.
    """
    if split not in SPLIT_FOLDERS:
        raise ValueError(f"split must be one of {', '.join(SPLIT_FOLDERS)}, got {split!r}.")
    manifest = read_manifest(path)
    splits = assign_splits(manifest)
    rows = [row for row in _kept(manifest) if splits.of[str(row["name"])] == split]
    if not rows:
        there = (
            ", ".join(f"{name} ({count})" for name, count in count_splits(path).items()) or "no pair at all"
        )
        raise ValueError(
            f"no pair in {path} belongs to the split {split!r}; there are: {there}. Choose another split or folder."
        )
    place = path if _holds_pairs(path) else path / SPLIT_FOLDERS[split]
    known = sorted({label for row in rows for label in row.get("labels") or ()})
    labels = {normal_name(str(row["name"])): _labels(row, known) for row in rows}
    return PairsFolder(place / "photos", place / "sketches", tuple(sorted(labels)), labels)


def count_splits(path: Path) -> dict[str, int]:
    """How many pairs each split has, in the order of `SPLIT_FOLDERS`; those without any are left out.

    Raises
    ------
    ValueError
        If the manifest is damaged.
    """
    found = Counter(assign_splits(read_manifest(path)).of.values())
    return {split: found[split] for split in SPLIT_FOLDERS if found[split]}


def _labels(row: Mapping[str, Any], known: list[str]) -> dict[str, str]:
    own = set(row.get("labels") or ())
    labels = {label: "yes" if label in own else "no" for label in known}
    yaw = row.get("yaw")
    if isinstance(yaw, int | float):
        turned = (
            "facing the camera" if abs(yaw) < TURNED_DEG else "turned right" if yaw > 0 else "turned left"
        )
        labels["pose"] = turned
    return labels


def _kept(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row.get("status") == "kept" and row.get("name")]


def _holds_pairs(path: Path) -> bool:
    return (path / "photos").is_dir() and (path / "sketches").is_dir()
