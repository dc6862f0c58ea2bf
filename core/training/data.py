"""Training pairs in memory: the photos of ``python -m curation.run`` and what sketches are made from.

Sketches are not read from disk: training draws its own thresholds, so each photo's ``line_map`` and
landmarks are kept instead, and ``augment`` turns them into a new sketch every time.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from core.errors import UnsafeImage
from core.face_frame import FRAME
from core.face_mesh import POINTS
from core.image_child import decode_in_child
from core.images import read_photo
from core.names import find_file
from core.sketches import line_map, sketch_from_lines
from core.training.splits import AUTO, MANIFEST, TRAIN, VAL, assign_splits, read_manifest

logger = logging.getLogger(__name__)

__all__ = ["MANIFEST", "DataConfig", "Pairs", "load_pairs"]
_TITLES = {TRAIN: "to train on", VAL: "held out"}


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
        Who is held out, as `core.training.splits.assign_splits` says: ``auto``, ``split``, a name,
        ``FIRST-LAST``, or empty for nobody.
    max_yaw_deg
        Photos turned further are left out, of both splits.
    """

    root: Path
    image_size: int = 256
    validation: str = AUTO
    max_yaw_deg: float = 22.0


@dataclass(frozen=True)
class Pairs:
    """A split, held as arrays."""

    names: list[str]
    photos: np.ndarray  # (N, S, S, 3) uint8
    lines: np.ndarray  # (N, S, S) uint8: ``core.sketches.line_map`` of each photo
    clean: np.ndarray  # (N, S, S) uint8: the clean sketch of each photo: made at 512 pixels, then scaled
    points: np.ndarray  # (N, 478, 2) float32: landmarks in pixels of S
    # (T,) int64: rows of one epoch: each as often as the manifest's ``repeats`` says, by default once, so that a rare
    # group of faces can be seen as often as a common one.
    turns: np.ndarray

    def __len__(self) -> int:
        return len(self.names)

    @property
    def size(self) -> int:
        """Side of the images in pixels."""
        return int(self.photos.shape[1])


def load_pairs(config: DataConfig, split: str, *, keep_photos: bool = True) -> Pairs:
    """Read one split, in the order of the names; ``val`` is empty where nothing is held out.

    Parameters
    ----------
    split
        ``train`` or ``val``.
    keep_photos
        Stage 1 learns from lines alone; without the photos, which are three quarters of the memory, ``photos``
        has no rows.

    Raises
    ------
    FileNotFoundError
        If the folder was not made by ``curation.run``, or a photo is gone.
    ValueError
        If the split is unknown, no pair is left, or a photo does not fit its landmarks.
    """
    return _read(config, _rows(config, split), keep_photos)


def photos_of(config: DataConfig, split: str, *, min_eye_distance_px: float, most: int) -> np.ndarray:
    """Photos of a split that were large enough at their source: (N, S, S, 3) uint8, evenly chosen, N <= ``most``.

    Raises
    ------
    ValueError
        If none is there to train on.
    """
    rows = [row for row in _rows(config, split) if row.get("eye_distance_px", FRAME) >= min_eye_distance_px]
    if not rows and split == TRAIN:
        raise ValueError(
            f"no photo of {split!r} in {config.root} has eyes {min_eye_distance_px:.0f} px apart at its source."
        )
    size = (config.image_size, config.image_size)
    if not rows:
        return np.empty((0, *size, 3), np.uint8)
    chosen = np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)
    return np.stack(
        [cv2.resize(_photo_of(config.root, rows[i]), size, interpolation=cv2.INTER_AREA) for i in chosen]
    )


