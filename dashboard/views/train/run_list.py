"""The runs of this machine, to choose one of."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard.shared.plain_text import as_text
from dashboard.views.train.formatting import ICONS, caption_of
from dashboard.views.train.state import LIST, choose_new, choose_run

POLL_ALIVE_S, POLL_S = 2.0, 8.0


def show_list(root: Path, selected: str | None) -> None:
    """A button for a new training, and the runs with how far each is; kept up to date."""
    from core.training.runs import runs

    st.button(
        "New training", icon=":material/add:", type="primary" if selected is None else "secondary",
        width="stretch", key="train_new", on_click=choose_new,
    )  # fmt: skip

    is_busy = any(run.is_alive for run in runs(root))

    @st.fragment(run_every=POLL_ALIVE_S if is_busy else POLL_S)
    def follow() -> None:
        found = {run.name: run for run in runs(root)}
        if not found:
            st.caption("No training yet. Whatever runs goes on when this page is closed.")
            return
        names = list(found)
        st.session_state[LIST] = selected if selected in found else None
        picked = st.radio(
            "Trainings", names, key=LIST, label_visibility="collapsed",
            format_func=lambda name: f"**{as_text(name)}**",  # the browser sends this text: no state in it
            captions=[f"{ICONS[run.state]} {caption_of(run)}" for run in found.values()],
        )  # fmt: skip
        if picked in found and picked != selected:
            choose_run(picked)
            st.rerun()
        if is_busy != any(run.is_alive for run in found.values()):
            st.rerun()

    with st.container(key="train_runs"):
        follow()
