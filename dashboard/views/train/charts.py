"""Losses of a training as a chart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import altair as alt
import numpy as np
import pandas as pd

from dashboard.shared.texts import _

if TYPE_CHECKING:
    from core.training.runs import Losses

POINTS_SHOWN = 400
COLOURS = ["#7b6cf0", "#3aa66f", "#d8a12f", "#d2574c", "#3b9dc4", "#c062a8", "#8a8896", "#9a7b4f"]


def networks_of(losses: Losses) -> list[str]:
    """The networks that have losses, in their order."""
    return list(dict.fromkeys(name.partition("/")[0] for name in losses.values))


def smooth(values: np.ndarray, weight: float) -> np.ndarray:
    """Exponential moving average without a bias towards its first value; NaN stays NaN and is passed over.

    Parameters
    ----------
    values : (N,) float64
    weight
        Of the past: 0 changes nothing, 0.99 averages over some hundred values.
    """
    smoothed = np.full_like(values, np.nan)
    mean, norm = 0.0, 0.0
    for i, value in enumerate(values):
        if np.isfinite(value):
            mean = weight * mean + (1 - weight) * value
            norm = weight * norm + (1 - weight)
            smoothed[i] = mean / norm
    return smoothed


def losses_table(losses: Losses, network: str, weight: float) -> pd.DataFrame:
    """Rows of step, loss, raw and smooth value: positive ones, thinned out evenly to what a screen shows."""
    keep = thinned(len(losses), POINTS_SHOWN)
    parts = []
    for name, values in losses.values.items():
        if name.partition("/")[0] != network:
            continue
        data = {"step": losses.steps[keep], "raw": values[keep], "smooth": smooth(values, weight)[keep]}
        part = pd.DataFrame(data).assign(loss=(name.partition("/")[2] or name).replace("_", " "))
        parts.append(part[(part["raw"] > 0) & (part["smooth"] > 0)])
    return (
        pd.concat(parts, ignore_index=True)
        if parts
        else pd.DataFrame(columns=["step", "raw", "smooth", "loss"])
    )


def losses_chart(table: pd.DataFrame, names: Sequence[str]) -> alt.LayerChart | alt.FacetChart:
    """Smooth lines over faint raw ones on a logarithmic scale; a click in the legend picks one."""
    pick = alt.selection_point(fields=["loss"], bind="legend")
    colour = alt.Color(
        "loss:N",
        scale=alt.Scale(domain=list(names), range=COLOURS),
        legend=alt.Legend(orient="top", title=None, columns=4, labelLimit=150, symbolOpacity=1),
    )
    x = alt.X("step:Q", title=_("step"), axis=alt.Axis(format=",d", tickMinStep=1))
    scale = alt.Scale(type="log", nice=False, padding=8)
    axis = alt.Axis(tickCount=5, format="~g", gridOpacity=0.5)
    base = alt.Chart(table)
    has_one_step = table["step"].nunique() == 1  # of which a line would show nothing
    faint = base.mark_line(strokeWidth=1).encode(
        x=x,
        y=alt.Y("raw:Q", title=_("loss, log scale"), scale=scale, axis=axis),
        color=colour,
        opacity=alt.condition(pick, alt.value(0.22), alt.value(0.0)),
    )
    strong = base.mark_line(strokeWidth=2, point=has_one_step).encode(
        x=x,
        y=alt.Y("smooth:Q", scale=scale, axis=axis),
        color=colour,
        opacity=alt.condition(pick, alt.value(1.0), alt.value(0.08)),
        tooltip=[
            alt.Tooltip("loss", title=_("loss")),
            alt.Tooltip("step", title=_("step")),
            alt.Tooltip("smooth:Q", format=".4g", title=_("smooth")),
            alt.Tooltip("raw:Q", format=".4g", title=_("raw")),
        ],
    )
    return alt.layer(faint, strong).add_params(pick).properties(height=300)


def thinned(count: int, most: int) -> np.ndarray:
    """Give evenly spread places among ``count``, the last among them: all, or about ``most``."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))
