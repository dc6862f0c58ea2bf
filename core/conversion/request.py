"""The settings of one conversion, checked before any network runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from core.conversion.result import MODES, STAGE1_KINDS, Mode, PartSettings, Stage1
from core.face_parts.layout import PAINT_ORDER
from core.manifold import is_mix


@dataclass(frozen=True)
class Request:
    """How a drawing is to be converted.

    Attributes
    ----------
    t, k, mode, stage1
        As in `core.pipeline.SketchToFacePipeline.compare`.
    parts
        Settings of every part.
    fill
        Seeds of the parts to take from their banks where they are not drawn.
    """

    t: float
    k: int
    mode: Mode
    stage1: Stage1
    parts: Mapping[str, PartSettings]
    fill: Mapping[str, int]


def check_request(
    t: float,
    k: int,
    *,
    rows: int,
    mode: Mode,
    stage1: Stage1,
    parts: Mapping[str, PartSettings] | None = None,
    fill: Mapping[str, int] | None = None,
) -> Request:
    """Settings in range, with those of each part filled in.

    Parameters
    ----------
    rows
        Training faces in the bank, the most that any ``k`` may be.

    Raises
    ------
    ValueError
        If a setting is out of range or a part unknown.
    """
    if mode not in MODES:
        raise ValueError(f"mode must be one of {', '.join(MODES)}, got {mode!r}.")
    if stage1 not in STAGE1_KINDS:
        raise ValueError(f"stage1 must be one of {', '.join(STAGE1_KINDS)}, got {stage1!r}.")
    _check_numbers(t, k, rows)
    parts, fill = dict(parts or {}), dict(fill or {})
    if stage1 == "whole" and (parts or fill):
        raise ValueError("parts and fill are settings of stage1='parts'; got them with stage1='whole'.")
    for name in {**parts, **fill}:
        if name not in PAINT_ORDER:
            raise ValueError(f"part must be one of {', '.join(PAINT_ORDER)}; got {name!r}.")
    for name, own in parts.items():
        _check_numbers(own.t, own.k, rows, f" of {name}")
    for name, seed in fill.items():
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
            raise ValueError(f"the seed that fills {name} must be a whole number from 0 on, got {seed!r}.")
    chosen = {name: PartSettings(float(t), int(k)) for name in PAINT_ORDER} | parts
    return Request(float(t), int(k), mode, stage1, chosen, fill)


def _check_numbers(t: object, k: object, rows: int, of: str = "") -> None:
    if not is_mix(t):
        raise ValueError(
            f"t{of} must be a number between 0 (fully projected) and 1 (keep my lines), got {t!r}."
        )
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or not 1 <= k <= rows:
        raise ValueError(f"k{of} must be a whole number between 1 and {rows}, got {k!r}.")
