"""The Audit page: who did what, and when, for owners."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard.shared.audit import COLUMNS, read
from dashboard.shared.resources import asset_text

SHOWN = 1000


def show_page() -> None:
    """A table of the newest actions, filters, and all of it as CSV."""
    st.html(f"<style>{asset_text('assets/studio.css')}</style>")
    found = pd.DataFrame(read(), columns=list(COLUMNS))
    if found.empty:
        st.info("Nothing was added, exported, deleted, trained or imported yet.", icon=":material/history:")
        return
    found["who"] = found["who"].replace("", "(no sign-in)")
    who_side, action_side, csv_side = st.columns([2, 2, 1], vertical_alignment="bottom")
    who = who_side.multiselect("Who", sorted(found["who"].unique()), placeholder="Everybody")
    actions = action_side.multiselect("Action", sorted(found["action"].unique()), placeholder="All actions")
    chosen = found[
        found["who"].isin(who or found["who"].unique())
        & found["action"].isin(actions or found["action"].unique())
    ]
    csv_side.download_button(
        f"CSV ({len(chosen):,})", chosen.to_csv(index=False).encode(), "audit.csv", "text/csv", width="stretch",
        icon=":material/download:",
    )  # fmt: skip
    st.dataframe(chosen.head(SHOWN), hide_index=True, width="stretch", height="stretch")
    if len(chosen) > SHOWN:
        st.caption(f"The newest {SHOWN:,} of {len(chosen):,}; the CSV has all of them.")
    st.caption("Decisions on single images stand in the history of each, on Review.")
