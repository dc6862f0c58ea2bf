"""Choose a generator: a menu that shows what each makes of the drawing, and all of them side by side over the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

import streamlit as st

from core.conversion.settings import STAGE1_KINDS, ConversionSettings
from dashboard.shared.networks import PAIRING, Abilities
from dashboard.shared.plain_text import as_text
from dashboard.shared.resources import component, drawing_url
from dashboard.shared.texts import _
from dashboard.views.draw.decisions import timing_text
from dashboard.views.draw.settings import STAGE1_TITLES
from dashboard.views.draw.state import COMPARE, COMPARISON, GENERATOR, GENERATORS, DrawSession


def show_generators(session: DrawSession, abilities: Abilities, pictures: Mapping[str, str]) -> bool:
    """Show the button and its menu; return whether the menu is open. Nothing where there is no choice.

    Parameters
    ----------
    pictures
        A photo by each generator, ready for HTML; missing ones are shown as being made.
    """
    if len(abilities.cards) < 2:
        return False
    menu = st.popover(
        as_text(abilities.card(session.settings.generator).title),
        key=GENERATOR,
        on_change="rerun",
    )
    if not menu.open:
        return False

    def picked() -> None:
        choice = st.session_state[GENERATORS].get("picked")
        if choice in abilities.names:
            pick_generator(session, str(choice))
            st.session_state[GENERATOR] = False

    rows = [
        asdict(card)
        | {"pairing": _(PAIRING.get(card.pairing, "")), "line": card.line()}
        | {"src": pictures.get(card.name, ""), "trouble": session.refused.get(card.name, "")}
        for card in abilities.cards
    ]
    with menu.container(key="generator_menu"):
        component("views/draw/generator_menu")(
            key=GENERATORS,
            data={"rows": rows, "selected": session.settings.generator},
            on_picked_change=picked,
            width="stretch",
            height="content",
        )
    return True


def pick_generator(session: DrawSession, name: str) -> None:
    """Paint with another generator from now on; one that failed before gets another chance."""
    session.refused.pop(name, None)
    session.settings = replace(session.settings, generator=name)


def step_generator(session: DrawSession, abilities: Abilities, by: int) -> None:
    """Paint with the generator ``by`` places further down the menu."""
    if abilities.names:
        pick_generator(session, next_generator(session.settings.generator, abilities.names, by))


def next_generator(now: str, names: Sequence[str], by: int) -> str:
    """Give the generator ``by`` places further in the list, around its end."""
    if not names:
        return now
    place = list(names).index(now) + by if now in names else 0
    return names[place % len(names)]


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

    component("views/draw/side_by_side")(
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
