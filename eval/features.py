"""Extract features of pictures: every file is used, or listed with the reason why not.

There are four ways in which FID tools bring a photo to the network's size; alone they move FID by several per cent.
Each is its tool's arithmetic to the last step, scaling included: pytorch-fid interpolates without antialiasing and
maps 0..255 to -1..1; TensorFlow 1 (kept alive by torch-fidelity) samples at top-left corners; torchmetrics
antialiases; clean-fid shrinks by Pillow's bicubic in float (Parmar et al. 2022).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from core.errors import UnsafeImage
from eval.comparison.result import LeftOut
from eval.decoding import DECODINGS
from eval.extractors import Extractor, ExtractorInfo
from eval.feature_stats import Moments
from eval.protocols import EvaluationProtocol

Photo = NDArray[np.uint8]
Resize = Callable[[Photo, int], Tensor]


def resize_pytorch(photo: Photo, size: int = 299) -> Tensor:
    """pytorch-fid: bilinear without antialiasing, ``2 x / 255 - 1``. (H, W, 3) uint8 -> (3, size, size)."""
    x = _planes(photo) / 255
    return 2 * F.interpolate(x, (size, size), mode="bilinear", align_corners=False)[0] - 1


def resize_tf1(photo: Photo, size: int = 299) -> Tensor:
    """torch-fidelity: TensorFlow 1's bilinear without half-pixel centres, ``(x - 128) / 128``."""
    x = _planes(photo)[0]
    top, bottom, down = _tf1_taps(x.shape[1], size)
    left, right, across = _tf1_taps(x.shape[2], size)
    upper, lower = x[:, top], x[:, bottom]
    above = upper[:, :, left] + (upper[:, :, right] - upper[:, :, left]) * across
    below = lower[:, :, left] + (lower[:, :, right] - lower[:, :, left]) * across
    return (above + (below - above) * down[:, None] - 128) / 128


def resize_torchmetrics(photo: Photo, size: int = 299) -> Tensor:
    """torchmetrics' default: bilinear with antialiasing, ``(x - 128) / 128``."""
    x = F.interpolate(_planes(photo), (size, size), mode="bilinear", align_corners=False, antialias=True)
    return (x[0] - 128) / 128


def resize_clean(photo: Photo, size: int = 299) -> Tensor:
    """clean-fid: Pillow's bicubic on float channels, clipped but not rounded, ``(x - 128) / 128``."""
    _check(photo)
    planes = [
        np.asarray(
            Image.fromarray(photo[..., channel].astype(np.float32)).resize(
                (size, size), Image.Resampling.BICUBIC
            )
        )
        for channel in range(3)
    ]
    return (torch.from_numpy(np.stack(planes).clip(0, 255)) - 128) / 128


RESIZES: Mapping[str, Resize] = MappingProxyType(
    {
        "pytorch": resize_pytorch,
        "tf1": resize_tf1,
        "torchmetrics": resize_torchmetrics,
        "clean": resize_clean,
    }
)


def _tf1_taps(length: int, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """First and second source pixel of each target pixel, and the second one's share."""
    position = torch.arange(size, dtype=torch.float32) * torch.tensor(length / size, dtype=torch.float32)
    first = position.long()
    return first, (first + 1).clamp_max(length - 1), position - first.float()


def _planes(photo: Photo) -> Tensor:
    """(1, 3, H, W) float32, 0 to 255."""
    _check(photo)
    return torch.from_numpy(np.ascontiguousarray(photo.transpose(2, 0, 1))[None]).float()


def _check(photo: Photo) -> None:
    if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.uint8 or 0 in photo.shape:
        raise ValueError(f"expected a photo (H, W, 3) uint8, got {photo.shape} {photo.dtype}.")


BATCH = 8

# A file, its bytes, or pixels (H, W, 3) uint8 that exist already.
Picture = Path | bytes | NDArray[np.uint8]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class FeatureSet:
    """Features of one set of pictures, and what made them."""

    features: NDArray[np.float32]  # (N, D) float32
    names: tuple[str, ...]  # N names, in the order of the rows
    protocol: str  # name of the protocol
    extractor: ExtractorInfo  # the network and its weights
    skipped: tuple[LeftOut, ...] = ()  # pictures that could not be used
    # Of a reference of which nothing else is known; ``features`` has no rows then.
    moments: Moments | None = None

    @property
    def key(self) -> str:
        """Give what sets must share to be compared: protocol, weights, and what computed them."""
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
    progress: Callable[[int], None] | None = None
    skipped: list[LeftOut] = field(default_factory=list)

    def __iter__(self) -> Iterator[tuple[tuple[str, ...], NDArray[np.float32]]]:
        names: list[str] = []
        batch: list[torch.Tensor] = []
        for done, (name, picture) in enumerate(self.pictures, start=1):
            try:
                batch.append(prepare(picture, self.protocol))
                names.append(name)
            except (UnsafeImage, OSError) as error:
                self.skipped.append(LeftOut(name=name, reason=str(error)))
            if len(batch) == self.batch_size:
                yield tuple(names), self.extractor(torch.stack(batch))
                names, batch = [], []
            if self.progress:
                self.progress(done)
        if batch:
            yield tuple(names), self.extractor(torch.stack(batch))


def prepare(picture: Picture, protocol: EvaluationProtocol) -> torch.Tensor:
    """A picture as the protocol's network takes it: (3, S, S) float32."""
    pixels = picture if isinstance(picture, np.ndarray) else DECODINGS[protocol.decoding](picture)
    return RESIZES[protocol.resize](pixels, protocol.size)
