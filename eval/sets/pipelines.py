"""The pipeline that draws sets: what is asked of it, and which weights it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.config import settings
from core.errors import AssetMissing
from core.face_parts.layout import PART_BANKS_FILE, PARTS_FILE
from core.models.folder import AUTOENCODER_FILE, BANK_FILE, generator_file
from eval.extractors import file_sha256


class Result(Protocol):
    """What of a `core.pipeline.FaceResult` is kept."""

    @property
    def photo(self) -> NDArray[np.uint8] | None: ...
    @property
    def refined_sketch(self) -> NDArray[np.uint8] | None: ...
    @property
    def timings(self) -> Mapping[str, float]: ...


Pipeline = Callable[..., Result]


def weight_files(generator: str, stage1: str, mode: str, weights: Path | None = None) -> list[Path]:
    """Every file that a photo depends on, there or not.

    Raises
    ------
    ValueError
        If there is no such generator.
    """
    weights = settings().weights if weights is None else weights
    stage1_files = [AUTOENCODER_FILE, BANK_FILE] if stage1 == "whole" else [PARTS_FILE, PART_BANKS_FILE]
    files = [generator_file(weights, generator)]
    return files + [weights / name for name in stage1_files] if mode != "none" else files


def weight_hashes(weights: Path, generator: str, stage1: str, mode: str) -> dict[str, str]:
    """sha256 of each file that a photo depends on, by the files' names.

    Raises
    ------
    ValueError
        If there is no such generator.
    AssetMissing
        If a file is not there.
    """
    files = weight_files(generator, stage1, mode, weights)
    if absent := [path.name for path in files if not path.is_file()]:
        raise AssetMissing(f"{', '.join(absent)} missing in {weights}. Restore with git, or train anew.")
    return {path.name: file_sha256(path) for path in files}


def load_pipeline(generator: str) -> Pipeline:
    """The pipeline of this machine's settings, which takes up to a minute and a gigabyte; photos are not upscaled.

    Raises what `core.pipeline.SketchToFacePipeline.load` raises.
    """
    from core.pipeline import SketchToFacePipeline

    chosen = settings()
    return SketchToFacePipeline.load(
        chosen.weights, device=chosen.device, runtime=chosen.runtime, generator=generator, upscale=False
    )
