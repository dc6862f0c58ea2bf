"""Embed an aligned face with an ImageNet network, and judge from its maps whether something covers the face.

The vector tells faces apart for learning from decisions (`curation.proposals`): means of the maps over
eyes, nose, mouth, cheeks and forehead, because all faces stand in one place. The network's own last layer
is made to forget where things are; it tells smiling faces from others far worse (area under the curve
.81 against .96, learnt from 150 labels). EfficientNet-Lite0 is the one such network whose
weights a package carries. It runs in float32 whatever the machine could do faster, so that two workers
and two runs give the same numbers.

A landmark mesh cannot tell whether something is in front of the face or on the head: it is complete over black
bars and painted halves. So a small network looks at the embedder's maps; it learnt from things planted onto
clear faces (`curation.train_coverage`). Dark sunglasses cover a face, clear glasses do not: the eyes can be seen
and drawn.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from core.checkpoints import load_model
from core.config import settings
from core.coverage_network import CoverageNetwork, region_weights
from core.efficientnet import EfficientNetMaps
from core.face_frame import FRAME
from core.runtime import compile_module, release_memory

EMBEDDING_VERSION = "efficientnet-lite0-192-regions-1"
SIDE = 192  # 224, the network's own, takes a third longer and finds no more
GRID = 12  # cells across the frame in the middle maps
FINE = 40  # channels of stride 8, averaged to the grid; the first ones of the middle maps
MIDDLE, DEEP = FINE + 112, 320  # channels of strides 8 and 16 together, and of stride 32
_TAPS = (4, 10, 15)  # the last block of strides 8, 16, 32
_SPREAD = {"fine": 1.37, "middle": 2.2, "deep": 1.3}  # of each kind of mean over 845 faces


@dataclass(frozen=True)
class FaceEmbedding:
    """What the network saw."""

    pooled: np.ndarray  # (1280,) float32: means over parts of the face, of about unit variance
    middle: np.ndarray  # (152, 12, 12) float32: textures and small parts, by place
    deep: np.ndarray  # (320, 6, 6) float32: larger things, by place


class FaceEmbedder:
    """Look at aligned faces one by one.

    Parameters
    ----------
    threads
        CPU threads; worker processes take one.
    runtime
        ``auto`` takes OpenVINO where it is installed, else torch.
    """

    def __init__(self, threads: int = 1, *, runtime: str = "auto") -> None:
        self._compiled = compile_module(
            _EmbeddingNetwork(),
            torch.from_numpy(network_input(blobs(FRAME, 12)))[None],
            threads=threads,
            runtime=steady_runtime() if runtime == "auto" else runtime,
            precision="fp32",
        )
        release_memory()

    @property
    def name(self) -> str:
        """Name what runs the network, for instance ``openvino-fp32``."""
        return self._compiled.name

    def embed(self, aligned: np.ndarray) -> FaceEmbedding:
        """Look at one face.

        Parameters
        ----------
        aligned : (512, 512, 3) uint8
            On the template of `core.face_frame`.

        Raises
        ------
        ValueError
            For any other shape or dtype.
        """
        flat = self._compiled.run(torch.from_numpy(network_input(aligned))[None])[0].numpy()
        first, second = np.split(flat, [MIDDLE * GRID**2])
        middle = first.reshape(MIDDLE, GRID, GRID).copy()
        deep = second.reshape(DEEP, GRID // 2, GRID // 2).copy()
        return FaceEmbedding(pool(middle, deep), middle, deep)


def pool(middle: np.ndarray, deep: np.ndarray) -> np.ndarray:
    """Pool one vector of the maps, which keeps what is where: (1280,) float32.

    Upper and lower half of the deep maps; eyes, nose, mouth, cheeks and forehead with hair in the middle
    ones; eyes and mouth in the fine ones. Both eyes, and both cheeks, count as one: mirrored faces are
    close.
    """
    regions = np.tensordot(_regions(), middle, axes=([1, 2], [1, 2]))  # (R, 152)
    eyes, nose, mouth = regions[:2].mean(0), regions[2], regions[3]
    cheeks, above = regions[4:6].mean(0), regions[7:9].mean(0)
    half = deep.shape[1] // 2
    return np.concatenate([
        deep[:, :half].mean((1, 2)) / _SPREAD["deep"],
        deep[:, half:].mean((1, 2)) / _SPREAD["deep"],
        *(part[FINE:] / _SPREAD["middle"] for part in (eyes, nose, mouth, cheeks, above)),
        *(part[:FINE] / _SPREAD["fine"] for part in (eyes, mouth)),
    ]).astype(np.float32)  # fmt: skip


def network_input(aligned: np.ndarray) -> np.ndarray:
    """Prepare the crop as the network takes it: (512, 512, 3) uint8 to (3, 192, 192) float32 in about [-1, 1]."""
    if aligned.shape != (FRAME, FRAME, 3) or aligned.dtype != np.uint8:
        raise ValueError(
            f"expected an aligned face ({FRAME}, {FRAME}, 3) uint8, got {aligned.shape} {aligned.dtype}"
        )
    small = cv2.resize(aligned, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    scaled = (small.astype(np.float32) - 127.0) / 128.0
    return np.ascontiguousarray(scaled.transpose(2, 0, 1))


class _EmbeddingNetwork(nn.Module):
    """EfficientNet-Lite0's maps; (B, 3, 192, 192) to (B, 152*144 + 320*36), all in one row."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = EfficientNetMaps(_TAPS)

    def forward(self, photos: Tensor) -> Tensor:
        fine, middle, deep = self.maps(photos)
        rows = [functional.avg_pool2d(fine, 2), middle, deep]
        return torch.cat([row.flatten(1) for row in rows], dim=1)


