"""Side by side: what every generator and both kinds of stage 1 make of one drawing, over the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from core.conversion.settings import STAGE1_KINDS, ConversionSettings
from dashboard.shared.networks import Abilities
from dashboard.shared.resources import asset_text, component, drawing_url
from dashboard.shared.texts import N_, _
from dashboard.views.draw.decisions import timing_text
from dashboard.views.draw.generator_menu import pick_generator
from dashboard.views.draw.state import COMPARE, COMPARISON, DrawSession

STAGE1_TITLES = {"whole": N_("Whole face"), "parts": N_("By parts")}


def show_compare_button(session: DrawSession, abilities: Abilities, *, is_drawn: bool) -> None:
    """Show the button that opens the comparison; nothing where there is nothing to compare."""
    if len(abilities.cards) < 2 and not abilities.has_parts:
        return

    def opened() -> None:
        session.is_comparing = True

    st.button(
        _("Side by side"), key=COMPARE, icon=":material/grid_view:", on_click=opened, disabled=not is_drawn
    )


def show_comparison(session: DrawSession, abilities: Abilities, ways: Sequence[ConversionSettings]) -> None:
    """Show the faces that are made already, and places for those that are still to come."""

    def closed() -> None:
        session.is_comparing = False

    def picked() -> None:
        choice = st.session_state[COMPARISON].get("picked")
        if isinstance(choice, int) and 0 <= choice < len(ways):
            pick_settings(session, ways[choice])

    show = component(
        "studio_comparison",
        html=asset_text("views/draw/side_by_side.html"),
        css=asset_text("views/draw/side_by_side.css"),
        js=asset_text(
            "assets/keys.js", "assets/texts.js", "views/draw/send.js", "views/draw/side_by_side.js"
        ),
    )
    show(
        key=COMPARISON,
        data={
            "tiles": tiles_of(session, abilities, ways),
            "selected": next((i for i, wanted in enumerate(ways) if wanted == session.settings), 0),
            "drawing": drawing_url(session.drawing.sketch),
        },
        on_picked_change=picked,
        on_closed_change=closed,
    )


def pick_settings(session: DrawSession, wanted: ConversionSettings) -> None:
    """Go on with one of the faces of the comparison."""
    session.is_comparing = False
    pick_generator(session, wanted.generator)
    session.set_settings(replace(session.settings, stage1=wanted.stage1))


def tiles_of(
    session: DrawSession, abilities: Abilities, ways: Sequence[ConversionSettings]
) -> list[dict[str, str]]:
    """What the browser shows of each way to make the face."""
    tiles = []
    for wanted in ways:
        card, made = abilities.card(wanted.generator), session.find(wanted)
        tile = {
            "title": card.title,
            "pairing": _(card.pairing),
            "stage": _(STAGE1_TITLES[wanted.stage1]) if wanted.mode != "none" else _("Lines as they are"),
            "src": "" if made is None else made.tile_url,
            "time": "" if made is None else timing_text(made.result.timings)[0],
            "trouble": session.trouble_with(wanted),
        }
        tiles.append(tile)
    return tiles


def all_ways(
    wanted: ConversionSettings, names: Sequence[str], *, has_parts: bool
) -> tuple[ConversionSettings, ...]:
    """Give the settings that are put side by side: both kinds of stage 1, each with every generator."""
    kinds = STAGE1_KINDS if has_parts and wanted.mode != "none" else (wanted.stage1,)
    return tuple(replace(wanted, stage1=kind, generator=name) for kind in kinds for name in names)
