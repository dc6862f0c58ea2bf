"""What the Train page remembers of a visitor, and its part of the address."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard.shared.flash_message import FlashMessage

RUN, NEW, DATA = "run", "new", "data"  # in the address
LIST, SAMPLE, SMOOTHING, NETWORK = "train_list", "train_sample", "train_smoothing", "train_network"
PROBLEM = FlashMessage("train_problem")  # above what is shown next
_DATA_TAKEN = "train_data_taken"


def wanted_data() -> Path | None:
    """The folder of pairs that the address fills the form in with, the first time that it is asked."""
    data = st.query_params.get(DATA)
    if data is None or "\0" in data or st.session_state.get(_DATA_TAKEN) == data:
        return None
    st.session_state[_DATA_TAKEN] = data
    return Path(data)


def choose_run(name: str) -> None:
    """Show a run."""
    st.query_params.from_dict({RUN: name})


def choose_new() -> None:
    """Show the form."""
    st.query_params.from_dict({NEW: "1"})


def choose_nothing() -> None:
    """Let the page choose."""
    st.query_params.clear()
