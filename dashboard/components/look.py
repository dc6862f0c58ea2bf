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
    look, loads = session.look, session.look_loads
    is_refined = st.session_state.get(f"{MODE}_{loads}", look.mode) != "none"
    keep_lines = st.slider(
        "Keep my lines",
        0.0,
        1.0,
        look.keep_lines,
        step=0.05,
        key=f"{KEEP_LINES}_{loads}",
        disabled=not is_refined,
    )
    st.html('<p class="studio-ends"><span>a face seen in training</span><span>exactly mine</span></p>')
    mode = st.radio(
        "Refine",
        list(MODES),
        list(MODES).index(look.mode),
        key=f"{MODE}_{loads}",
        format_func=MODES.__getitem__,
        label_visibility="collapsed",
    )
    menu = st.popover("More", key="more", type="tertiary").container(key="more_menu")
    with menu:
        neighbour_count = st.slider(
            "Training faces to blend",
            1,
            20,
            look.neighbour_count,
            key=f"{NEIGHBOUR_COUNT}_{loads}",
            disabled=not is_refined,
        )
    session.look = Look(round(keep_lines, 2), mode, neighbour_count)
    return session.look, menu
