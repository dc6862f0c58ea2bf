"""A small network that tells from an aligned face's feature maps what is hidden, and where.

It reads the maps of `curation.analysis.embedding` and answers twice: per cell of a 12 x 12 grid, and for
the face as a whole. Both answers have two channels: something hides the face, something is on the head.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from core.face_frame import FRAME

GRID = 12
# Where on the template the face is looked at as a whole: left, top, right, bottom in template pixels.
REGIONS = (
    (128, 196, 246, 288), (266, 196, 384, 288), (196, 256, 316, 340), (176, 330, 336, 440),
    (100, 280, 216, 430), (296, 280, 412, 430), (150, 410, 362, 490), (150, 90, 362, 200),
    (110, 0, 402, 110), (0, 60, 120, 400), (392, 60, 512, 400),
)  # fmt: skip


@dataclass(frozen=True)
class CoverageConfig:
    """Sizes of the network.

    Attributes
    ----------
    middle, deep
        Channels of the two maps that it reads, of 12 x 12 and 6 x 6 cells.
    width
        Channels inside.
    dropout
        Part of the channels that training leaves out.
    """

    middle: int = 152
    deep: int = 320
    width: int = 48
    dropout: float = 0.2


class CoverageNetwork(nn.Module):
    """Feature maps to logits; see the module's text."""

    family = "face_coverage"
    gain: Tensor
    offset: Tensor
    regions: Tensor

    def __init__(self, config: CoverageConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or CoverageConfig()
        width = config.width
        self.scale_middle = nn.BatchNorm2d(config.middle, affine=False)
        self.scale_deep = nn.BatchNorm2d(config.deep, affine=False)
        self.dropout = nn.Dropout2d(config.dropout)
        self.from_middle = nn.Conv2d(config.middle, width, 1)
        self.from_deep = nn.Conv2d(config.deep, width, 1)
        self.place = nn.Parameter(
            torch.zeros(1, width, GRID, GRID)
        )  # the template makes places mean something
        self.neighbours = nn.Conv2d(width, width, 3, padding=1)
        self.to_cells = nn.Conv2d(width, 2, 1)
        self.to_face = nn.Linear(len(REGIONS) * (width + 2), 2)
        # Logit of the whole face = gain * what training gives + offset: set once on photos kept apart.
        self.register_buffer("gain", torch.ones(2))
        self.register_buffer("offset", torch.zeros(2))
        self.register_buffer("regions", region_weights(), persistent=False)

    def forward(self, middle: Tensor, deep: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of cells and of the face.

        Parameters
        ----------
        middle : (B, 152, 12, 12) float32
        deep : (B, 320, 6, 6) float32

        Returns
        -------
        cells : (B, 2, 12, 12) float32
        face : (B, 2) float32
            Channel 0: the face is covered; 1: the head is.
        """
        x = self.from_middle(self.dropout(self.scale_middle(middle)))  # (B, width, 12, 12)
        y = self.from_deep(self.dropout(self.scale_deep(deep)))  # (B, width, 6, 6)
        x = functional.relu(x + functional.interpolate(y, scale_factor=2.0, mode="nearest") + self.place)
        x = x + functional.relu(self.neighbours(x))
        cells = self.to_cells(x)
        seen = torch.cat([x, torch.sigmoid(cells)], dim=1)
        pooled = torch.einsum("bcyx,ryx->brc", seen, self.regions)  # (B, regions, width + 2)
        return cells, self.to_face(pooled.flatten(1)) * self.gain + self.offset


def region_weights() -> Tensor:
    """How much each cell counts for each of `REGIONS`: (R, 12, 12) float32; each region's sum to one."""
    edges = np.arange(GRID + 1, dtype=np.float32) * np.float32(FRAME / GRID)
    rows = []
    for left, top, right, bottom in REGIONS:
        across = np.maximum(np.minimum(edges[1:], right) - np.maximum(edges[:-1], left), 0)
        down = np.maximum(np.minimum(edges[1:], bottom) - np.maximum(edges[:-1], top), 0)
        weight = down[:, None] * across[None]
        rows.append(weight / weight.sum())
    return torch.from_numpy(np.stack(rows).astype(np.float32))
