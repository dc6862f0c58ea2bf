"""A row of small pictures to choose from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import streamlit as st

from dashboard.shared.resources import component


@dataclass(frozen=True)
class Picture:
    """One picture of a row: what a click reports, what is seen, what is read aloud."""

    id: str
    src: str
    label: str


def show_pictures(
    pictures: Sequence[Picture],
    *,
    key: str,
    on_pick: Callable[[str], None],
    selected: str = "",
    columns: int = 0,
) -> None:
    """Show the row; a click calls ``on_pick`` with the id of one of these pictures before the page is drawn again.

    With ``columns`` it is a grid of large pictures, and a click brings no other drawing for the pen to wait for. A
    picture without ``src`` is still to come.
    """

    def picked() -> None:
        choice = st.session_state[key].get("picked")
        if choice in [picture.id for picture in pictures]:  # a browser may send anything
            on_pick(choice)

    data = {"pictures": [asdict(picture) for picture in pictures], "selected": selected, "columns": columns}
    component("shared/gallery")(
        key=key, data=data, on_picked_change=picked, width="stretch", height="content"
    )