@lru_cache(maxsize=1)
def _regions() -> np.ndarray:
    weights: np.ndarray = region_weights().numpy()
    return weights


def blobs(size: int, sigma: float) -> np.ndarray:
    """Draw something to check runtimes on, of about a face's contrast: (size, size, 3) uint8."""
    noise = np.random.default_rng(0).normal(size=(size, size, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), sigma)
    return np.clip(127 + 50 * soft / soft.std(), 0, 255).astype(np.uint8)


def steady_runtime() -> str:
    """Choose OpenVINO if it is there: a choice by the clock could differ between two workers."""
    return "openvino" if find_spec("openvino") else "torch"


WEIGHTS = "face_coverage.safetensors"


class Coverage(NamedTuple):
    """Probabilities that something hides the face, and that a hat, hood or scarf is on the head."""

    covered: float
    head_covered: float


class CoverageJudge:
    """Judge what a `curation.analysis.embedding.FaceEmbedder` saw.

    Parameters
    ----------
    weights
        The network's file; ``face_coverage.safetensors`` of the weights folder by default.

    Raises
    ------
    AssetMissing
        If there is no such file.
    ValueError
        If it holds another network, or one that was trained on another embedder's maps.
    """

    def __init__(self, weights: Path | None = None) -> None:
        path = weights if weights is not None else settings().weights / WEIGHTS
        network = load_model(path)
        if not isinstance(network, CoverageNetwork):
            raise ValueError(
                f"{path.name} holds no {CoverageNetwork.family}, but a {type(network).__name__}."
            )
        self._network = network

    def judge(self, embedding: FaceEmbedding) -> Coverage:
        """Look at one face's maps; about half a millisecond."""
        with torch.inference_mode():
            middle, deep = (torch.from_numpy(m)[None] for m in (embedding.middle, embedding.deep))
            face = torch.sigmoid(self._network(middle, deep)[1])[0]
        return Coverage(round(float(face[0]), 4), round(float(face[1]), 4))


def coverage_version(weights: Path | None = None) -> str:
    """Name what decides the probabilities, beside the photo: the embedder and the network's file."""
    path = weights if weights is not None else settings().weights / WEIGHTS
    return f"{EMBEDDING_VERSION}+{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"
