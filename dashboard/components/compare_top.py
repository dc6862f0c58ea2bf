"""The kept comparisons to choose from, and the way to a new one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.compare.state import LIST, choose_new, choose_result
from dashboard.compare.words import ICONS, title_of

if TYPE_CHECKING:
    from eval.comparison.shelf import Entry


def show_top(found: Sequence[Entry], chosen: str | None) -> None:
    """A menu of results and a button for a new one."""
    by_id = {entry.id: entry for entry in found}
    with st.container(horizontal=True, vertical_alignment="bottom", key="compare_top"):
        if found:
            st.session_state[LIST] = chosen if chosen in by_id else None
            st.selectbox(
                "Comparison", list(by_id), key=LIST, on_change=_picked, width="stretch",
                placeholder="A new one, below. Or choose an earlier one.",
                format_func=lambda name: _line(by_id[name]) if name in by_id else name,
            )  # fmt: skip
        st.button(
            "New comparison", icon=":material/add:", key="compare_new", on_click=choose_new,
            type="primary" if chosen is None else "secondary",
        )  # fmt: skip


def _line(entry: Entry) -> str:
    mark = {"done": "", "running": "▶ "}.get(entry.state, "⚠ ")
    return mark + title_of(entry)


def _picked() -> None:
    if st.session_state.get(LIST):
        choose_result(str(st.session_state[LIST]))


def icon_of(entry: Entry) -> str:
    """Its state as an icon."""
    return ICONS[entry.state]
