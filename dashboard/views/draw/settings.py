"""Say how the drawing becomes a face: keep my lines, what is refined, which faces help, and each part of the face."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.conversion.settings import MAX_NEIGHBOURS, ConversionSettings, Mode, Stage1
from dashboard.shared.networks import Abilities
from dashboard.shared.resources import component
from dashboard.shared.sent_values import is_number
from dashboard.shared.texts import N_, _
from dashboard.views.draw.state import (
    BY_PARTS,
    COUNTED,
    KEEP_LINES,
    MODE,
    NEIGHBOUR_COUNT,
    PARTS,
    STAGE1,
    DrawSession,
    Shown,
)

MODES: dict[Mode, str] = {
    "hybrid": N_("Refine the face, keep my hair"),
    "whole": N_("Refine everything"),
    "none": N_("Use my lines as they are"),
}
STAGE1_TITLES: dict[Stage1, str] = {"whole": N_("Whole face"), "parts": N_("By parts")}


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
        list(STAGE1_TITLES),
        default=session.settings.stage1,
        required=True,
        key=f"{STAGE1}_{session.settings_loads}",
        format_func=lambda kind: _(STAGE1_TITLES[kind]),
        on_change=chosen,
        disabled=not is_refined,
        label_visibility="collapsed",
    )


SEEDS = 1_000_000
PART_TITLES = {
    "eye_left": N_("Left eye"),
    "eye_right": N_("Right eye"),
    "nose": N_("Nose"),
    "mouth": N_("Mouth"),
    "remainder": N_("The rest"),
}


def show_parts(session: DrawSession, *, is_refined: bool) -> None:
    """Show the rows; what is set there holds for its part alone, everything else follows the settings of all."""

    def changed() -> None:
        change = st.session_state[PARTS].get("changed")
        change = change if isinstance(change, Mapping) else {}
        session.settings = settings_after(change, session.settings)
        if is_number(change.get("change"), 0, COUNTED - 1):  # for the browser to know which have arrived
            session.part_change = int(change["change"])

    component("views/draw/parts")(
        key=PARTS,
        data={
            "rows": rows_of(session.settings, session.shown),
            "change": session.part_change,
            "mostFaces": MAX_NEIGHBOURS,
            "isRefined": is_refined,
        },
        on_changed_change=changed,
        width="stretch",
        height="content",
    )


def rows_of(wanted: ConversionSettings, shown: Shown | None) -> list[dict[str, Any]]:
    """What the browser shows of each part; without a face nothing is known to be missing."""
    drawn = {part.name: part.is_drawn for part in shown.result.parts} if shown is not None else {}
    seeds = dict(wanted.fill)
    rows = []
    for name, title in PART_TITLES.items():
        own = wanted.of_part(name)
        state = "drawn" if drawn.get(name, True) else "filled" if name in seeds else "missing"
        rows.append(
            {
                "name": name,
                "title": _(title),
                "state": state,
                "keep": own.t,
                "faces": own.k,
                "isOwn": wanted.has_own(name),
            }
        )
    return rows


def settings_after(change: Mapping[str, Any], wanted: ConversionSettings) -> ConversionSettings:
    """The settings after a change made in the browser; what is out of range or unknown is left alone.

    Parameters
    ----------
    change
        ``do`` with ``names``: ``set`` (also ``keep`` and ``faces``), ``follow``, ``random`` or ``empty``.
    """
    wanted_names = change.get("names")
    wanted_names = wanted_names if isinstance(wanted_names, list) else []
    names = [name for name in PART_TITLES if name in wanted_names]  # each once, however many were sent
    seed = random.randrange(SEEDS)  # one for all that are asked for at once: equal seeds are one person
    for name in names:
        if change.get("do") == "set":
            own = wanted.of_part(name)
            keep, faces = change.get("keep", own.t), change.get("faces", own.k)
            if is_number(keep, 0, 1) and is_number(faces, 1, MAX_NEIGHBOURS):
                wanted = wanted.with_part(name, round(float(keep), 2), int(faces))
        elif change.get("do") == "follow":
            wanted = wanted.without_part(name)
        elif change.get("do") == "random":
            wanted = wanted.with_fill(name, seed)
        elif change.get("do") == "empty":
            wanted = wanted.with_fill(name, None)
    return wanted
