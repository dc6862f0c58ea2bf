"""The Overview page: what the library holds, in plots that lead to the images behind them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from curation.library.records import GROUP_PICTURE
from curation.library.table import Filters, select
from dashboard.shared.links import review_button, show_collect_link
from dashboard.shared.shared_library import needs_library
from dashboard.shared.texts import N_, _
from dashboard.views.review.filters import View

if TYPE_CHECKING:
    from curation.library.library import Library


@needs_library
def show_page(library: Library) -> None:
    """Pose, readings, sources and decisions."""
    table = library.table()
    if not table["yaw"].notna().any():
        st.info(_("No face has been judged yet. Add pictures on the Collect page."), icon=":material/info:")
        show_collect_link()
        return
    left, right = st.columns(2, gap="large")
    with left:
        _show(_("Pose"), pose_chart(table), table, {"yaw": "yaw", "pitch": "pitch"}, "pose")
        _show(_("Sources"), source_chart(table), table, {}, "sources")
        if (table["decision"].astype(str) != "").any():
            st.html(f'<p class="studio-label">{_("Decisions over time")}</p>')
            st.altair_chart(decisions_chart(table), width="stretch", key="chart_decisions")
    with right:
        for column, title in HISTOGRAMS.items():
            if table[column].notna().any():
                _show(_(title), histogram_chart(table, column), table, {"low": column}, column)


@st.fragment
def _show(title: str, chart: alt.Chart, table: pd.DataFrame, columns: dict[str, str], key: str) -> None:
    """A chart with a way to the images that were picked in it."""
    with st.container(horizontal=True, vertical_alignment="center", key=f"chart_head_{key}"):
        st.html(f'<p class="studio-label">{title}</p>')
        link = st.empty()
    event = st.altair_chart(chart, width="stretch", key=f"chart_{key}", on_select="rerun", theme="streamlit")
    view = picked_view(event.selection, columns)
    if view is None:
        link.html(f'<p class="studio-label overview-hint">{_("drag or click in it to pick images")}</p>')
        return
    with link:
        ranges = {column: (low, high) for column, low, high in view.ranges}
        count = len(select(table, Filters(source=view.source, ranges=ranges)))
        review_button(_("Review these {n:,}", n=count), view, key=f"chart_to_{key}", type="primary")


POINTS_SHOWN = 4000
# Okabe & Ito's palette (jfly.uni-koeln.de/color), which people with any colour vision tell apart; points differ in
# shape as well.
COLOURS = {
    N_("keep"): "#0072b2", N_("reject"): "#d55e00", N_("unsure"): "#f0e442", N_("undecided"): "#999999",
}  # fmt: skip
SHAPES = {"keep": "circle", "reject": "cross", "unsure": "triangle-up", "undecided": "square"}
HISTOGRAMS = {
    "sharpness": N_("Sharpness"),
    "eye_distance_px": N_("Distance between the eyes, px"),
    "covered": N_("Covered, probability"),
}


def pose_chart(table: pd.DataFrame) -> alt.Chart:
    """Yaw against pitch, coloured by what is kept; a drag picks a box."""
    found = table[table["yaw"].notna()]
    if len(found) > POINTS_SHOWN:
        found = found.sample(POINTS_SHOWN, random_state=0)
    data = pd.DataFrame({
        "yaw": found["yaw"].astype(float), "pitch": found["pitch"].astype(float),
        "state": _shown_state(found), "name": found["name"].astype(str),
    })  # fmt: skip
    box = alt.selection_interval(name="box")
    return (
        alt.Chart(data)
        .mark_point(size=44, opacity=0.75, filled=True, stroke="#00000066", strokeWidth=0.5)
        .encode(
            x=alt.X("yaw:Q", title=_("yaw, degrees")),
            y=alt.Y("pitch:Q", title=_("pitch, degrees")),
            color=_coloured(alt.Legend(orient="top")),
            shape=alt.Shape(
                "state:N", scale=_state_scale(SHAPES), title=None, legend=alt.Legend(orient="top")
            ),
            tooltip=_tooltip("name", "yaw", "pitch", "state"),
        )
        .add_params(box)
        .properties(height=280)
    )


def histogram_chart(table: pd.DataFrame, column: str) -> alt.Chart:
    """How many faces have which value; a drag picks a range."""
    values = table[column].astype(float)
    has_value = values.notna()
    state = _shown_state(table)[has_value]
    values = values[has_value]
    bins = np.histogram_bin_edges(values, bins=40) if len(values) else np.array([0.0, 1.0])
    place = np.clip(np.digitize(values, bins) - 1, 0, len(bins) - 2)
    counted = pd.DataFrame({"low": bins[place], "high": bins[place + 1], "state": np.asarray(state)})
    counted = counted.groupby(["low", "high", "state"], observed=True).size().reset_index(name="faces")
    box = alt.selection_interval(name="box", encodings=["x"])
    return (
        alt.Chart(counted)
        .mark_bar()
        .encode(
            x=alt.X("low:Q", title=_(HISTOGRAMS.get(column, column)), bin="binned"),
            x2="high:Q",
            y=alt.Y("faces:Q", title=_("faces")),
            color=_coloured(None),
            tooltip=_tooltip("low", "high", "state", "faces"),
        )
        .add_params(box)
        .properties(height=200)
    )


def source_chart(table: pd.DataFrame) -> alt.Chart:
    """What each source yields; a click picks it."""
    source = table["source"].astype(str)
    group = source.where(~source.str.startswith(GROUP_PICTURE), GROUP_PICTURE)
    states = pd.DataFrame({"group": group, "state": _shown_state(table)})
    counted = states.groupby(["group", "state"]).size().reset_index(name="images")
    named = json.dumps(_("faces of group pictures"))
    title = f"datum.label == '{GROUP_PICTURE}' ? {named} : datum.label"
    pick = alt.selection_point(name="pick", fields=["group"])
    return (
        alt.Chart(counted)
        .mark_bar()
        .encode(
            y=alt.Y("group:N", title=None, sort="-x", axis=alt.Axis(labelExpr=title)),
            x=alt.X("images:Q", title=_("images")),
            color=_coloured(None),
            opacity=alt.condition(pick, alt.value(1), alt.value(0.35)),
            tooltip=_tooltip("group", "state", "images"),
        )
        .add_params(pick)
        .properties(height=alt.Step(30))
    )


def decisions_chart(table: pd.DataFrame) -> alt.Chart:
    """Decisions of people over time, by the hour."""
    decided = table[table["decided_at"].notna() & (table["decision"].astype(str) != "")]
    hours = pd.to_datetime(decided["decided_at"]).dt.floor("h")
    data = pd.DataFrame({"hour": hours, "state": _named(decided["decision"].astype(str))})
    counted = data.groupby(["hour", "state"]).size().reset_index(name="images")
    return (
        alt.Chart(counted)
        .mark_bar()
        .encode(
            x=alt.X("hour:T", title=None),
            y=alt.Y("images:Q", title=_("decisions")),
            color=_coloured(None),
            tooltip=_tooltip("hour:T", "state", "images"),
        )
        .properties(height=200)
    )


def picked_view(selection: Any, columns: dict[str, str]) -> View | None:
    """What a chart's selection means for the Review page, or ``None`` where nothing is picked.

    Parameters
    ----------
    selection
        Of ``st.altair_chart``: a box, or picked groups.
    columns
        Field of the chart -> column of the table.
    """
    box = dict(selection.get("box") or {})
    ranges = tuple(
        sorted((columns[field], float(min(ends)), float(max(ends))) for field, ends in box.items() if field in columns)
    )  # fmt: skip
    if ranges:
        return View(ranges=ranges)
    groups = tuple(str(entry["group"]) for entry in selection.get("pick") or [] if "group" in entry)
    return View(source=groups) if groups else None


def _shown_state(table: pd.DataFrame) -> pd.Series:
    """The final state, and where nobody decided the machine's verdict."""
    state, verdict = table["state"].astype(str), table["verdict"].astype(str)
    return _named(state.where((state != "undecided") | ~verdict.isin(["keep", "reject"]), verdict))


def _named(states: pd.Series) -> pd.Series:
    return states.map({state: _(state) for state in COLOURS})


def _coloured(legend: alt.Legend | None) -> alt.Color:
    return alt.Color("state:N", scale=_state_scale(COLOURS), title=None, legend=legend)


def _state_scale(marks: dict[str, str]) -> alt.Scale:
    return alt.Scale(domain=[_(state) for state in marks], range=list(marks.values()))


# What pointing at a mark shows is named after the charts' fields.
FIELDS = (
    N_("name"), N_("yaw"), N_("pitch"), N_("state"), N_("low"), N_("high"), N_("faces"), N_("group"),
    N_("images"), N_("hour"),
)  # fmt: skip


def _tooltip(*fields: str) -> list[alt.Tooltip]:
    return [alt.Tooltip(field, title=_(field.partition(":")[0])) for field in fields]
