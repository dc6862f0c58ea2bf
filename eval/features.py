"""From pictures to features: every file is used, or listed with the reason why not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from core.errors import UnsafeImage
from eval.decoding import DECODINGS
from eval.extractors import Extractor, ExtractorInfo
from eval.feature_stats import Moments
from eval.protocols import EvaluationProtocol
from eval.resize import RESIZES

SCHEMA = 1
BATCH = 8

# A file, its bytes, or pixels (H, W, 3) uint8 that exist already.
Picture = Path | bytes | NDArray[np.uint8]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Skipped:
    """A picture that was not used, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class FeatureSet:
    """Features of one set of pictures, and what made them.

    Attributes
    ----------
    features : (N, D) float32
    names
        N names, in the order of the rows.
    protocol
        Name of the protocol.
    extractor
        The network and its weights.
    skipped
        Pictures that could not be used.
    moments
        Of a reference of which nothing else is known; ``features`` has no rows then.
    """

    features: NDArray[np.float32]
    names: tuple[str, ...]
    protocol: str
    extractor: ExtractorInfo
    skipped: tuple[Skipped, ...] = ()
    moments: Moments | None = None

    def __post_init__(self) -> None:
        if (
            self.features.ndim != 2
            or self.features.dtype != np.float32
            or len(self.features) != len(self.names)
        ):
            raise ValueError(
                f"expected features (N, D) float32 with N names, got {self.features.shape} "
                f"{self.features.dtype} and {len(self.names)} names."
            )

    @property
    def key(self) -> str:
        """What sets must share to be compared: protocol, weights, and what computed them."""
        return f"{self.protocol}@{self.extractor.sha256[:12]}:{self.extractor.runtime}"


@dataclass
class FeatureStream:
    """Features of pictures, a batch at a time; ``skipped`` fills while it is read.

    Parameters
    ----------
    pictures
        Names and pictures; they may be made one by one. Which ones is the caller's choice: see
        `EvaluationProtocol.pick`.
    """

    pictures: Iterable[tuple[str, Picture]]
    extractor: Extractor
    protocol: EvaluationProtocol
    batch_size: int = BATCH
    progress: Progress | None = None
    total: int = 0
    skipped: list[Skipped] = field(default_factory=list)

    def __iter__(self) -> Iterator[tuple[tuple[str, ...], NDArray[np.float32]]]:
        names: list[str] = []
        batch: list[torch.Tensor] = []
        for done, (name, picture) in enumerate(self.pictures, start=1):
            try:
                batch.append(prepare(picture, self.protocol))
                names.append(name)
            except (UnsafeImage, OSError) as error:
                self.skipped.append(Skipped(name, str(error)))
            if len(batch) == self.batch_size:
                yield tuple(names), self.extractor(torch.stack(batch))
                names, batch = [], []
            if self.progress:
                self.progress(done, max(done, self.total))
        if batch:
            yield tuple(names), self.extractor(torch.stack(batch))


def prepare(picture: Picture, protocol: EvaluationProtocol) -> torch.Tensor:
    """A picture as the protocol's network takes it: (3, S, S) float32."""
    pixels = picture if isinstance(picture, np.ndarray) else DECODINGS[protocol.decoding](picture)
    return RESIZES[protocol.resize](pixels, protocol.size)


def extract_features(stream: FeatureStream) -> FeatureSet:
    """All features of a stream, in memory: ``4 * N * D`` bytes.

    Raises
    ------
    ValueError
        If no picture could be used.
    """
    names: list[str] = []
    batches = []
    for some, features in stream:
        names.extend(some)
        batches.append(features)
    if not batches:
        raise ValueError(_nothing(stream))
    return FeatureSet(
        np.concatenate(batches),
        tuple(names),
        stream.protocol.name,
        stream.extractor.info,
        tuple(stream.skipped),
    )


def _nothing(stream: FeatureStream) -> str:
    first = f" The first: {stream.skipped[0].name}: {stream.skipped[0].reason}" if stream.skipped else ""
    return f"too few pictures can be used; {len(stream.skipped)} were left out.{first}"
