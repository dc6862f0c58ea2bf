"""Networks of several parts bound together, so that one call reads or draws them all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.face_parts.layout import REMAINDER, PartAutoencoders, part_box, remainder_mask
from core.refinement import Bind, Plane
from core.runtime import Compiled, one_torch_thread


@dataclass(frozen=True)
class PartGroup:
    """Parts whose encoders run as one network, and so do their decoders."""

    names: tuple[str, ...]
    encode: Compiled
    decode: Compiled
    widths: tuple[int, ...]
    sides: tuple[int, ...]

    def read(self, drawing: Plane) -> dict[str, NDArray[np.float32]]:
        """Latents (1, D) by part."""
        joined = self.encode.run(torch.from_numpy(drawing[None, None])).numpy()
        pieces = np.split(joined, np.cumsum(self.widths)[:-1], axis=1)
        return dict(zip(self.names, pieces, strict=True))

    def draw(self, latents: Mapping[str, NDArray[np.float32]]) -> dict[str, Plane]:
        """Sketches (side, side) of the parts that are given; the others cost time and are dropped."""
        joined = [
            latents.get(name, np.zeros((1, width), np.float32))
            for name, width in zip(self.names, self.widths, strict=True)
        ]
        drawn = self.decode.run(torch.from_numpy(np.concatenate(joined, axis=1))).numpy()[0]
        pieces = np.split(drawn, np.cumsum([side**2 for side in self.sides])[:-1])
        return {
            name: piece.reshape(side, side)
            for name, piece, side in zip(self.names, pieces, self.sides, strict=True)
            if name in latents
        }


class _EncodeParts(nn.Module):
    """(1, 1, S, S) -> the latents of all parts of a group side by side."""

    def __init__(self, networks: PartAutoencoders, names: tuple[str, ...]) -> None:
        super().__init__()
        size = networks.config.image_size
        self.encoders = nn.ModuleList([networks.autoencoder(name).encoder for name in names])
        self.boxes = [part_box(name, size) for name in names]
        self.has_remainder = REMAINDER in names
        self.mask: Tensor
        mask = torch.from_numpy(remainder_mask(size).astype(np.float32))[None, None]
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, sketch: Tensor) -> Tensor:
        if self.has_remainder:
            sketch = sketch * self.mask + (1 - self.mask)
        latents = [
            encoder(sketch[:, :, top:bottom, left:right])
            for encoder, (left, top, right, bottom) in zip(self.encoders, self.boxes, strict=True)
        ]
        return torch.cat(latents, dim=1)


class _DecodeParts(nn.Module):
    """Latents side by side -> the pixels of all parts of a group one after another, in [-1, 1]."""

    def __init__(self, networks: PartAutoencoders, names: tuple[str, ...]) -> None:
        super().__init__()
        self.decoders = nn.ModuleList([networks.autoencoder(name).decoder for name in names])
        self.widths = [networks.autoencoder(name).config.latent for name in names]

    def forward(self, latents: Tensor) -> Tensor:
        pieces = latents.split(self.widths, dim=1)
        drawn = [
            torch.tanh(decoder(piece) / 2).flatten(1)
            for decoder, piece in zip(self.decoders, pieces, strict=True)
        ]
        return torch.cat(drawn, dim=1)


def compile_group(
    networks: PartAutoencoders, names: tuple[str, ...], bind: Bind, examples: Tensor
) -> PartGroup:
    """Bind the encoders of some parts as one network, and their decoders.

    Parameters
    ----------
    bind
        `core.runtime.compile_module` with this machine's settings.
    examples : (E, 1, S, S) float32
        Realistic sketches.
    """
    reader, writer = _EncodeParts(networks, names).eval(), _DecodeParts(networks, names).eval()
    with one_torch_thread(), torch.no_grad():
        latents = reader(examples)
    configs = [networks.autoencoder(name).config for name in names]
    return PartGroup(
        names,
        bind(reader, examples),
        bind(writer, latents),
        tuple(config.latent for config in configs),
        tuple(config.image_size for config in configs),
    )
