"""Lay out the charts of a report: intervals, curves, the map of features."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from eval.comparison.formatting import in_order, number_text
from eval.comparison.result import Column, Comparison, Curve

COLOURS = ("#5646d6", "#2f9560", "#b9831a", "#c8483d", "#2b83a8", "#a8478f", "#7d6340", "#5f7d2e")
GREY, FAINT, INK = "#77748a", "#d9d6cf", "#1f1d2b"
MAP_POINTS = 400  # of each set
WIDTH, CURVE_HEIGHT, MAP_HEIGHT = 480.0, 240.0, 300.0  # in points
TICKS = 5


@dataclass(frozen=True)
class Mark:
    """One thing to draw; coordinates in points from the top left."""

    # ``line`` (open), ``area`` (closed and filled), ``dot`` (of ``size`` radius) or ``text`` (of ``size``).
    kind: Literal["line", "area", "dot", "text"]
    points: tuple[tuple[float, float], ...]
    colour: str
    size: float = 1.0
    opacity: float = 1.0
    text: str = ""
    anchor: str = "start"  # of a text: ``start``, ``middle`` or ``end``


@dataclass(frozen=True)
class Scene:
    """A finished chart."""

    width: float
    height: float
    marks: tuple[Mark, ...]
    title: str


def colour_of(comparison: Comparison, model: str) -> str:
    """A model's colour, the same in all charts; grey for whatever is real."""
    names = [one.name for one in comparison.models]
    return COLOURS[names.index(model) % len(COLOURS)] if model in names else GREY


def interval_chart(comparison: Comparison, column: Column) -> Scene | None:
    """Every model's figure on its 95 % interval, the best on top, what true photos get as a line."""
    rows = [(model.name, model.scores[column.key]) for model in in_order(comparison, column)
            if column.key in model.scores and model.scores[column.key].value is not None]  # fmt: skip
    floor = next((one.estimate for one in comparison.floors if one.column == column.key), None)
    ends = [end for _, one in rows for end in (one.low, one.value, one.high) if end is not None]
    if floor is not None and floor.value is not None:
        ends.append(floor.value)
    if not rows:
        return None
    left, right, top, step = 130.0, WIDTH - 16, 8.0, 26.0
    bottom = top + step * len(rows)
    scale = _Scale.over(ends, left, right)
    marks = _x_axis(scale, top, bottom)
    if floor is not None and floor.value is not None:
        x = scale(floor.value)
        name = "true photos" if column.per_case else "real against real"
        marks += [Mark("line", ((x, top), (x, bottom)), GREY, 1.2),
                  Mark("text", ((x + 3, top + 7),), GREY, 7, text=name)]  # fmt: skip
    for place, (name, one) in enumerate(rows):
        y = top + step * (place + 0.5)
        colour = colour_of(comparison, name)
        marks.append(Mark("text", ((left - 8, y + 3),), INK, 9, text=_short(name, 24), anchor="end"))
        if one.low is not None and one.high is not None:
            marks.append(Mark("line", ((scale(one.low), y), (scale(one.high), y)), colour, 3, 0.5))
        assert one.value is not None
        marks.append(Mark("dot", ((scale(one.value), y),), colour, 4))
    return Scene(WIDTH, bottom + 22, tuple(marks), f"{column.title} with 95 % intervals")


def curve_chart(comparison: Comparison, column: Column, over: Literal["n", "step"]) -> Scene | None:
    """A column against images or training steps, with bands; None where there is no such curve."""
    curves = [one for one in comparison.curves if one.column == column.key and one.over == over]
    curves = [one for one in curves if any(point.estimate.value is not None for point in one.points)]
    if not curves:
        return None
    if over == "n":
        floors = [one for one in comparison.floors if one.column == column.key and one.points]
        curves += [Curve(column=column.key, model="real", over="n", points=one.points) for one in floors]
    points = [point for one in curves for point in one.points if point.estimate.value is not None]
    values = [
        end for p in points for end in (p.estimate.low, p.estimate.value, p.estimate.high) if end is not None
    ]
    across = _Scale.over([float(point.count) for point in points], 52, WIDTH - 110, air=0.02)
    up = _Scale.over(values, CURVE_HEIGHT - 30, 10)
    marks = _x_axis(across, 10, CURVE_HEIGHT - 30, whole=True)
    for value in up.ticks():
        y = up(value)
        marks += [Mark("line", ((52, y), (WIDTH - 110, y)), FAINT, 0.5),
                  Mark("text", ((48, y + 3),), GREY, 8, text=number_text(value), anchor="end")]  # fmt: skip
    for curve in curves:
        marks += _curve_marks(curve, across, up, colour_of(comparison, curve.model))
    marks += _legend([one.model for one in curves], comparison, WIDTH - 100)
    marks.append(
        Mark(
            "text",
            ((52, CURVE_HEIGHT - 4),),
            GREY,
            8,
            text="images of each set" if over == "n" else "training step",
        )
    )
    return Scene(
        WIDTH,
        CURVE_HEIGHT,
        tuple(marks),
        f"{column.title} against {'images' if over == 'n' else 'training steps'}",
    )


