"""Check what a browser sent: anybody can send anything in a component's place."""

from __future__ import annotations

from typing import Any

FAR_PX = 1e6  # no picture is so large


def is_number(value: Any, low: float, high: float) -> bool:
    """Tell whether a value is a number within bounds."""
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def three_points(value: Any) -> tuple[tuple[float, float], ...] | None:
    """Read the places of both eyes and the mouth; None for anything else."""
    if not (isinstance(value, list) and len(value) == 3 and all(map(_is_point, value))):
        return None
    return tuple((float(x), float(y)) for x, y in value)


def _is_point(value: Any) -> bool:
    is_pair = isinstance(value, list) and len(value) == 2
    return is_pair and all(is_number(number, -FAR_PX, FAR_PX) for number in value)
