"""The ghost behind the pen: the training faces that the drawing is on its way to, faint, to trace or to ignore."""

from __future__ import annotations

from functools import cache
from typing import Any

import streamlit as st

from dashboard.resources import asset_text
from dashboard.state import CANVAS, GHOST


@cache
def _component() -> Any:
    return st.components.v2.component("studio_ghost", html="<i></i>", js=asset_text("ghost.js"))


def show_ghost(url: str) -> None:
    """Lay a picture over the paper, or take it away with an empty address; it never touches the canvas."""
    with st.container(key="ghost_layer"):
        _component()(key=GHOST, data={"url": url, "canvas": f".st-key-{CANVAS}"})
