"""What the pipeline is asked for and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from core.manifold import Manifold, Projection
from core.sketch_input import Sketch

Mode = Literal["hybrid", "whole", "none"]
MODES: tuple[Mode, ...] = get_args(Mode)
Stage1 = Literal["whole", "parts"]
STAGE1_KINDS: tuple[Stage1, ...] = get_args(Stage1)


@dataclass(frozen=True)
class PartSettings:
    """``t`` and ``k`` of one part."""

    t: float = 0.5
    k: int = 10


@dataclass(frozen=True)
class Neighbour:
    """A training face that the drawing was pulled towards.

    Attributes
    ----------
    name
        The training photo's stem.
    weight
        Its share of the projection; the shares of a result sum to one and may be negative.
    distance
        Euclidean distance of its latent from the drawing's.
    sketch : (h, w) uint8, read-only
        Thumbnail, None where the bank holds none.
    """

    name: str
    weight: float
    distance: float
    sketch: Sketch | None


@dataclass(frozen=True)
class PartResult:
    """What became of one part of the face.

    Attributes
    ----------
    name
        One of `core.face_parts.layout.PAINT_ORDER`.
    t, k
        Its settings.
    is_drawn
        Whether there are strokes in the middle of its box. If not, it stays as it was drawn, or is filled.
    is_filled
        Whether it was taken from the bank, because it was not drawn and a fill was asked for.
    neighbours
        Nearest first; the one row that it was filled from; empty where it was left as drawn.
    confidence
        As in `FaceResult`, of this part alone; None unless it was drawn.
    """

    name: str
    t: float
    k: int
    is_drawn: bool
    is_filled: bool
    neighbours: tuple[Neighbour, ...]
    confidence: float | None


@dataclass(frozen=True)
class FaceResult:
    """What one drawing became.

    Attributes
    ----------
    photo : (s, s, 3) uint8
        At the generator's own size, or twice that where an upscaler fits it; None for a blank drawing.
    refined_sketch : (S, S) uint8
        What stage 2 was given; None for a blank drawing. In mode ``none`` the drawing itself at size S.
    neighbours
        Nearest first; empty for a blank drawing, in mode ``none``, and by parts (see ``parts``).
    confidence
        How much the drawing looks like a training face, in [0, 1]; by parts, the mean of those drawn. None
        where stage 1 did not run.
    is_blank
        True when nothing or almost nothing was drawn, and no model was called.
    timings
        Milliseconds of each of `core.conversion.clock.STEPS`; 0 for a step that did not run.
    t, k, mode, generator, stage1
        The settings that gave this result.
    parts
        By parts, each one that took part, in the order of painting; else empty.
    attention : (s, s) uint8
        Where the generator looked, 255 most; None where it has no attention map.
    """

    photo: NDArray[np.uint8] | None
    refined_sketch: Sketch | None
    neighbours: tuple[Neighbour, ...]
    confidence: float | None
    is_blank: bool
    timings: dict[str, float]
    t: float
    k: int
    mode: Mode
    generator: str
    stage1: Stage1 = "whole"
    parts: tuple[PartResult, ...] = ()
    attention: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class Refined:
    """What stage 1 hands to stage 2.

    Attributes
    ----------
    sketch : (S, S) float32 in [-1, 1]
    neighbours, confidence, parts
        As in `FaceResult`.
    """

    sketch: NDArray[np.float32]
    neighbours: tuple[Neighbour, ...] = ()
    confidence: float | None = None
    parts: tuple[PartResult, ...] = ()


def neighbours_of(manifold: Manifold, projection: Projection) -> tuple[Neighbour, ...]:
    """The neighbours of the first latent of a projection."""
    found = zip(projection.neighbour_ids[0], projection.weights[0], projection.distances[0], strict=True)
    return tuple(
        Neighbour(
            name=manifold.names[row],
            weight=float(weight),
            distance=float(distance),
            sketch=None if manifold.sketches is None else manifold.sketches[row],
        )
        for row, weight, distance in found
    )
