"""The row above the photo: live or by hand, convert, download."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import streamlit as st

from dashboard.drawing import has_ink, strokes_file
from dashboard.generator_cards import cards
from dashboard.state import CONVERT, LIVE, Drawing, Shown


def show_convert() -> tuple[bool, bool]:
    """Show the switch and, where it is off, the button; return ``(is_live, is_asked)``."""
    is_live = st.toggle("Live", key=LIVE, persist_state="session")
    if is_live:
        return True, False
    return False, st.button("Convert", key=CONVERT, type="primary")


def show_downloads(drawing: Drawing, shown: Shown | None) -> None:
    """Show the menu; a file is made when it is asked for, never before."""
    is_drawn = has_ink(drawing.fabric) and drawing.sketch is not None
    made = shown.made if shown is not None else datetime.now()
    files = files_of(drawing, shown)
    menu = st.popover("Download", icon=":material/download:", key="download", disabled=not is_drawn)
    with menu.container(key="files", gap=None):
        for label, make in files.items():
            _button(label, make, made)


def files_of(drawing: Drawing, shown: Shown | None) -> dict[str, Callable[[], bytes] | None]:
    """What can be taken along, by label; None where there is nothing to make it from yet."""
    from dashboard import downloads

    files: dict[str, Callable[[], bytes] | None] = dict.fromkeys(
        ("Photo", "Refined sketch", "Drawing", "Side by side", "Strokes")
    )
    sketch = drawing.sketch
    if sketch is not None:
        files["Drawing"] = lambda: downloads.drawing_png(sketch)
        files["Strokes"] = lambda: strokes_file(drawing.fabric)
    if shown is not None and shown.result.photo is not None and shown.drawing.sketch is not None:
        drawn, result = shown.drawing.sketch, shown.result
        licence = cards([result.generator])[0].licence
        files["Photo"] = lambda: downloads.photo_png(result, licence=licence)
        files["Refined sketch"] = lambda: downloads.refined_png(result)
        files["Side by side"] = lambda: downloads.side_by_side_png(drawn, result, licence=licence)
    return files


def _button(label: str, make: Callable[[], bytes] | None, made: datetime) -> None:
    from dashboard.downloads import file_name

    extension, mime = ("json", "application/json") if label == "Strokes" else ("png", "image/png")
    st.download_button(
        label,
        data=make or b"",
        file_name=file_name(label, made, extension),
        mime=mime,
        key=f"download_{label.lower().replace(' ', '_')}",
        on_click="ignore",
        type="tertiary",
        width="stretch",
        disabled=make is None,
    )
