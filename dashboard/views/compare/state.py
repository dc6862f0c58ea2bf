"""What the Compare page remembers of a visitor, and its part of the address."""

from __future__ import annotations

import streamlit as st

from dashboard.shared.flash_message import FlashMessage

RESULT, NEW, SHIPPED = "result", "new", "shipped"  # in the address
MODEL = "model"  # in the address of the form: the generator that it is about
REPEATED = "of"  # in the address of the form: which comparison is repeated
LIST, COLUMN, LABEL, BESIDE, SECTION = (
    "compare_list", "compare_column", "compare_label", "compare_beside", "compare_section",
)  # fmt: skip
ORDER, PAGE = "compare_order", "compare_page"
PROBLEM, NOTICE = FlashMessage("compare_problem"), FlashMessage("compare_notice")  # above what is shown next
_ROWS = "compare_rows"


def choose_result(entry_id: str) -> None:
    """Show a comparison."""
    st.query_params.from_dict({RESULT: entry_id})


def choose_new(repeated: str = "") -> None:
    """Show the form, with the settings of an earlier comparison where one is named."""
    st.query_params.from_dict({NEW: "1"} | ({REPEATED: repeated} if repeated else {}))


def choose_nothing() -> None:
    """Let the page choose."""
    st.query_params.clear()


def own_sets() -> list[int]:
    """Numbers of the rows for outputs of one's own in the form; never used twice."""
    rows: list[int] = st.session_state.setdefault(_ROWS, [])
    return rows


def add_own_set() -> None:
    """One more row."""
    number = st.session_state.get(f"{_ROWS}_next", 0)
    st.session_state[f"{_ROWS}_next"] = number + 1
    own_sets().append(number)


def drop_own_set(number: int) -> None:
    """One row less."""
    if number in own_sets():
        own_sets().remove(number)
