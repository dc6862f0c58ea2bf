"""Keep the features of a comparison beside it, so that a part of its cases can be scored anew."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.atomic_files import write_atomically

FEATURES_FILE = "features.npz"
MAX_BYTES = 100_000_000


@dataclass(frozen=True)
class KeptFeatures:
    """Features (N, D) float32 and names of each set: ``real`` and the models."""

    features: Mapping[str, NDArray[np.float32]]
    names: Mapping[str, Sequence[str]]

    def rows(self, name: str, cases: Sequence[str]) -> NDArray[np.float32] | None:
        """Features of some cases of a set in their order, None if one is not there."""
        at = {case: i for i, case in enumerate(self.names.get(name, ()))}
        if any(case not in at for case in cases):
            return None
        return self.features[name][[at[case] for case in cases]]


def write_features(folder: Path, kept: KeptFeatures) -> Path | None:
    """Keep features in a comparison's folder; None (and nothing kept) above 100 MB."""
    if sum(values.nbytes for values in kept.features.values()) > MAX_BYTES:
        return None
    buffer = io.BytesIO()
    order = sorted(kept.features)
    about = json.dumps({name: list(kept.names[name]) for name in order}, ensure_ascii=False)
    arrays: dict[str, Any] = {f"set{i}": kept.features[name] for i, name in enumerate(order)}
    np.savez(buffer, about=np.array(about), **arrays)
    path = folder / FEATURES_FILE
    write_atomically(path, buffer.getvalue(), durable=False)
    return path


def read_features(folder: Path) -> KeptFeatures | None:
    """Read what `write_features` wrote, None where it is missing or damaged: only a filter misses it."""
    try:
        with np.load(folder / FEATURES_FILE, allow_pickle=False) as file:
            names = json.loads(str(file["about"]))
            return KeptFeatures({name: file[f"set{i}"] for i, name in enumerate(sorted(names))}, names)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
