"""Charts of a comparison: a column over images or checkpoints, the map of features, distances to training photos."""

from __future__ import annotations

from typing import Literal

import altair as alt
import pandas as pd

from dashboard.shared.texts import N_, _
from dashboard.views.train.charts import thinned
from eval.comparison.result import Column, Comparison, Curve
from eval.comparison.titles import REAL

REAL_NAMES = frozenset({"real", "floor", "real against real"})
COLOURS = ["#7b6cf0", "#3aa66f", "#d8a12f", "#d2574c", "#3b9dc4", "#c062a8", "#9a7b4f", "#5f7d2e"]
REAL_COLOUR = "#8a8896"
POINTS_SHOWN = 1500

Layered = alt.LayerChart | alt.FacetChart


def colour_scale(comparison: Comparison) -> alt.Scale:
    """Every model keeps its colour through all charts; what is real is grey."""
    names = [model.name for model in comparison.models]
    colours = [COLOURS[place % len(COLOURS)] for place in range(len(names))]
    return alt.Scale(domain=[*names, _(REAL)], range=[*colours, REAL_COLOUR])


def curve_table(comparison: Comparison, column: str, over: Literal["n", "step"]) -> pd.DataFrame:
    """Rows of model, count, value, low and high; empty where the comparison has no such curve."""
    curves = [one for one in comparison.curves if one.column == column and one.over == over]
    if over == "n" and not any(one.model.lower() in REAL_NAMES for one in curves):
        curves += [
            Curve(column=column, model=REAL, over="n", points=floor.points)
            for floor in comparison.floors
            if floor.column == column and floor.points
        ]
    rows = [
        {"model": _(REAL) if curve.model.lower() in REAL_NAMES else curve.model, "count": point.count,
         "value": point.estimate.value, "low": point.estimate.low, "high": point.estimate.high}
        for curve in curves
        for point in curve.points
        if point.estimate.value is not None
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["model", "count", "value", "low", "high"])


def curve_chart(comparison: Comparison, column: Column, over: Literal["n", "step"]) -> Layered | None:
    """Lines with their 95 % bands; None where there is nothing to draw."""
    table = curve_table(comparison, column.key, over)
    if table.empty:
        return None
    title = _("images of each set") if over == "n" else _("training step")
    shown = [name for name in colour_scale(comparison).domain if name in set(table["model"])]
    pick = alt.selection_point(fields=["model"], bind="legend")
    base = alt.Chart(table).encode(
        x=alt.X("count:Q", title=title, axis=alt.Axis(format=",d", tickMinStep=1)),
        color=alt.Color("model:N", scale=colour_scale(comparison), legend=_legend(shown)),
    )
    y = alt.Y("value:Q", title=_title(column), scale=alt.Scale(zero=False, nice=True))
    band = base.mark_area(opacity=0.16).encode(
        y=alt.Y("low:Q", title=_title(column), scale=alt.Scale(zero=False, nice=True)), y2="high:Q",
        opacity=alt.condition(pick, alt.value(0.16), alt.value(0.03)),
    )  # fmt: skip
    line = base.mark_line(point=alt.OverlayMarkDef(size=42), strokeWidth=2).encode(
        y=y,
        opacity=alt.condition(pick, alt.value(1.0), alt.value(0.15)),
        tooltip=[
            _tooltip("model"), alt.Tooltip("count:Q", format=",d", title=title),
            *map(_figure, ("value", "low", "high")),
        ],
    )  # fmt: skip
    layers = [band, line] if over == "step" else [*_floor_layers(comparison, column, table), band, line]
    return alt.layer(*layers).add_params(pick).properties(height=360)


