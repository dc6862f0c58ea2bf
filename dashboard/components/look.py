"""How the drawing becomes a face: keep my lines, what is refined, which training faces help."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.state import KEEP_LINES, MODE, NEIGHBOUR_COUNT, DrawSession, Look

MODES = {
    "hybrid": "Refine the face, keep my hair",
    "whole": "Refine everything",
    "none": "Use my lines as they are",
}


def show_look(session: DrawSession) -> tuple[Look, DeltaGenerator]:
    """Show the settings; return them, and the menu that has room for the training faces."""
    is_refined = st.session_state[MODE] != "none"
    keep_lines = st.slider(
        "Keep my lines", 0.0, 1.0, step=0.05, key=KEEP_LINES, disabled=not is_refined, persist_state="session"
    )
    st.html('<p class="studio-ends"><span>a face seen in training</span><span>exactly mine</span></p>')
    mode = st.radio(
        "Refine",
        list(MODES),
        key=MODE,
        format_func=MODES.__getitem__,
        label_visibility="collapsed",
        persist_state="session",
    )
    menu = st.popover("More", key="more", type="tertiary").container(key="more_menu")
    with menu:
        session.neighbour_count = st.slider(
            "Training faces to blend",
            1,
            20,
            session.neighbour_count,
            key=f"{NEIGHBOUR_COUNT}_{session.neighbour_loads}",
            disabled=not is_refined,
        )
    return Look(round(keep_lines, 2), mode, session.neighbour_count), menu
