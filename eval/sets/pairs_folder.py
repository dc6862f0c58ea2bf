"""Pairs of sketches and photos: what `curation.run` and `curation.export` write, by split."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.training.data import MANIFEST
from eval.quality.cases import VALIDATION

SPLIT_FOLDERS = {"train": "train", "val": "validation", "test": "test"}  # of an ImageFolder export
TURNED_DEG = 8.0


@dataclass(frozen=True)
class PairsFolder:
    """One split.

    Attributes
    ----------
    photos, sketches
        Folders of ``NAME.png``.
    names
        Of the split, sorted.
    labels
        What is known of each: labels of the library as yes or no, and how the head is turned.
    """

    photos: Path
    sketches: Path
    names: tuple[str, ...]
    labels: dict[str, dict[str, str]]


def is_pairs_folder(path: Path) -> bool:
    """Whether a path is such a folder, and not just any folder of pictures."""
    return (path / MANIFEST).is_file() and (_holds_pairs(path) or _holds_pairs(path / SPLIT_FOLDERS["val"]))


def read_pairs_folder(path: Path, split: str = "val") -> PairsFolder:
    """One split of a pairs folder or of an exported version.

    Parameters
    ----------
    split
        ``train``, ``val`` or ``test`` as the manifest says; where it says nothing, ``val`` is what training
        held out (0801 to 0904).

    Raises
    ------
    ValueError
        If the split is unknown or empty, or the manifest is damaged.
    """
    if split not in SPLIT_FOLDERS:
        raise ValueError(f"split must be one of {', '.join(SPLIT_FOLDERS)}, got {split!r}.")
    rows = [row for row in _kept(path / MANIFEST) if split_of(row) == split]
    if not rows:
        there = (
            ", ".join(f"{name} ({count})" for name, count in count_splits(path).items()) or "no pair at all"
        )
        raise ValueError(
            f"no pair in {path} belongs to the split {split!r}; there are: {there}. Choose another split or folder."
        )
    place = path if _holds_pairs(path) else path / SPLIT_FOLDERS[split]
    known = sorted({label for row in rows for label in row.get("labels") or ()})
    labels = {str(row["name"]): _labels(row, known) for row in rows}
    return PairsFolder(place / "photos", place / "sketches", tuple(sorted(labels)), labels)


def count_splits(path: Path) -> dict[str, int]:
    """How many pairs each split has, in the order of `SPLIT_FOLDERS`; those without any are left out.

    Raises
    ------
    ValueError
        If the manifest is damaged.
    """
    found = Counter(split_of(row) for row in _kept(path / MANIFEST))
    return {split: found[split] for split in SPLIT_FOLDERS if found[split]}


def split_of(row: Mapping[str, Any]) -> str:
    """The split that a manifest's row belongs to."""
    if "split" in row:
        return str(row["split"])
    return "val" if VALIDATION[0] <= str(row["name"]) <= VALIDATION[1] else "train"


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


def _kept(manifest: Path) -> list[dict[str, Any]]:
    try:
        rows = [json.loads(line) for line in manifest.read_text("utf-8").splitlines() if line.strip()]
        return [row for row in rows if row.get("status") == "kept" and row.get("name")]
    except (UnicodeDecodeError, json.JSONDecodeError, AttributeError) as error:
        raise ValueError(f"{manifest} is damaged ({error}). Make the folder again.") from error


def _holds_pairs(path: Path) -> bool:
    return (path / "photos").is_dir() and (path / "sketches").is_dir()
