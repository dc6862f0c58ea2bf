"""Cut a face sketch into five parts and put them together; their places and autoencoders.

Stage 1 by parts follows the component embedding of DeepFaceDrawing (Chen et al. 2020, arXiv 2006.01047):
two eyes, nose and mouth have an autoencoder each, and so has the remainder, in which they are blanked.
Boxes overlap, so the order in which they are painted matters, and so does the feather: towards the border
of its box a part fades out. The remainder is blanked only where some part covers it fully, so that a line
across a border is drawn from both sides and the two halves meet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from core.autoencoder import AutoencoderConfig, SketchAutoencoder
from core.face_frame import PARTS, Part
from core.sketch_input import INK, Sketch, is_blank

REMAINDER = "remainder"
FACE_PARTS = ("mouth", "nose", "eye_left", "eye_right")  # eyes over nose: its box reaches their inner corners
PAINT_ORDER = (REMAINDER, *FACE_PARTS)
FEATHER = 1 / 8  # of a part's side
PARTS_FILE = "part_autoencoders.safetensors"
PART_BANKS_FILE = "part_banks.safetensors"

_BY_NAME: dict[str, Part] = {part.name: part for part in PARTS}


def part_box(name: str, size: int) -> tuple[int, int, int, int]:
    """``(left, top, right, bottom)`` of a part in a picture of ``size`` pixels; all of it for the remainder.

    Raises
    ------
    ValueError
        If there is no such part.
    """
    if name == REMAINDER:
        return 0, 0, size, size
    if name not in _BY_NAME:
        raise ValueError(f"part must be one of {', '.join(PAINT_ORDER)}; got {name!r}.")
    return _BY_NAME[name].box(size)


def part_side(name: str, size: int) -> int:
    """Side of a part's box in pixels."""
    left, _, right, _ = part_box(name, size)
    return right - left


@lru_cache(maxsize=64)
def part_alpha(name: str, size: int) -> NDArray[np.float32]:
    """How much a part covers what lies under it: 1 inside its box, falling smoothly to 0 at the border.

    Returns
    -------
    (side, side) float32 in [0, 1], read-only
        All ones for the remainder, which lies at the bottom.
    """
    side = part_side(name, size)
    if name == REMAINDER:
        alpha = np.ones((side, side), np.float32)
    else:
        inside = np.minimum(np.arange(side), np.arange(side)[::-1]) + 0.5
        ramp = np.clip(inside / (side * FEATHER), 0, 1)
        ramp = ramp * ramp * (3 - 2 * ramp)
        alpha = np.outer(ramp, ramp).astype(np.float32)
    alpha.setflags(write=False)
    return alpha


@lru_cache(maxsize=16)
def remainder_mask(size: int) -> NDArray[np.bool_]:
    """Give what belongs to the remainder: (size, size), False where some part covers it fully."""
    mask = np.ones((size, size), np.bool_)
    for name in FACE_PARTS:
        left, top, right, bottom = part_box(name, size)
        mask[top:bottom, left:right] &= part_alpha(name, size) < 1
    mask.setflags(write=False)
    return mask


def cut_part(sketch: NDArray, name: str) -> NDArray:
    """A part of a square sketch: its box, or for the remainder all of it with the parts blanked.

    Parameters
    ----------
    sketch : (..., S, S) uint8 or float32
        255 is white paper in bytes, 1 in floats.

    Returns
    -------
    (..., side, side), a copy of the same kind
    """
    size = sketch.shape[-1]
    if name == REMAINDER:
        white = 255 if sketch.dtype == np.uint8 else 1
        return np.where(remainder_mask(size), sketch, np.asarray(white, sketch.dtype))
    left, top, right, bottom = part_box(name, size)
    return np.ascontiguousarray(sketch[..., top:bottom, left:right])


