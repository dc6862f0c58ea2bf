"""A row for each part of the face: how far it keeps to the lines, how many faces help, or a random one."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.conversion.settings import MAX_NEIGHBOURS, ConversionSettings
from dashboard.shared.resources import asset_text, component
from dashboard.shared.texts import N_, _
from dashboard.views.draw.state import COUNTED, PARTS, DrawSession, Shown

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
        change = st.session_state[PARTS].get("changed") or {}
        session.settings = settings_after(change, session.settings)
        session.part_change = change_number(change, session.part_change)

    show = component(
        "studio_parts",
        html=f'<div class="head"><span>{_("Parts")}</span><button type="button" class="all"></button></div>'
        '<div class="rows"></div>',
        css=asset_text("views/draw/parts.css"),
        js=asset_text("assets/keys.js", "assets/texts.js", "views/draw/send.js", "views/draw/parts.js"),
    )
    show(
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
    names = [name for name in change.get("names", ()) if name in PART_TITLES]
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


def change_number(change: Mapping[str, Any], now: int) -> int:
    """How many changes the browser has made, for it to know which have arrived."""
    number = change.get("change")
    return number if isinstance(number, int) and 0 <= number < COUNTED else now


def is_number(value: Any, low: float, high: float) -> bool:
    """Tell whether what a browser sent is a number within bounds."""
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
