"""Sketches and photos that do not belong together, for the unpaired families."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from core.image_child import decode_in_child
from core.images import read_photo
from core.training.augment import AugmentConfig, damage, draw_sketch, random_geometry
from core.training.data import DataConfig, Pairs, load_pairs
from core.training.splits import AUTO, MANIFEST, TRAIN, assign_splits, read_manifest

PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}


@dataclass(frozen=True)
class UnpairedConfig:
    """The other domain.

    Attributes
    ----------
    photos
        Folder of the photos to learn to paint: one made by ``python -m curation.run`` (its training split
        is taken, as `DataConfig` says for its own), or any folder of aligned pictures. Without one the
        photos are those of ``data.root``, drawn independently of the sketches.
    """

    photos: Path | None = None


@dataclass(frozen=True)
class Unpaired:
    """Both domains of a split, held as arrays."""

    photos: np.ndarray  # (M, S, S, 3) uint8
    # What sketches are drawn from: photos with line maps and landmarks, or None for ``drawings``.
    sketches: Pairs | None = None
    # (N, S, S) uint8, optional: sketches as they are, of a folder without landmarks.
    drawings: np.ndarray | None = None
    # (T,) int64, optional: rows of ``photos``, each as often as it is to be drawn; by default each once.
    photo_turns: np.ndarray | None = None

    def __len__(self) -> int:
        """Sketches."""
        return len(self.sketches) if self.sketches is not None else len(self._drawings)

    @property
    def turns(self) -> np.ndarray:
        """Rows of the sketches in one epoch, as `core.training.data.Pairs` has them."""
        return np.arange(len(self)) if self.sketches is None else self.sketches.turns

    @property
    def _drawings(self) -> np.ndarray:
        if self.drawings is None:
            raise ValueError("neither pairs nor drawings to take sketches from")
        return self.drawings

    @property
    def size(self) -> int:
        """Side of the images in pixels."""
        return int(self.photos.shape[1])

    def sketch(self, row: int, rng: np.random.Generator, augment: AugmentConfig) -> np.ndarray:
        """A sketch of its own thresholds, damage and geometry: (S, S) uint8."""
        geometry = random_geometry(rng, self.size, augment)
        if self.sketches is None:
            drawn = self._drawings[row]
        else:
            drawn = draw_sketch(rng, self.sketches.lines[row], self.sketches.points[row], augment)
        # Mirrored at the border as photos are, or hair would be learned on empty paper.
        return damage(rng, geometry.apply(drawn), augment)

    def photo(self, rng: np.random.Generator, augment: AugmentConfig) -> np.ndarray:
        """Any photo at all, moved by a geometry of its own: (S, S, 3) uint8."""
        turns = self.photo_turns
        row = int(rng.integers(len(self.photos))) if turns is None else int(rng.choice(turns))
        return random_geometry(rng, self.size, augment).apply(self.photos[row])


def load_unpaired(data: DataConfig, other: UnpairedConfig, split: str) -> Unpaired:
    """Read both domains of a split; the two sides may have different numbers of images.

    Raises
    ------
    FileNotFoundError
        If a folder holds no pictures.
    ValueError
        If a picture cannot be read or is not square, or as `core.training.data.load_pairs`.
    """
    if _is_made_by_curation(data.root):
        pairs = load_pairs(data, split)
        if other.photos is not None:
            return Unpaired(_photos_of(other.photos, data), sketches=pairs)
        turns = pairs.turns if len(pairs.turns) > len(pairs) else None
        return Unpaired(pairs.photos, sketches=pairs, photo_turns=turns)
    if other.photos is None:
        raise FileNotFoundError(
            f"{data.root} has no {MANIFEST}, so its pictures are taken for sketches; name the folder of the photos "
            "with --unpaired.photos DIR, or make pairs: python -m curation.run PHOTOS --out DIR"
        )
    grey = np.stack(
        [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in _pictures(data.root, data.image_size)]
    )
    return Unpaired(_photos_of(other.photos, data), drawings=grey)


def _photos_of(folder: Path, data: DataConfig) -> np.ndarray:
    """Photos to learn to paint; the names that hold out sketches may mean nothing in another folder."""
    if not _is_made_by_curation(folder):
        return _pictures(folder, data.image_size)
    validation = data.validation
    try:
        assign_splits(read_manifest(folder), validation)
    except ValueError:
        validation = AUTO
    return load_pairs(replace(data, root=folder, validation=validation), TRAIN).photos


def _is_made_by_curation(folder: Path) -> bool:
    return (folder / MANIFEST).is_file()


def _pictures(folder: Path, size: int) -> np.ndarray:
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in PICTURES)
    if not files:
        raise FileNotFoundError(f"{folder} holds no pictures ({', '.join(sorted(PICTURES))}).")
    return np.stack([_picture(file, size) for file in files])


def _picture(file: Path, size: int) -> np.ndarray:
    try:
        picture = decode_in_child(read_photo, file)
    except (ValueError, OSError) as error:
        raise ValueError(f"{file} cannot be learned from: {error} Take it out of the folder.") from error
    height, width = picture.shape[:2]
    if height != width:
        raise ValueError(
            f"{file} is {width} x {height}; pictures to learn from are square and aligned. "
            "Run curation.run on them, or crop them."
        )
    return cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