def _floor_layers(comparison: Comparison, column: Column, table: pd.DataFrame) -> list[alt.Chart]:
    """Real against real where it has no curve of its own: a point, for with fewer images it is higher."""
    floor = next((one for one in comparison.floors if one.column == column.key), None)
    if floor is None or floor.estimate.value is None or _(REAL) in set(table["model"]):
        return []
    data = pd.DataFrame(
        [{"value": floor.estimate.value, "count": floor.count, "text": _("real against real")}]
    )
    place = alt.Chart(data).encode(x="count:Q", y="value:Q")
    point = place.mark_point(color=REAL_COLOUR, filled=True, size=60)
    return [point, place.mark_text(align="right", dx=-8, color=REAL_COLOUR).encode(text="text:N")]


def map_chart(comparison: Comparison) -> alt.Chart | None:
    """Every image as a point, near those that look alike to the extractor; None without a map."""
    names = [case.name for case in comparison.cases]
    sets = [(_(REAL), comparison.real_map_xy), *((model.name, model.map_xy) for model in comparison.models)]
    rows = [
        {
            "model": name,
            "x": x,
            "y": y,
            "image": names[place] if len(points) == len(names) else f"{place + 1}",
        }
        for name, points in sets
        for place in thinned(len(points), POINTS_SHOWN)
        for x, y in [points[place]]
    ]
    if not rows:
        return None
    shown = [name for name, points in sets if points]
    pick = alt.selection_point(fields=["model"], bind="legend")
    plain = alt.Axis(labels=False, ticks=False, title=None, domain=False, gridOpacity=0.35)
    return (
        alt.Chart(pd.DataFrame(rows))
        .mark_circle(size=46)
        .encode(
            x=alt.X("x:Q", axis=plain, scale=alt.Scale(zero=False, nice=True)),
            y=alt.Y("y:Q", axis=plain, scale=alt.Scale(zero=False, nice=True)),
            color=alt.Color("model:N", scale=colour_scale(comparison), legend=_legend(shown)),
            opacity=alt.condition(pick, alt.value(0.72), alt.value(0.06)),
            tooltip=[_tooltip("model"), _tooltip("image")],
        )
        .add_params(pick)
        .properties(height=460)
    )


def distances_chart(comparison: Comparison) -> alt.Chart | None:
    """How far every output is from its nearest training photo, and how far true photos are; None where unknown."""
    sets = [(_(REAL), comparison.real_nearest_training)]
    sets += [(model.name, model.nearest_training) for model in comparison.models]
    rows = [
        {"model": name, "distance": found[1], "nearest": found[0], "case": case.name}
        for name, nearest in sets
        for case, found in zip(comparison.cases, nearest, strict=False)
        if found is not None
    ]
    if not rows:
        return None
    names, title = [name for name, _nearest in sets], _("distance to the nearest training photo")
    return (
        alt.Chart(pd.DataFrame(rows))
        .mark_tick(thickness=2, opacity=0.5)
        .encode(
            x=alt.X("distance:Q", title=title, scale=alt.Scale(zero=False, nice=True)),
            y=alt.Y("model:N", title=None, sort=names, axis=alt.Axis(labelLimit=140)),
            color=alt.Color("model:N", scale=colour_scale(comparison), legend=None),
            tooltip=[*map(_tooltip, ("model", "case", "nearest")), _figure("distance")],
        )
        .properties(height=alt.Step(30))
    )


def _legend(shown: list[str]) -> alt.Legend:
    return alt.Legend(orient="top", title=None, columns=4, labelLimit=150, symbolOpacity=1, values=shown)


def _title(column: Column) -> str:
    return f"{_(column.title)}, {_(column.unit)}" if column.unit else _(column.title)


# What pointing at a mark shows is named after the charts' fields.
FIELDS = (
    N_("model"), N_("image"), N_("case"), N_("nearest"), N_("value"), N_("low"), N_("high"), N_("distance"),
)  # fmt: skip


def _tooltip(field: str) -> alt.Tooltip:
    return alt.Tooltip(field, title=_(field))


def _figure(field: str) -> alt.Tooltip:
    return alt.Tooltip(f"{field}:Q", format=".4~g", title=_(field))
