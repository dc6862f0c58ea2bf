"""The Audit page: who did what, and when, for owners."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard.shared.audit import COLUMNS, read
from dashboard.shared.resources import asset_text
from dashboard.shared.texts import _

SHOWN = 1000


def show_page() -> None:
    """A table of the newest actions, filters, and all of it as CSV."""
    st.html(f"<style>{asset_text('assets/studio.css')}</style>")
    found = pd.DataFrame(read(), columns=list(COLUMNS))
    if found.empty:
        st.info(
            _("Nothing was added, exported, deleted, trained or imported yet."), icon=":material/history:"
        )
        return
    found["who"] = found["who"].replace("", _("(no sign-in)"))
    who_side, action_side, csv_side = st.columns([2, 2, 1], vertical_alignment="bottom")
    who = who_side.multiselect(_("Who"), sorted(found["who"].unique()), placeholder=_("Everybody"))
    actions = action_side.multiselect(
        _("Action"), sorted(found["action"].unique()), placeholder=_("All actions")
    )
    chosen = found[
        found["who"].isin(who or found["who"].unique())
        & found["action"].isin(actions or found["action"].unique())
    ]
    csv_side.download_button(
        f"CSV ({len(chosen):,})", chosen.to_csv(index=False).encode(), "audit.csv", "text/csv", width="stretch",
        icon=":material/download:",
    )  # fmt: skip
    st.dataframe(chosen.head(SHOWN).rename(columns=_), hide_index=True, width="stretch", height="stretch")
    if len(chosen) > SHOWN:
        st.caption(
            _("The newest {shown:,} of {count:,}; the CSV has all of them.", shown=SHOWN, count=len(chosen))
        )
    st.caption(_("Decisions on single images stand in the history of each, on Review."))
