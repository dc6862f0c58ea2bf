"""Show the Train page: start a training, watch it, stop it, go on with it, take it into use."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.training.runs import runs, runs_folder
from dashboard.shared.plain_text import as_text
from dashboard.shared.resources import asset_text
from dashboard.shared.texts import _
from dashboard.views.train.form import show_form
from dashboard.views.train.formatting import ICONS, caption_of
from dashboard.views.train.run import POLL_ALIVE_S, POLL_S, show_run
from dashboard.views.train.state import LIST, NEW, RUN, choose_new, choose_run


def show_list(root: Path, selected: str | None) -> None:
    """A button for a new training, and the runs with how far each is; kept up to date."""
    st.button(
        _("New training"), icon=":material/add:", type="primary" if selected is None else "secondary",
        width="stretch", key="train_new", on_click=choose_new,
    )  # fmt: skip

    is_busy = any(run.is_alive for run in runs(root))

    @st.fragment(run_every=POLL_ALIVE_S if is_busy else POLL_S)
    def follow() -> None:
        found = {run.name: run for run in runs(root)}
        if not found:
            st.caption(_("No training yet. Whatever runs goes on when this page is closed."))
            return
        names = list(found)
        st.session_state[LIST] = selected if selected in found else None
        picked = st.radio(
            _("Trainings"), names, key=LIST, label_visibility="collapsed",
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


def show_page() -> None:
    """Runs on the left; the chosen one, or the form, on the right."""
    st.html(f"<style>{asset_text('views/train/page.css')}</style>")
    root = runs_folder()
    try:
        found = runs(root)
    except OSError as error:
        st.error(
            as_text(_("{root} cannot be read: {error}", root=root, error=error)), icon=":material/folder_off:"
        )
        return
    chosen = st.query_params.get(RUN)
    if chosen is None and NEW not in st.query_params and found:
        chosen = next((run.name for run in found if run.is_alive), found[0].name)
    side, main = st.columns([1, 3.2], gap="large")
    with side:
        show_list(root, chosen)
    with main:
        if chosen is None:
            show_form(root, found)
        else:
            show_run(root, chosen)
