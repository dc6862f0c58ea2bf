"""Show the canvas with its toolbar and keys, and the trace overlay behind it.

The toolbar's scripts work on the canvas directly, in the browser: undo and redo, the guide laid over the paper, the
mirrored stroke and the pointer's shape need no round trip. Only the pen's colour and width do, so a stroke begun
meanwhile is held back until the canvas has them (``views/draw/gate.js``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

import streamlit as st

from dashboard.shared.networks import Abilities
from dashboard.shared.resources import asset_text, component, guide_url
from dashboard.shared.sent_values import is_number
from dashboard.shared.texts import _
from dashboard.views.draw.drawing import (
    ERASER,
    INK,
    MAX_POINTS,
    MAX_STROKES,
    PAPER,
    bounded_fabric,
    digest,
    has_ink,
    sketch_from_png,
)
from dashboard.views.draw.generator_menu import step_generator
from dashboard.views.draw.state import (
    ATTENTION,
    CANVAS,
    COMPARE,
    CONVERT,
    COUNTED,
    GHOST,
    STAGE1,
    TOOLBAR,
    Drawing,
    DrawSession,
    Tools,
)


def show_canvas(session: DrawSession) -> Drawing:
    """Show the paper and return what is on it.

    The paper is always 512 x 512; the toolbar's script stretches it to its column, so a narrow screen
    or a resized window changes no coordinate and loses no stroke. Only a new load replaces the drawing.
    """
    from streamlit_drawable_canvas import CanvasResult, st_canvas  # raises when imported outside Streamlit

    tools, load = session.tools, session.load

    def drawn() -> None:
        # Before anything else that came along with it is done: a page that is left, a drawing that is replaced.
        drawing = (st.session_state[CANVAS] or {}).get("drawing")
        drawing = drawing if isinstance(drawing, dict) else {}
        session.receive(_reported(CanvasResult(drawing.get("raw"), drawing.get("data"), True), session))

    erases = tools.tool == "eraser"
    result = st_canvas(
        stroke_width=tools.eraser if erases else tools.brush,
        stroke_color=ERASER if erases else INK,
        background_color="",  # any other colour, and a change of size, would wipe the drawing
        update_streamlit=True,
        width=PAPER,
        height=PAPER,
        drawing_mode="freedraw",
        initial_drawing=load,
        return_image_data=True,
        max_display_height=COUNTED * (1 + load["load"] % COUNTED) + tools.change,  # see views/draw/gate.js
        key=CANVAS,
        on_change=drawn,
    )
    return _reported(result, session)


def _reported(result: Any, session: DrawSession) -> Drawing:
    """What the canvas sent; the drawing that is known already is not decoded again."""
    raw = result.json_data or session.load
    before, given, was_whole, _name = session.report
    if raw != before:  # a page runs for much else than a stroke
        known = list(zip(before["objects"], given["objects"], strict=True)) if before and was_whole else []
        found, is_whole = bounded_fabric(raw, known)
        session.report = raw, found, is_whole, digest(found)
    _raw, fabric, is_whole, name = session.report
    if not is_whole:
        if session.cut_to(Drawing(fabric, None, name)):
            session.notice = _(
                "A drawing may have {strokes:,} strokes and {points:,} points. What was drawn last is beyond that and "
                "was taken off the paper; all before it is kept.",
                strokes=MAX_STROKES,
                points=MAX_POINTS,
            )
        return session.drawing
    session.is_cut = False
    if name == session.drawing.digest and session.drawing.sketch is not None:
        return session.drawing
    picture = _picture(result) if has_ink(fabric) else None
    return Drawing(fabric, None if picture is None else sketch_from_png(picture), name)


def _picture(result: Any) -> bytes | None:
    """The picture that the browser sent, as bytes: the package would decode one of any size."""
    try:
        found: bytes | None = result.image_bytes
    except (ValueError, AttributeError, TypeError):  # what was sent is no data URL
        return None
    return found


def show_ghost(url: str) -> None:
    """Lay a picture over the paper, or take it away with an empty address; it never touches the canvas."""
    with st.container(key="ghost_layer"):
        component("views/draw/overlay")(key=GHOST, data={"url": url, "canvas": f".st-key-{CANVAS}"})


BRUSH_PX = (1, 12)
ERASER_PX = (4, 80)
CLICKS = {  # keys that press what is elsewhere on the page
    "c": f".st-key-{CONVERT} button",
    "s": f".st-key-{COMPARE} button",
    "a": f".st-key-{ATTENTION} input",
    "w": f'[class*="st-key-{STAGE1}_"] button[aria-checked="false"]',
}
SCRIPTS = ("views/draw/gate.js", "views/draw/pinch.js", "views/draw/mirror.js")


def tools_from(change: Any, now: Tools) -> Tools:
    """The tools after a change made in the browser; what is out of range or unknown is left alone."""
    if not isinstance(change, Mapping):
        return now
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
    return int(value) if is_number(value, *limits) else now


def show_toolbar(session: DrawSession, abilities: Abilities) -> None:
    """Show the toolbar; what is pressed is carried out before the page is drawn again."""

    def changed() -> None:
        session.tools = tools_from(st.session_state[TOOLBAR].get("tools"), session.tools)

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
    component("views/draw/toolbar", *SCRIPTS)(
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