def paste_parts(
    base: NDArray[np.float32],
    parts: Mapping[str, NDArray[np.float32]],
    *,
    within: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Lay parts over a sketch in ``PAINT_ORDER``, each fading out towards the border of its box.

    Parameters
    ----------
    base : (S, S) float32
        What lies under them, for instance the remainder.
    parts : name -> (side, side) float32
        In the range of ``base``.
    within : (S, S) float32 in [0, 1], optional
        Parts show only where this is 1.

    Returns
    -------
    (S, S) float32, a copy

    Raises
    ------
    ValueError
        If a part is unknown or has another side than its box.
    """
    size = base.shape[-1]
    pasted = np.array(base, np.float32)
    if unknown := set(parts) - set(PAINT_ORDER):
        raise ValueError(f"parts must be among {', '.join(PAINT_ORDER)}; got {', '.join(sorted(unknown))}.")
    for name in PAINT_ORDER:
        if name not in parts:
            continue
        left, top, right, bottom = part_box(name, size)
        alpha = part_alpha(name, size)
        if parts[name].shape != alpha.shape:
            raise ValueError(f"{name} must be {alpha.shape} at {size} px, got {parts[name].shape}.")
        if within is not None:
            alpha = alpha * within[top:bottom, left:right]
        under = pasted[top:bottom, left:right]
        pasted[top:bottom, left:right] = under + alpha * (parts[name] - under)
    return pasted


def drawn_names(page: Sketch) -> set[str]:
    """Parts that were drawn on a prepared sketch (S, S) uint8.

    Boxes overlap, so a face part counts when there are strokes in the middle half of its box: the tip of a
    nose is not an eye. The remainder counts when there are strokes outside all boxes.
    """
    size = page.shape[0]
    outside = page.copy()
    for name in FACE_PARTS:
        left, top, right, bottom = part_box(name, size)
        outside[top:bottom, left:right] = 255
    drawn = set() if is_blank(outside) else {REMAINDER}
    for name in FACE_PARTS:
        left, top, right, bottom = part_box(name, size)
        margin = (right - left) // 4
        middle = page[top + margin : bottom - margin, left + margin : right - margin]
        if np.any(middle < INK) and not is_blank(middle):
            drawn.add(name)
    return drawn


@dataclass(frozen=True)
class PartsConfig:
    """Architecture of ``PartAutoencoders``.

    Attributes
    ----------
    image_size
        Side of the whole sketch; each part's own follows from its box.
    parts
        Which of ``PAINT_ORDER`` there are.
    latent, widths, grid_values
        Of each face part: length of its latent, channels of its stages, and about how many numbers stand
        between its convolutions and its linear layer.
    remainder_latent, remainder_widths, remainder_bottleneck
        As in ``AutoencoderConfig``.
    detail
        How many times finer than ``image_size`` the face parts are read and drawn; ``patch`` grows with it, so
        that a part costs the same.
    """

    image_size: int = 256
    parts: tuple[str, ...] = PAINT_ORDER
    latent: int = 256
    widths: tuple[int, ...] = (48, 96, 128)
    grid_values: int = 2048
    remainder_latent: int = 512
    remainder_widths: tuple[int, ...] = (32, 64, 128, 256)
    remainder_bottleneck: int = 64
    patch: int = 2
    detail: int = 1

    @property
    def fine_size(self) -> int:
        """Side of the whole sketch that the face parts are cut from, in pixels."""
        return self.image_size * self.detail

    def of_part(self, name: str) -> AutoencoderConfig:
        """Architecture of one part's autoencoder."""
        if name == REMAINDER:
            return AutoencoderConfig(
                self.image_size,
                self.remainder_latent,
                self.remainder_widths,
                self.remainder_bottleneck,
                self.patch,
            )
        side, patch = part_side(name, self.fine_size), self.patch * self.detail
        grid, rest = divmod(side, patch)
        if rest or grid % 2:
            raise ValueError(
                f"image_size {self.image_size} gives {name} a box of {side} px, which patch {patch} does "
                "not divide evenly; 64 times a power of two fits every part."
            )
        grid //= 2
        while grid % 2 == 0 and grid // 2 >= 5:
            grid //= 2
        bottleneck = max(4, self.grid_values // grid**2)
        return AutoencoderConfig(side, self.latent, self.widths, bottleneck, patch, bottom=grid)


class PartAutoencoders(nn.Module):
    """One ``SketchAutoencoder`` for each part."""

    family = "part_autoencoders"

    def __init__(self, config: PartsConfig | None = None) -> None:
        super().__init__()
        self.config = config or PartsConfig()
        self.parts = nn.ModuleDict(
            {name: SketchAutoencoder(self.config.of_part(name)) for name in self.config.parts}
        )

    def autoencoder(self, name: str) -> SketchAutoencoder:
        """Give the autoencoder of one part.

        Raises
        ------
        ValueError
            If these weights have none for it.
        """
        if name not in self.parts:
            raise ValueError(f"part must be one of {', '.join(self.parts)}; got {name!r}.")
        network = self.parts[name]
        assert isinstance(network, SketchAutoencoder)
        return network

    def forward(self, cuts: dict[str, Tensor]) -> dict[str, Tensor]:
        """Logits of the cleaned parts, for the training loss."""
        return {name: self.parts[name](cut) for name, cut in cuts.items()}
