"""Networks of several parts bound together, so that one call reads or draws them all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from core.face_parts.layout import REMAINDER, PartAutoencoders, part_box, part_side, remainder_mask
from core.images import sketch_to_tensor
from core.refinement import Bind, Plane
from core.runtime import Compiled, one_torch_thread
from core.sketch_input import Sketch


@dataclass(frozen=True)
class PartGroup:
    """Parts whose encoders run as one network, and so do their decoders."""

    names: tuple[str, ...]
    encode: Compiled
    decode: Compiled
    widths: tuple[int, ...]
    sides: tuple[int, ...]

    @property
    def size(self) -> int:
        """Side of the drawing that is read, in pixels."""
        return self.encode.input_shape[-1]

    def read(self, drawing: Sketch) -> dict[str, NDArray[np.float32]]:
        """Latents (1, D) by part of a drawing (size, size) uint8."""
        joined = self.encode.run(sketch_to_tensor(drawing)).numpy()
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
        size = _read_size(networks, names)
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
    """Latents side by side -> the pixels of all parts of a group one after another, in [-1, 1].

    What was drawn finer than the whole sketch is averaged down to its size.
    """

    def __init__(self, networks: PartAutoencoders, names: tuple[str, ...]) -> None:
        super().__init__()
        self.decoders = nn.ModuleList([networks.autoencoder(name).decoder for name in names])
        self.widths = [networks.autoencoder(name).config.latent for name in names]
        self.detail = _read_size(networks, names) // networks.config.image_size

    def forward(self, latents: Tensor) -> Tensor:
        pieces = latents.split(self.widths, dim=1)
        drawn = [
            F.avg_pool2d(torch.tanh(decoder(piece) / 2), self.detail).flatten(1)
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
        size = _read_size(networks, names)
        if size != examples.shape[-1]:
            examples = F.interpolate(examples, (size, size), mode="bilinear")
        latents = reader(examples)
    return PartGroup(
        names,
        bind(reader, examples),
        bind(writer, latents),
        tuple(networks.autoencoder(name).config.latent for name in names),
        tuple(part_side(name, networks.config.image_size) for name in names),
    )


def _read_size(networks: PartAutoencoders, names: tuple[str, ...]) -> int:
    """Side of the drawing that a group reads: the remainder is never read finer than the whole sketch."""
    return networks.config.image_size if names == (REMAINDER,) else networks.config.fine_size
