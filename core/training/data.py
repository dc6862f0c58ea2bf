"""Training pairs in memory: the photos of ``python -m curation.run`` and what sketches are made from.

Sketches are not read from disk: training draws its own thresholds, so each photo's ``line_map`` and
landmarks are kept instead, and ``augment`` turns them into a new sketch every time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from core.face_frame import FRAME
from core.sketches import line_map, sketch_from_photo

OWN_SPLIT = "split"
MANIFEST = "manifest.jsonl"


@dataclass(frozen=True)
class DataConfig:
    """Which pairs to train on.

    Attributes
    ----------
    root
        Output folder of ``python -m curation.run`` or ``python -m curation.export``.
    image_size
        Side of the training images in pixels.
    validation
        Held-out names: ``FIRST-LAST`` (both included, compared as text), or empty. ``split`` goes by the
        manifest's own column of that name, which an export writes: near duplicates share a split.
    max_yaw_deg
        Photos turned further are left out, of both splits.
    """

    root: Path
    image_size: int = 256
    validation: str = "0801-0904"
    max_yaw_deg: float = 22.0


@dataclass(frozen=True)
class Pairs:
    """A split, held as arrays.

    Attributes
    ----------
    names : list of N str
    photos : (N, S, S, 3) uint8
    lines : (N, S, S) uint8
        ``core.sketches.line_map`` of each photo.
    clean : (N, S, S) uint8
        The clean sketch of each photo: made at 512 pixels, then scaled.
    points : (N, 478, 2) float32
        Landmarks in pixels of S.
    """

    names: list[str]
    photos: np.ndarray
    lines: np.ndarray
    clean: np.ndarray
    points: np.ndarray

    def __len__(self) -> int:
        return len(self.names)

    @property
    def size(self) -> int:
        """Side of the images in pixels."""
        return int(self.photos.shape[1])


def load_pairs(config: DataConfig, split: str) -> Pairs:
    """Read one split, in the order of the names.

    Parameters
    ----------
    split
        ``train`` or ``val``.

    Raises
    ------
    FileNotFoundError
        If the folder was not made by ``curation.run``.
    ValueError
        If the split is unknown or no pair is left.
    """
    if split not in ("train", "val"):
        raise ValueError(f"unknown split {split!r}; expected 'train' or 'val'")
    rows = [row for row in _kept(config) if _split_of(row, config) == split]
    if not rows:
        raise ValueError(f"no pair in {config.root} belongs to {split!r} (validation {config.validation!r})")
    size = config.image_size
    photos = np.empty((len(rows), size, size, 3), np.uint8)
    lines = np.empty((len(rows), size, size), np.uint8)
    clean = np.empty_like(lines)
    points = np.empty((len(rows), 478, 2), np.float32)
    for i, row in enumerate(rows):
        photo = cv2.imread(str(config.root / "photos" / f"{row['name']}.png"), cv2.IMREAD_COLOR_RGB)
        if photo is None:
            raise FileNotFoundError(
                f"{row['name']}.png is missing in {config.root}/photos. Run curation.run again."
            )
        mesh = np.asarray(row["landmarks"], np.float32)[:, :2]
        photos[i] = cv2.resize(photo, (size, size), interpolation=cv2.INTER_AREA)
        lines[i] = line_map(photos[i])
        clean[i] = cv2.resize(sketch_from_photo(photo, mesh), (size, size), interpolation=cv2.INTER_AREA)
        points[i] = mesh * (size / FRAME)
    return Pairs([row["name"] for row in rows], photos, lines, clean, points)


def _kept(config: DataConfig) -> Iterator[dict]:
    manifest = config.root / MANIFEST
    if not manifest.is_file():
        raise FileNotFoundError(
            f"{manifest} is missing. Run: python -m curation.run PHOTOS --out {config.root}"
        )
    rows = [json.loads(line) for line in manifest.read_text().splitlines()]
    for row in sorted(rows, key=lambda row: row.get("name") or ""):
        if row["status"] == "kept" and abs(row["yaw"]) <= config.max_yaw_deg:
            yield row


def _split_of(row: dict, config: DataConfig) -> str:
    """``train``, ``val``, or what else the manifest says."""
    if config.validation == OWN_SPLIT:
        if "split" not in row:
            raise ValueError(
                f"the manifest in {config.root} has no splits of its own; name held-out pairs instead, for "
                "instance --data.validation 0801-0904"
            )
        return str(row["split"])
    first, _, last = config.validation.partition("-")
    return "val" if config.validation and first <= row["name"] <= (last or first) else "train"
