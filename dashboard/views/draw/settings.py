"""How the drawing becomes a face: keep my lines, what is refined and by which parts, which faces help."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.shared.networks import Abilities
from dashboard.views.draw.looks import MAX_NEIGHBOURS, Look, Mode, Stage1
from dashboard.views.draw.state import BY_PARTS, KEEP_LINES, MODE, NEIGHBOUR_COUNT, STAGE1, DrawSession

MODES: dict[Mode, str] = {
    "hybrid": "Refine the face, keep my hair",
    "whole": "Refine everything",
    "none": "Use my lines as they are",
}
STAGE1_KINDS: dict[Stage1, str] = {"whole": "Whole face", "parts": "By parts"}


def show_look(session: DrawSession, abilities: Abilities) -> tuple[Look, DeltaGenerator]:
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
    with st.container(key="refining", horizontal=True, vertical_alignment="center"):
        stage1 = _show_stage1(session, is_refined=is_refined) if abilities.has_parts else look.stage1
        menu = st.popover("More", key="more", type="tertiary").container(key="more_menu")
    with menu:
        neighbour_count = st.slider(
            "Training faces to blend",
            1,
            MAX_NEIGHBOURS,
            look.neighbour_count,
            key=f"{NEIGHBOUR_COUNT}_{loads}",
            disabled=not is_refined,
        )
    session.look = replace(
        look, keep_lines=round(keep_lines, 2), mode=mode, neighbour_count=neighbour_count, stage1=stage1
    )
    return session.look, menu


def _show_stage1(session: DrawSession, *, is_refined: bool) -> Stage1:
    def chosen() -> None:
        session.refused.pop(BY_PARTS, None)

    return st.segmented_control(
        "Refine as",
        list(STAGE1_KINDS),
        default=session.look.stage1,
        required=True,
        key=f"{STAGE1}_{session.look_loads}",
        format_func=STAGE1_KINDS.__getitem__,
        on_change=chosen,
        disabled=not is_refined,
        label_visibility="collapsed",
    )
