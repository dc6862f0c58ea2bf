"""Show the canvas, and the trace overlay behind it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard.shared.resources import asset_text, component
from dashboard.views.draw.drawing import ERASER, INK, PAPER, digest, has_ink, sketch_from_png
from dashboard.views.draw.state import CANVAS, COUNTED, GHOST, Drawing, DrawSession


def show_canvas(session: DrawSession) -> Drawing:
    """Show the paper and return what is on it.

    The paper is always 512 x 512; the toolbar's script stretches it to its column, so a narrow screen
    or a resized window changes no coordinate and loses no stroke. Only a new load replaces the drawing.
    """
    from streamlit_drawable_canvas import CanvasResult, st_canvas  # raises when imported outside Streamlit

    tools, load = session.tools, session.load

    def drawn() -> None:
        # Before anything else that came along with it is done: a page that is left, a drawing that is replaced.
        drawing = (st.session_state[CANVAS] or {}).get("drawing") or {}
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
    fabric = {"objects": (result.json_data or session.load).get("objects", [])}
    name = digest(fabric)
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
    show = component("studio_ghost", html="<i></i>", js=asset_text("views/draw/overlay.js"))
    with st.container(key="ghost_layer"):
        show(key=GHOST, data={"url": url, "canvas": f".st-key-{CANVAS}"})
