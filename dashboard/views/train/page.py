"""The Train page: start a training, watch it, stop it, go on with it, take it into use."""

from __future__ import annotations

import streamlit as st

from dashboard.shared.plain_text import as_text
from dashboard.shared.resources import asset_text
from dashboard.views.train.form import show_form
from dashboard.views.train.run import show_run
from dashboard.views.train.run_list import show_list
from dashboard.views.train.state import chosen_run, wants_new


def show_page() -> None:
    """Runs on the left; the chosen one, or the form, on the right."""
    st.html(f"<style>{asset_text('assets/studio.css')}{asset_text('views/train/page.css')}</style>")
    with st.spinner("Loading …", show_time=False):  # PyTorch, for the first visitor after a start
        from core.training.runs import runs, runs_folder
    root = runs_folder()
    try:
        found = runs(root)
    except OSError as error:
        st.error(as_text(f"{root} cannot be read: {error}"), icon=":material/folder_off:")
        return
    chosen = chosen_run()
    if chosen is None and not wants_new() and found:
        chosen = next((run.name for run in found if run.is_alive), found[0].name)
    side, main = st.columns([1, 3.2], gap="large")
    with side:
        show_list(root, chosen)
    with main:
        if chosen is None:
            show_form(root, found)
        else:
            show_run(root, chosen)
