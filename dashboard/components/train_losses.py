"""The losses of a run: which network's, and how smooth."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.train.charts import losses_chart, losses_table, networks_of
from dashboard.train.state import NETWORK, SMOOTHING

if TYPE_CHECKING:
    from core.training.run_files import Losses

SMOOTHINGS = {"off": 0.0, "some": 0.8, "more": 0.95, "much": 0.99}


def show_losses(run: Path) -> None:
    """The chart with its choices; a word where there is nothing yet."""
    losses = _losses(run)
    if not len(losses):
        st.html(
            '<div class="studio-blank train-blank"><p>Losses appear here after the first steps.</p></div>'
        )
        return
    networks = networks_of(losses)
    with st.container(horizontal=True, vertical_alignment="center", key="train_chart_head"):
        network = networks[0]
        if len(networks) > 1:
            network = st.segmented_control(
                "Losses of", networks, key=f"{NETWORK}_{'_'.join(networks)}", default=networks[0],
                required=True, label_visibility="collapsed", format_func=lambda name: name.replace("_", " "),
            ) or networks[0]  # fmt: skip
        smoothing = st.select_slider("Smoothing", list(SMOOTHINGS), value="some", key=SMOOTHING, width=190)
    table = losses_table(losses, network, SMOOTHINGS[smoothing])
    if table.empty:
        st.caption("No loss of it is above zero.")
        return
    names = list(dict.fromkeys(table["loss"]))
    st.altair_chart(losses_chart(table, names), width="stretch", theme="streamlit", key="train_chart")


def _losses(run: Path) -> Losses:
    from core.training.run_files import LOSSES_FILE

    try:
        stat = (run / LOSSES_FILE).stat()
    except OSError:
        return _read(run, 0, 0)
    return _read(run, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=16)
def _read(run: Path, _changed: int, _size: int) -> Losses:
    from core.training.run_files import read_losses

    return read_losses(run)