def map_chart(comparison: Comparison) -> Scene | None:
    """Give the 2-D map of features; None without one."""
    sets = [("real", comparison.real_map_xy), *((model.name, model.map_xy) for model in comparison.models)]
    everything = [point for _, points in sets for point in points]
    if not everything:
        return None
    across = _Scale.over([x for x, _ in everything], 8, WIDTH - 110)
    up = _Scale.over([y for _, y in everything], MAP_HEIGHT - 8, 8)
    marks = []
    for name, points in sets:
        step = max(1, math.ceil(len(points) / MAP_POINTS))
        colour = colour_of(comparison, name)
        marks += [Mark("dot", ((across(x), up(y)),), colour, 2.2, 0.55) for x, y in points[::step]]
    marks += _legend([name for name, points in sets if points], comparison, WIDTH - 100)
    return Scene(WIDTH, MAP_HEIGHT, tuple(marks), "Map of features")


@dataclass(frozen=True)
class _Scale:
    low: float
    high: float
    start: float
    end: float

    @classmethod
    def over(cls, values: Sequence[float], start: float, end: float, *, air: float = 0.06) -> _Scale:
        low, high = min(values), max(values)
        spare = air * (high - low) or abs(high) * 0.05 or 1.0
        return cls(low - spare, high + spare, start, end)

    def __call__(self, value: float) -> float:
        return self.start + (self.end - self.start) * (value - self.low) / (self.high - self.low)

    def ticks(self, *, whole: bool = False) -> list[float]:
        rough = (self.high - self.low) / TICKS
        unit = 10.0 ** math.floor(math.log10(rough))
        step = next(unit * times for times in (1, 2, 5, 10) if unit * times >= rough * 0.999)
        step = max(1.0, step) if whole else step
        first = math.ceil(self.low / step)
        return [place * step for place in range(first, math.floor(self.high / step) + 1)]


def _x_axis(scale: _Scale, top: float, bottom: float, *, whole: bool = False) -> list[Mark]:
    marks = []
    for value in scale.ticks(whole=whole):
        x = scale(value)
        text = f"{value:,.0f}" if whole else number_text(value)
        marks += [Mark("line", ((x, top), (x, bottom)), FAINT, 0.5),
                  Mark("text", ((x, bottom + 11),), GREY, 8, text=text, anchor="middle")]  # fmt: skip
    return marks


def _curve_marks(curve: Curve, across: _Scale, up: _Scale, colour: str) -> list[Mark]:
    known = [(point.count, point.estimate) for point in curve.points if point.estimate.value is not None]
    banded = [
        (count, one.low, one.high) for count, one in known if one.low is not None and one.high is not None
    ]
    edge = [(across(count), up(high)) for count, _, high in banded]
    edge += [(across(count), up(low)) for count, low, _ in reversed(banded)]
    line = tuple((across(count), up(one.value)) for count, one in known if one.value is not None)
    marks = [Mark("area", tuple(edge), colour, opacity=0.14)] if len(banded) > 1 else []
    marks += [Mark("line", line, colour, 1.6)] if len(line) > 1 else []
    return [*marks, *(Mark("dot", (point,), colour, 2.4) for point in line)]


def _legend(names: Sequence[str], comparison: Comparison, x: float) -> list[Mark]:
    marks = []
    for place, name in enumerate(dict.fromkeys(names)):
        y = 16.0 + 14 * place
        marks += [Mark("dot", ((x, y - 3),), colour_of(comparison, name), 3.5),
                  Mark("text", ((x + 8, y),), INK, 8.5, text=_short(name, 18))]  # fmt: skip
    return marks


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
