"""What the quality check looks at: sketches with their true photos, and drawings that have none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

VALIDATION = ("0801", "0904")


@dataclass(frozen=True)
class Case:
    """One sketch; ``photo`` is the true one (S, S, 3), None for a drawing that has none."""

    name: str
    sketch: NDArray[np.uint8]
    photo: NDArray[np.uint8] | None = None


def load_cases(data: Path, split: str = "val", *, limit: int | None = None) -> list[Case]:
    """Sketches and true photos of a folder made by ``python -m curation.run``.

    Parameters
    ----------
    split
        ``val`` for the photos that training never saw (0801 to 0904), ``train`` for the others.
    limit
        At most so many, spread evenly over the split.

    Raises
    ------
    FileNotFoundError
        If the folder or a photo's sketch is missing.
    ValueError
        If the split is unknown or empty.
    """
    if split not in ("val", "train"):
        raise ValueError(f"split must be val or train, got {split!r}.")
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be at least 1, got {limit}.")
    if not (data / "photos").is_dir():
        raise FileNotFoundError(f"{data}/photos is missing. Run: python -m curation.run PHOTOS --out {data}")
    names = sorted(path.stem for path in (data / "photos").glob("*.png"))
    names = [name for name in names if (VALIDATION[0] <= name <= VALIDATION[1]) == (split == "val")]
    if not names:
        raise ValueError(f"{data}/photos holds no photo of the split {split!r} (val is 0801 to 0904).")
    if limit is not None and limit < len(names):
        names = [names[int(i)] for i in np.linspace(0, len(names) - 1, limit).round()]
    return [
        Case(
            name,
            _read(data / "sketches" / f"{name}.png", cv2.IMREAD_GRAYSCALE),
            _read(data / "photos" / f"{name}.png", cv2.IMREAD_COLOR_RGB),
        )
        for name in names
    ]


def load_drawings(folder: Path) -> list[Case]:
    """The drawings of ``data/demo/drawings``, by their pictures."""
    return [Case(path.stem, _read(path, cv2.IMREAD_GRAYSCALE)) for path in sorted(folder.glob("*.png"))]


def _read(path: Path, flag: int) -> NDArray[np.uint8]:
    picture = cv2.imread(str(path), flag)
    if picture is None:
        raise FileNotFoundError(f"{path} is missing or damaged. Run curation.run again.")
    return picture.astype(np.uint8)
