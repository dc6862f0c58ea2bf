"""Keep pictures of single cases for the page: small WebP files beside a comparison's result.

``pictures/real/NAME.webp``, ``pictures/sketch/NAME.webp``, ``pictures/training/NAME.webp`` (nearest photos), and
of each model ``pictures/models/SLUG/NAME.webp`` and ``.../refined/SLUG/NAME.webp``. Any may be missing.
"""

from __future__ import annotations

import io
import re
from hashlib import sha256
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.atomic_files import write_atomically
from eval.comparison.result import PICTURES

Kind = Literal["real", "sketch", "training", "model", "refined"]
FOLDERS: dict[Kind, str] = {
    "real": "real", "sketch": "sketch", "training": "training", "model": "models", "refined": "refined",
}  # fmt: skip
SIDE = 256
QUALITY = 82


def picture_path(folder: Path, kind: Kind, name: str, model: str = "") -> Path:
    """Where a picture of a comparison lies, or would.

    Parameters
    ----------
    folder
        Of the comparison.
    kind
        ``real``, ``sketch`` and ``training`` belong to no model.
    name
        Of the case (or of the training photo), as in ``Comparison.cases``.
    model
        Name of the model, for ``model`` and ``refined``.
    """
    place = folder / PICTURES / FOLDERS[kind]
    return (place / slug(model) if kind in ("model", "refined") else place) / f"{slug(name)}.webp"


def find_picture(folder: Path, kind: Kind, name: str, model: str = "") -> Path | None:
    """Find the file of a picture, None where it was not kept."""
    path = picture_path(folder, kind, name, model)
    return path if path.is_file() else None


def keep_picture(path: Path, pixels: NDArray[np.uint8], *, side: int = SIDE, quality: int = QUALITY) -> None:
    """Write pixels (H, W, 3) or (H, W) uint8 as WebP, at most ``side`` pixels wide and high."""
    image = Image.fromarray(pixels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=quality, method=4)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, buffer.getvalue(), durable=False)


def slug(name: str) -> str:
    """A name as a file name: readable, and different for different names."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:60]
    return plain if plain == name else f"{plain}-{sha256(name.encode()).hexdigest()[:8]}"
