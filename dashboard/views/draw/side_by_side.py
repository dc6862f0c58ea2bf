"""Side by side: what every generator and both kinds of stage 1 make of one drawing, over the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import streamlit as st

from dashboard.shared.networks import Abilities
from dashboard.shared.resources import asset_text, drawing_url
from dashboard.views.draw.decisions import timing_text
from dashboard.views.draw.generator_menu import pick_generator
from dashboard.views.draw.looks import Look
from dashboard.views.draw.state import COMPARE, COMPARISON, DrawSession

STAGE1_TITLES = {"whole": "Whole face", "parts": "By parts"}


@cache
def _component() -> Any:
    return st.components.v2.component(
        "studio_comparison",
        html=asset_text("views/draw/side_by_side.html"),
        css=asset_text("views/draw/side_by_side.css"),
        js=asset_text("assets/keys.js", "views/draw/send.js", "views/draw/side_by_side.js"),
    )


def show_compare_button(session: DrawSession, abilities: Abilities, *, is_drawn: bool) -> None:
    """Show the button that opens the comparison; nothing where there is nothing to compare."""
    if len(abilities.cards) < 2 and not abilities.has_parts:
        return

    def opened() -> None:
        session.is_comparing = True

    st.button(
        "Compare",
        key=COMPARE,
        icon=":material/grid_view:",
        on_click=opened,
        disabled=not is_drawn,
    )


def show_comparison(session: DrawSession, abilities: Abilities, looks: Sequence[Look]) -> None:
    """Show the faces that are made already, and places for those that are still to come."""

    def closed() -> None:
        session.is_comparing = False

    def picked() -> None:
        choice = st.session_state[COMPARISON].get("picked")
        if isinstance(choice, int) and 0 <= choice < len(looks):
            pick_look(session, looks[choice])

    _component()(
        key=COMPARISON,
        data={
            "tiles": tiles_of(session, abilities, looks),
            "selected": next((i for i, look in enumerate(looks) if look == session.look), 0),
            "drawing": drawing_url(session.drawing.sketch),
        },
        on_picked_change=picked,
        on_closed_change=closed,
    )


def pick_look(session: DrawSession, look: Look) -> None:
    """Go on with one of the faces of the comparison."""
    session.is_comparing = False
    pick_generator(session, look.generator)
    session.set_look(replace(session.look, stage1=look.stage1))


def tiles_of(session: DrawSession, abilities: Abilities, looks: Sequence[Look]) -> list[dict[str, str]]:
    """What the browser shows of each way to make the face."""
    tiles = []
    for look in looks:
        card, made = abilities.card(look.generator), session.find(look)
        tile = {
            "title": card.title,
            "pairing": card.pairing,
            "stage": STAGE1_TITLES[look.stage1] if look.mode != "none" else "Lines as they are",
            "src": "" if made is None else made.tile_url,
            "time": "" if made is None else timing_text(made.result.timings)[0],
            "trouble": session.trouble_with(look),
        }
        tiles.append(tile)
    return tiles