def _rows(config: DataConfig, split: str) -> list[dict[str, Any]]:
    """Kept rows of a split; for ``train`` at least one."""
    if split not in (TRAIN, VAL):
        raise ValueError(f"unknown split {split!r}; expected 'train' or 'val'")
    rows = read_manifest(config.root)
    try:
        found = assign_splits(rows, config.validation)
    except ValueError as error:
        raise ValueError(f"{config.root}: {error}.") from error
    rows = [
        row for row in rows
        if row.get("status") == "kept" and found.of.get(str(row.get("name"))) == split
        and abs(row.get("yaw") or 0) <= config.max_yaw_deg
    ]  # fmt: skip
    if not rows and split == TRAIN:
        raise ValueError(
            f"no pair in {config.root} is left to train on (validation {config.validation!r}, turned by at most "
            f"{config.max_yaw_deg:g} degrees)."
        )
    logger.info("%d pairs of %s are %s (%s)", len(rows), config.root, _TITLES[split], found.rule)
    return rows


def _read(config: DataConfig, rows: list[dict[str, Any]], keep_photos: bool) -> Pairs:
    size = config.image_size
    photos = np.empty((len(rows) if keep_photos else 0, size, size, 3), np.uint8)
    lines = np.empty((len(rows), size, size), np.uint8)
    clean = np.empty_like(lines)
    points = np.empty((len(rows), POINTS, 2), np.float32)
    for i, row in enumerate(rows):
        photo, mesh = _photo_of(config.root, row), _mesh_of(config.root, row)
        small = cv2.resize(photo, (size, size), interpolation=cv2.INTER_AREA)
        full = line_map(_in_frame(photo))
        lines[i] = full if size == photo.shape[0] == FRAME else line_map(small)
        clean[i] = cv2.resize(sketch_from_lines(full, mesh), (size, size), interpolation=cv2.INTER_AREA)
        points[i] = mesh * (size / FRAME)
        if keep_photos:
            photos[i] = small
    turns = np.repeat(np.arange(len(rows)), [int(row.get("repeats", 1)) for row in rows])
    return Pairs([str(row["name"]) for row in rows], photos, lines, clean, points, turns)


def _photo_of(root: Path, row: dict[str, Any]) -> np.ndarray:
    """A pair's photo, which must be square."""
    file = find_file([root / "photos"], f"{row['name']}.png")
    try:
        photo = decode_in_child(read_photo, file)
    except (UnsafeImage, FileNotFoundError) as error:
        what = "cannot be read" if file.exists() else "is missing"
        raise FileNotFoundError(f"{file.name} {what} in {file.parent}. Run curation.run again.") from error
    height, width = photo.shape[:2]
    if height != width:
        raise ValueError(
            f"{file} is {width} x {height}; an aligned photo is square, and its landmarks are of a frame of {FRAME} "
            "pixels. Run curation.run on the originals."
        )
    return photo


def _in_frame(photo: np.ndarray) -> np.ndarray:
    """A photo at the size that landmarks are of, so that a folder that was resized later still fits them."""
    side = photo.shape[0]
    if side == FRAME:
        return photo
    mode = cv2.INTER_AREA if side > FRAME else cv2.INTER_CUBIC
    return cv2.resize(photo, (FRAME, FRAME), interpolation=mode)


def _mesh_of(root: Path, row: dict[str, Any]) -> np.ndarray:
    """Landmarks of a pair: (478, 2) float32 in pixels of the frame."""
    mesh = np.asarray(row.get("landmarks") or [], np.float32)
    if mesh.ndim != 2 or mesh.shape[0] != POINTS or mesh.shape[1] < 2:
        raise ValueError(
            f"{root / MANIFEST} has no {POINTS} landmarks for {row['name']}. Run curation.run again."
        )
    x, y = mesh[:, :2].mean(0)
    if not (0 <= x <= FRAME and 0 <= y <= FRAME):
        raise ValueError(
            f"{root / MANIFEST}: the landmarks of {row['name']} lie around ({x:.0f}, {y:.0f}), outside of the frame "
            f"of {FRAME} pixels that they are written in. Run curation.run on the originals."
        )
    return mesh[:, :2]
