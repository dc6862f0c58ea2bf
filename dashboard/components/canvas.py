"""The drawing surface. The only place that knows the canvas package."""

from __future__ import annotations

from typing import Any

from dashboard.drawing import ERASER, INK, PAPER, digest, has_ink, sketch_from_png
from dashboard.state import CANVAS, COUNTED, Drawing, Tools


def show_canvas(tools: Tools, load: dict[str, Any], known: Drawing) -> Drawing:
    """Show the paper and return what is on it.

    The paper is always 512 x 512; the toolbar's script stretches it to its column, so a narrow screen
    or a resized window changes no coordinate and loses no stroke. Only a new ``load`` replaces the
    drawing. ``known`` spares decoding the same drawing again.

    Parameters
    ----------
    tools
        Pen or eraser, and its size.
    load
        Fabric JSON with a number ``load`` that differs for every replacement.
    known
        The drawing of the run before.
    """
    from streamlit_drawable_canvas import st_canvas  # raises when imported outside Streamlit

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
        max_display_height=COUNTED * (1 + load["load"] % COUNTED) + tools.change,  # see assets/gate.js
        key=CANVAS,
    )
    fabric = {"objects": (result.json_data or load).get("objects", [])}
    name = digest(fabric)
    if name == known.digest and known.sketch is not None:
        return known
    picture = _picture(result) if has_ink(fabric) else None
    return Drawing(fabric, None if picture is None else sketch_from_png(picture), name)


def _picture(result: Any) -> bytes | None:
    """The picture that the browser sent, as bytes: the package would decode one of any size."""
    try:
        found: bytes | None = result.image_bytes
    except (ValueError, AttributeError, TypeError):  # what was sent is no data URL
        return None
    return found
