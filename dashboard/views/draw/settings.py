"""How the drawing becomes a face: keep my lines, what is refined and by which parts, which faces help."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.conversion.settings import MAX_NEIGHBOURS, ConversionSettings, Mode, Stage1
from dashboard.shared.networks import Abilities
from dashboard.shared.texts import N_, _
from dashboard.views.draw.state import BY_PARTS, KEEP_LINES, MODE, NEIGHBOUR_COUNT, STAGE1, DrawSession

MODES: dict[Mode, str] = {
    "hybrid": N_("Refine the face, keep my hair"),
    "whole": N_("Refine everything"),
    "none": N_("Use my lines as they are"),
}
STAGE1_KINDS: dict[Stage1, str] = {"whole": N_("Whole face"), "parts": N_("By parts")}


def show_settings(session: DrawSession, abilities: Abilities) -> tuple[ConversionSettings, DeltaGenerator]:
    """Show the settings; return them, and the menu that has room for the training faces."""
    wanted, loads = session.settings, session.settings_loads
    is_refined = st.session_state.get(f"{MODE}_{loads}", wanted.mode) != "none"
    t = st.slider(
        _("Keep my lines"),
        0.0,
        1.0,
        wanted.t,
        step=0.05,
        key=f"{KEEP_LINES}_{loads}",
        disabled=not is_refined,
    )
    st.html(
        f'<p class="studio-ends"><span>{_("a face seen in training")}</span><span>{_("exactly mine")}</span></p>'
    )
    mode = st.radio(
        _("Refine"),
        list(MODES),
        list(MODES).index(wanted.mode),
        key=f"{MODE}_{loads}",
        format_func=lambda mode: _(MODES[mode]),
        label_visibility="collapsed",
    )
    with st.container(key="refining", horizontal=True, vertical_alignment="center"):
        stage1 = _show_stage1(session, is_refined=is_refined) if abilities.has_parts else wanted.stage1
        menu = st.popover(_("More"), key="more", type="tertiary").container(key="more_menu")
    with menu:
        k = st.slider(
            _("Training faces to blend"),
            1,
            MAX_NEIGHBOURS,
            wanted.k,
            key=f"{NEIGHBOUR_COUNT}_{loads}",
            disabled=not is_refined,
        )
    session.settings = replace(wanted, t=round(t, 2), mode=mode, k=k, stage1=stage1)
    return session.settings, menu


def _show_stage1(session: DrawSession, *, is_refined: bool) -> Stage1:
    def chosen() -> None:
        session.refused.pop(BY_PARTS, None)

    return st.segmented_control(
        _("Refine as"),
        list(STAGE1_KINDS),
        default=session.settings.stage1,
        required=True,
        key=f"{STAGE1}_{session.settings_loads}",
        format_func=lambda kind: _(STAGE1_KINDS[kind]),
        on_change=chosen,
        disabled=not is_refined,
        label_visibility="collapsed",
    )
