"""Pen, eraser, sizes, undo, redo, clear, guide, mirror, and the keys for them.

The scripts in ``assets`` work on the canvas directly, in the browser: undo and redo, the guide laid over
the paper, the mirrored stroke and the pointer's shape need no round trip. Only the pen's colour and width
do, so a stroke begun meanwhile is held back until the canvas has them (``views/draw/gate.js``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import streamlit as st

from dashboard.shared.networks import Abilities
from dashboard.shared.resources import asset_text, component, guide_url
from dashboard.views.draw.drawing import has_ink
from dashboard.views.draw.generator_menu import step_generator
from dashboard.views.draw.state import (
    ATTENTION,
    CANVAS,
    COMPARE,
    CONVERT,
    COUNTED,
    STAGE1,
    TOOLBAR,
    Drawing,
    DrawSession,
    Tools,
)

BRUSH_PX = (1, 12)
ERASER_PX = (4, 80)
CLICKS = {  # keys that press what is elsewhere on the page
    "c": f".st-key-{CONVERT} button",
    "s": f".st-key-{COMPARE} button",
    "a": f".st-key-{ATTENTION} input",
    "w": f'[class*="st-key-{STAGE1}_"] button[aria-checked="false"]',
}
SCRIPTS = (
    "assets/keys.js",
    "assets/texts.js",
    "views/draw/gate.js",
    "views/draw/pinch.js",
    "views/draw/mirror.js",
    "views/draw/toolbar.js",
)


def tools_from(change: dict[str, Any], now: Tools) -> Tools:
    """The tools after a change made in the browser; what is out of range or unknown is left alone."""
    tool = change.get("tool", now.tool)
    return replace(
        now,
        tool=tool if tool in ("pen", "eraser") else now.tool,
        brush=_within(BRUSH_PX, change.get("brush"), now.brush),
        eraser=_within(ERASER_PX, change.get("eraser"), now.eraser),
        guide=bool(change.get("guide", now.guide)),
        ghost=bool(change.get("ghost", now.ghost)),
        mirror=bool(change.get("mirror", now.mirror)),
        change=_within((0, COUNTED - 1), change.get("change"), now.change),
    )


def _within(limits: tuple[int, int], value: Any, now: int) -> int:
    if isinstance(value, int | float) and limits[0] <= value <= limits[1]:
        return int(value)
    return now


def show_toolbar(session: DrawSession, abilities: Abilities) -> None:
    """Show the toolbar; what is pressed is carried out before the page is drawn again."""

    def changed() -> None:
        session.tools = tools_from(st.session_state[TOOLBAR].get("tools") or {}, session.tools)

    def stepped() -> None:
        by = st.session_state[TOOLBAR].get("generator")
        if by in (1, -1):
            step_generator(session, abilities, by)

    def when(name: str, act: Callable[[], None]) -> Callable[[], None]:
        def pressed() -> None:
            if st.session_state[TOOLBAR].get(name):
                act()

        return pressed

    data = {
        "tools": asdict(session.tools),
        "limits": {"brush": BRUSH_PX, "eraser": ERASER_PX},
        "paperCss": asset_text("views/draw/paper.css"),
        "guideUrl": guide_url(),
        "awaitsPixels": has_ink(session.drawing.fabric) and session.drawing.sketch is None,
        "canTakeBack": session.can_take_back,
        "canBringBack": bool(session.redo_loads),
        "canvas": f".st-key-{CANVAS}",
        "convert": f".st-key-{CONVERT} button",
        "clicks": CLICKS,
    }
    show = component(
        "studio_toolbar",
        html=asset_text("views/draw/toolbar.html"),
        css=asset_text("views/draw/toolbar.css"),
        js=asset_text(*SCRIPTS),
    )
    show(
        key=TOOLBAR,
        data=data,
        on_tools_change=changed,
        on_clear_change=when("clear", lambda: session.put_on_paper(Drawing())),
        on_undo_change=when("undo", session.take_back),
        on_redo_change=when("redo", session.bring_back),
        on_generator_change=stepped,
        width="stretch",
        height="content",
    )
