"""Is something in front of the face, or on the head?

A landmark mesh cannot tell: it is complete over black bars and painted halves. So a small network looks
at the embedder's maps; it learnt from things planted onto clear faces (`curation.train_coverage`). Dark
sunglasses cover a face, clear glasses do not: the eyes can be seen and drawn.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import torch

from core.checkpoints import load_model
from core.config import settings
from core.coverage_network import CoverageNetwork
from curation.analysis.embedding import EMBEDDING_VERSION, FaceEmbedding

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
    """What decides the probabilities, beside the photo: the embedder and the network's file."""
    path = weights if weights is not None else settings().weights / WEIGHTS
    return f"{EMBEDDING_VERSION}+{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"
