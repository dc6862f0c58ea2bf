"""A row for each part of the face: how far it keeps to the lines, how many faces help, or a random one."""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import cache
from typing import Any

import streamlit as st

from dashboard.shared.resources import asset_text
from dashboard.views.draw.looks import MAX_NEIGHBOURS, PART_TITLES, Look
from dashboard.views.draw.state import COUNTED, PARTS, DrawSession, Shown

HTML = """<div class="head"><span>Parts</span><button type="button" class="all"></button></div>
<div class="rows"></div>"""
SEEDS = 1_000_000


@cache
def _component() -> Any:
    return st.components.v2.component(
        "studio_parts",
        html=HTML,
        css=asset_text("views/draw/parts.css"),
        js=asset_text("assets/keys.js", "views/draw/send.js", "views/draw/parts.js"),
    )


def show_parts(session: DrawSession, *, is_refined: bool) -> None:
    """Show the rows; what is set there holds for its part alone, everything else follows the settings of all."""

    def changed() -> None:
        change = st.session_state[PARTS].get("changed") or {}
        session.look = look_after(change, session.look)
        session.part_change = change_number(change, session.part_change)

    _component()(
        key=PARTS,
        data={
            "rows": rows_of(session.look, session.shown),
            "change": session.part_change,
            "mostFaces": MAX_NEIGHBOURS,
            "isRefined": is_refined,
        },
        on_changed_change=changed,
        width="stretch",
        height="content",
    )


def rows_of(look: Look, shown: Shown | None) -> list[dict[str, Any]]:
    """What the browser shows of each part; without a face nothing is known to be missing."""
    drawn = {part.name: part.is_drawn for part in shown.result.parts} if shown is not None else {}
    seeds = dict(look.fill)
    rows = []
    for name, title in PART_TITLES.items():
        own = look.of_part(name)
        state = "drawn" if drawn.get(name, True) else "filled" if name in seeds else "missing"
        rows.append(
            {
                "name": name,
                "title": title,
                "state": state,
                "keep": own.keep_lines,
                "faces": own.neighbour_count,
                "isOwn": look.has_own(name),
            }
        )
    return rows


def look_after(change: Mapping[str, Any], look: Look) -> Look:
    """The look after a change made in the browser; what is out of range or unknown is left alone.

    Parameters
    ----------
    change
        ``do`` with ``names``: ``set`` (also ``keep`` and ``faces``), ``follow``, ``random`` or ``empty``.
    """
    names = [name for name in change.get("names", ()) if name in PART_TITLES]
    seed = random.randrange(SEEDS)  # one for all that are asked for at once: equal seeds are one person
    for name in names:
        if change.get("do") == "set":
            own = look.of_part(name)
            keep, faces = change.get("keep", own.keep_lines), change.get("faces", own.neighbour_count)
            if _is_number(keep, 0, 1) and _is_number(faces, 1, MAX_NEIGHBOURS):
                look = look.with_part(name, round(float(keep), 2), int(faces))
        elif change.get("do") == "follow":
            look = look.without_part(name)
        elif change.get("do") == "random":
            look = look.with_fill(name, seed)
        elif change.get("do") == "empty":
            look = look.with_fill(name, None)
    return look


def change_number(change: Mapping[str, Any], now: int) -> int:
    """How many changes the browser has made, for it to know which have arrived."""
    number = change.get("change")
    return number if isinstance(number, int) and 0 <= number < COUNTED else now


def _is_number(value: Any, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
