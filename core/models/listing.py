"""What models there are: the files of the weights folder and of the models folder, read without weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.checkpoints import read_info, read_shapes
from core.models.conventions import check_conventions
from core.models.families import (
    GENERATORS,
    ModelInfo,
    build_config,
    differences,
    shapes_of_network,
)

_BUFFERS = ("running_mean", "running_var", "num_batches_tracked")


@dataclass(frozen=True)
class ModelFile:
    """A file of the weights folder or of the models folder.

    Attributes
    ----------
    name
        Its stem.
    is_shipped
        Whether it came with the product; such files are not renamed or removed.
    info
        What it says of itself, None where that cannot be read.
    parameters
        How many numbers it holds, without running statistics; 0 where that cannot be read.
    problem
        Why it cannot be used, empty if it can.
    fingerprint
        Changes with the file.
    """

    name: str
    path: Path
    is_shipped: bool
    size_bytes: int
    fingerprint: tuple[int, int]
    info: ModelInfo | None = None
    parameters: int = 0
    problem: str = ""

    @property
    def is_generator(self) -> bool:
        """Whether it turns sketches into photos."""
        return self.info is not None and self.info.family in GENERATORS


def list_models(weights: Path, models: Path) -> list[ModelFile]:
    """Every model file of both folders, shipped ones first; damaged ones with their problem."""
    files = [(path, True) for path in sorted(weights.glob("*.safetensors"))]
    files += [(path, False) for path in sorted(models.glob("*.safetensors"))]
    found = (_look_at(path, is_shipped) for path, is_shipped in files)
    return [model for model in found if model is not None]


def _look_at(path: Path, is_shipped: bool) -> ModelFile | None:
    """One file; None if it was removed meanwhile."""
    try:
        stat = path.stat()
    except OSError:
        return None
    common: dict[str, Any] = {
        "name": path.stem, "path": path, "is_shipped": is_shipped, "size_bytes": stat.st_size,
        "fingerprint": (stat.st_size, stat.st_mtime_ns),
    }  # fmt: skip
    try:
        info = read_info(path)
        shapes = read_shapes(path)
    except (ValueError, RuntimeError, OSError) as error:
        return ModelFile(**common, problem=str(error))
    parameters = sum(math.prod(shape) for name, shape in shapes.items() if not name.endswith(_BUFFERS))
    return ModelFile(**common, info=info, parameters=parameters, problem=_problem(info, shapes))


def _problem(info: ModelInfo, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Why a file whose header can be read cannot be used; looks at generators only."""
    if info.family not in GENERATORS or info.conventions is None:
        return ""
    try:
        config = build_config(info)
        check_conventions(info.conventions, config)
        expected = shapes_of_network(info.family, config)
    except (ValueError, TypeError) as error:
        return f"Its configuration makes no network: {error}"
    unfit = differences(expected, shapes)
    return f"The weights do not fit their own configuration: {unfit}." if unfit else ""
