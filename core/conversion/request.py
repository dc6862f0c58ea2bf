"""Describe what a conversion is asked for and what it returns."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.conversion.settings import (
    HAIR_TONES,
    MODES,
    SKIN_TONES,
    STAGE1_KINDS,
    ConversionSettings,
    HairTone,
    Mode,
    SkinTone,
    Stage1,
)
from core.face_parts.layout import PAINT_ORDER
from core.manifold import Manifold, Projection, is_valid_t
from core.sketch_input import Sketch

STEPS = ("prepare", "encode", "project", "decode", "blend", "generate", "upscale", "colour", "total")


class StepClock:
    """Milliseconds spent in each of ``STEPS`` of one call."""

    def __init__(self, before: dict[str, float] | None = None) -> None:
        """``before`` holds what was spent on steps that this call shares with others."""
        self._spent = dict.fromkeys(STEPS, 0.0) | (before or {})
        self._start = time.perf_counter() - self._spent["total"] / 1000

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Add what runs inside to a step."""
        start = time.perf_counter()
        yield
        self._spent[name] += 1000 * (time.perf_counter() - start)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave out what runs inside: preparing a network for its first use is no part of a conversion."""
        start = time.perf_counter()
        yield
        self._start += time.perf_counter() - start

    def timings(self) -> dict[str, float]:
        """Milliseconds so far, by step; all of ``STEPS``, in order."""
        return {**self._spent, "total": 1000 * (time.perf_counter() - self._start)}


@dataclass(frozen=True)
class Neighbour:
    """A training face that the drawing was pulled towards."""

    name: str  # the training photo's stem
    weight: float  # its share of the projection; the shares of a result sum to one and may be negative
    distance: float  # euclidean distance of its latent from the drawing's
    sketch: Sketch | None  # (h, w) uint8, read-only: thumbnail, None where the bank holds none


@dataclass(frozen=True)
class PartResult:
    """What became of one part of the face."""

    name: str  # one of `core.face_parts.layout.PAINT_ORDER`
    # t, k: its settings.
    t: float
    k: int
    # Whether there are strokes in the middle of its box. If not, it stays as it was drawn, or is filled.
    is_drawn: bool
    is_filled: bool  # whether it was taken from the bank, because it was not drawn and a fill was asked for
    # Nearest first; the one row that it was filled from; empty where it was left as drawn.
    neighbours: tuple[Neighbour, ...]
    confidence: float | None  # as in `FaceResult`, of this part alone; None unless it was drawn


@dataclass(frozen=True)
class FaceResult:
    """What one drawing became."""

    # (s, s, 3) uint8: at the generator's own size, or twice that where an upscaler fits it; None for a blank drawing.
    photo: NDArray[np.uint8] | None
    # (S, S) uint8: what stage 2 was given; None for a blank drawing. In mode ``none`` the drawing itself at size S.
    refined_sketch: Sketch | None
    # Nearest first; empty for a blank drawing, in mode ``none``, and by parts (see ``parts``).
    neighbours: tuple[Neighbour, ...]
    # How much the drawing looks like a training face, in [0, 1]; by parts, the mean of those drawn. None where stage 1
    # did not run.
    confidence: float | None
    is_blank: bool  # True when nothing or almost nothing was drawn, and no model was called
    # Milliseconds of each of `core.conversion.request.STEPS`; 0 for a step that did not run.
    timings: dict[str, float]
    # t, k, mode, generator, stage1, person, skin, hair: the settings that gave this result.
    t: float
    k: int
    mode: Mode
    generator: str
    stage1: Stage1 = "whole"
    # By parts, each one that took part, in the order of painting; else empty.
    parts: tuple[PartResult, ...] = ()
    # (s, s) uint8: where the generator looked, 255 most; None where it has no attention map.
    attention: NDArray[np.uint8] | None = None
    person: int | None = None
    skin: SkinTone | None = None
    hair: HairTone | None = None


@dataclass(frozen=True)
class Refined:
    """What stage 1 hands to stage 2."""

    sketch: NDArray[np.float32]  # (S, S) float32 in [-1, 1]
    # neighbours, confidence, parts: as in `FaceResult`.
    neighbours: tuple[Neighbour, ...] = ()
    confidence: float | None = None
    parts: tuple[PartResult, ...] = ()
    # The same for generators that take outlined hair for skin; None where it does not differ.
    filled: Callable[[], NDArray[np.float32]] | None = None


def neighbours_of(manifold: Manifold, projection: Projection) -> tuple[Neighbour, ...]:
    """Give the neighbours of the first latent of a projection."""
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


def check_settings(wanted: ConversionSettings, *, rows: int) -> None:
    """Refuse settings that are out of range.

    Parameters
    ----------
    rows
        Training faces in the bank, the most that any ``k`` may be.

    Raises
    ------
    ValueError
        If a setting is out of range or a part unknown.
    """
    if wanted.mode not in MODES:
        raise ValueError(f"mode must be one of {', '.join(MODES)}, got {wanted.mode!r}.")
    if wanted.stage1 not in STAGE1_KINDS:
        raise ValueError(f"stage1 must be one of {', '.join(STAGE1_KINDS)}, got {wanted.stage1!r}.")
    _check_numbers(wanted.t, wanted.k, rows)
    if wanted.stage1 == "whole" and (wanted.parts or wanted.fill):
        raise ValueError("parts and fill are settings of stage1='parts'; got them with stage1='whole'.")
    for name, _ in (*wanted.parts, *wanted.fill):
        if name not in PAINT_ORDER:
            raise ValueError(f"part must be one of {', '.join(PAINT_ORDER)}; got {name!r}.")
    for name, own in wanted.parts:
        _check_numbers(own.t, own.k, rows, f" of {name}")
    for what, tone, tones in (("skin", wanted.skin, SKIN_TONES), ("hair", wanted.hair, HAIR_TONES)):
        if tone is not None and tone not in tones:
            raise ValueError(f"{what} must be one of {', '.join(tones)}, got {tone!r}.")
    if wanted.person is not None and not _is_seed(wanted.person):
        raise ValueError(f"person must be a whole number from 0 on, got {wanted.person!r}.")
    for name, seed in wanted.fill:
        if not _is_seed(seed):
            raise ValueError(f"the seed that fills {name} must be a whole number from 0 on, got {seed!r}.")


def _is_seed(value: object) -> bool:
    return not isinstance(value, bool) and isinstance(value, (int, np.integer)) and int(value) >= 0


def _check_numbers(t: object, k: object, rows: int, of: str = "") -> None:
    if not is_valid_t(t):
        raise ValueError(
            f"t{of} must be a number between 0 (fully projected) and 1 (keep my lines), got {t!r}."
        )
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or not 1 <= k <= rows:
        raise ValueError(f"k{of} must be a whole number between 1 and {rows}, got {k!r}.")
