"""The Overview page: what the library holds, in plots that lead to the images behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from curation.library.table import Filters, select
from dashboard.shared.links import review_button
from dashboard.shared.shared_library import needs_library
from dashboard.shared.texts import _
from dashboard.views.overview.charts import (
    HISTOGRAMS,
    decisions_chart,
    histogram_chart,
    picked_view,
    pose_chart,
    source_chart,
)
from dashboard.views.review.filters import View

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

    from curation.library.library import Library


@needs_library
def show_page(library: Library) -> None:
    """Pose, readings, sources and decisions."""
    table = library.table()
    if not table["yaw"].notna().any():
        st.info(_("No face has been judged yet. Add pictures on the Collect page."), icon=":material/info:")
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
        label = _("Review these {n:,}", n=_count(table, view))
        review_button(label, view, key=f"chart_to_{key}", type="primary")


def _count(table: pd.DataFrame, view: View) -> int:
    ranges = {column: (low, high) for column, low, high in view.ranges}
    return len(select(table, Filters(source=view.source, ranges=ranges)))
