"""Small sets of pictures, and tools that need no network, for tests of comparisons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from core.errors import AssetMissing
from eval.comparison.extraction import Tools
from eval.comparison.result import (
    Case,
    Column,
    Comparison,
    Estimate,
    ModelResult,
    ProtocolUsed,
    SetUsed,
)
from eval.extractors import Extractor, ExtractorInfo
from eval.protocols import EvaluationProtocol

SIDE = 32


def photo(seed: int, side: int = SIDE) -> np.ndarray:
    """(side, side, 3) uint8: smooth colours that differ from seed to seed."""
    coarse = np.random.default_rng(seed).integers(30, 220, (4, 4, 3)).astype(np.uint8)
    return cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)


def noisy(picture: np.ndarray, amount: float, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, amount, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def write_set(folder: Path, pictures: dict[str, np.ndarray], extension: str = ".png") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures.items():
        cv2.imwrite(str(folder / f"{name}{extension}"), picture)
    return folder


def write_sets(root: Path, count: int = 12, **amounts: float) -> dict[str, Path]:
    """``real``, and per keyword a model whose pictures are the true ones with so much noise."""
    truths = {f"{i:04d}": photo(i) for i in range(count)}
    folders = {"real": write_set(root / "real", truths)}
    for seed, (name, amount) in enumerate(amounts.items(), start=1):
        outputs = {key: noisy(one, amount, 100 * seed + i) for i, (key, one) in enumerate(truths.items())}
        folders[name] = write_set(root / name, outputs)
    return folders


class SmallTools(Tools):
    """Features are 27 mean colours; counts how often the network is built and how often a face is looked for."""

    def __init__(self, cache: Path) -> None:
        super().__init__(cache)
        self.built = 0
        self.detectors = 0

    def load_extractor(self, protocol: EvaluationProtocol, *, weights: Path | None = None) -> Extractor:
        self.built += 1
        info = ExtractorInfo("colours", "package", "0" * 64, 27, "test")

        def run(batch: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.adaptive_avg_pool2d(batch, 3).flatten(1)

        return Extractor(info, protocol.size, run)

    def detector(self) -> Any:
        self.detectors += 1
        raise AssetMissing("face_landmarker.task is missing. Run: make assets")


def comparison(
    scores: dict[str, tuple[float | None, ...]],
    *,
    column: str = "landmarks",
    higher_is_better: bool = False,
    labels: list[dict[str, str]] | None = None,
) -> Comparison:
    """A finished comparison with one column of cases, and one of distances."""
    count = len(next(iter(scores.values())))
    used = SetUsed(name="real", source="folder real", kind="folder", digest="d", count=count)
    columns = (
        Column(
            key="fd_effnet_lite0", title="Fréchet distance", unit="", higher_is_better=False, per_case=False
        ),
        Column(key=column, title=column, unit="", higher_is_better=higher_is_better, per_case=True),
    )
    models = tuple(
        ModelResult(
            name=name, set=used.model_copy(update={"name": name}), case_scores={column: values},
            scores={"fd_effnet_lite0": Estimate(value=1.0)},
        )
        for name, values in scores.items()
    )  # fmt: skip
    return Comparison(
        title="Test", created="2026-01-01T00:00:00Z", seconds={}, settings={}, versions={}, real=used,
        protocol=ProtocolUsed(
            name="fd_effnet_lite0", key="k", extractor="effnet_lite0", weights="package", weights_sha256="0",
            runtime="test", decoding="seen", resize="clean", samples=None, seed=0, reference="",
        ),
        columns=columns, models=models,
        cases=tuple(Case(name=f"{i:04d}", labels=labels[i] if labels else {}) for i in range(count)),
    )  # fmt: skip
