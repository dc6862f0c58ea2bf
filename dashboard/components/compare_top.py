"""The kept comparisons to choose from, and the way to a new one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.compare.state import LIST, NOTICE, choose_new, choose_result
from dashboard.compare.words import caption_of, titles_of

if TYPE_CHECKING:
    from eval.comparison.shelf import Entry


def show_top(found: Sequence[Entry], chosen: str | None) -> None:
    """A menu of results, a button for a new one, and a line for those that have no result yet."""
    titles = titles_of(found)
    with st.container(horizontal=True, vertical_alignment="bottom", key="compare_top"):
        if found:
            st.session_state[LIST] = chosen if chosen in titles else None
            st.selectbox(
                "Comparison", list(titles), key=LIST, on_change=_picked, args=(tuple(titles),), width="stretch",
                placeholder="A new one, below. Or choose an earlier one.",
                format_func=lambda name: titles.get(name, name),
            )  # fmt: skip
        st.button(
            "New comparison", icon=":material/add:", key="compare_new", on_click=choose_new,
            type="primary" if chosen is None else "secondary",
        )  # fmt: skip
    others = [one for one in found if one.state != "done" and one.id != chosen]
    if others:
        st.text("Without a result: " + " · ".join(f"{titles[one.id]} ({caption_of(one)})" for one in others))


def _picked(ids: Sequence[str]) -> None:
    """Choose what was picked; the browser sends an option's text, which may be of a list that has changed since."""
    picked = st.session_state.get(LIST)
    if picked in ids:
        choose_result(str(picked))
    elif picked:
        NOTICE.keep(f"The list has changed: there is no {picked} any more. Choose again.")
