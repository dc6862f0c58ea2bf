"""The choice of a generator: one button that says which, a menu that shows what each makes of the drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

import streamlit as st

from dashboard.shared.networks import PAIRING, Abilities
from dashboard.shared.plain_text import as_text
from dashboard.shared.resources import asset_text, component
from dashboard.shared.texts import _
from dashboard.views.draw.state import GENERATOR, GENERATORS, DrawSession


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
    show = component(
        "studio_generators",
        html=f'<div class="list" role="listbox" aria-label="{_("Models")}"></div>',
        css=asset_text("views/draw/generator_menu.css"),
        js=asset_text("views/draw/send.js", "views/draw/generator_menu.js"),
    )
    with menu.container(key="generator_menu"):
        show(
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
