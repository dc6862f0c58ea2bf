"""A finished comparison: what to judge by, the answer, and the sections under it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.compare.sources import datasets
from dashboard.compare.state import NOTICE, PROBLEM, SECTION, SHIPPED, choose_new, choose_result
from dashboard.components.compare_board import show_board, show_choices
from dashboard.components.compare_cases import show_cases
from dashboard.components.compare_export import show_export
from dashboard.components.compare_running import show_remove
from dashboard.components.compare_sections import (
    show_about,
    show_counts,
    show_map,
    show_pairs,
    show_steps,
)
from dashboard.components.compare_twins import show_twins

if TYPE_CHECKING:
    from eval.comparison.result import Column, Comparison
    from eval.comparison.shelf import Entry

NO_FACES = (
    "The photos behind the shipped comparison have a licence of their own and are not part of the product."
)
CASES, PAIRS, COUNTS, STEPS, MAP, TWINS, ABOUT = (
    "Cases", "Pairs", "Images needed", "Checkpoints", "Map", "Training photos", "Settings and sets",
)  # fmt: skip


def show_result(root: Path, entry: Entry, others: Sequence[Entry]) -> None:
    """The whole result is a fragment: choosing a figure or a section does not draw the page's frame again."""

    @st.fragment
    def show() -> None:
        assert entry.comparison is not None
        shown, column, earlier = show_choices(entry, entry.comparison, others)
        show_board(entry, shown, column, earlier)
        _show_deeds(root, entry)
        _show_sections(entry, shown, column)

    show()


def _show_deeds(root: Path, entry: Entry) -> None:
    with st.container(horizontal=True, key="compare_deeds"):
        repeats = st.button(
            "Repeat this comparison", icon=":material/replay:", key="compare_repeat", disabled=entry.request is None,
            help="Starts it again with the same settings." if entry.request is not None
            else "Nobody knows what it was asked for: it has no request.json.",
        )  # fmt: skip
        if repeats:
            _repeat(root, entry)
            st.rerun()
        show_export(entry)
        if entry.id != SHIPPED:
            show_remove(root, entry)


def _repeat(root: Path, entry: Entry) -> None:
    """Start the same comparison; where its files are not on this machine the form asks for others.

    The shipped one names no data: it takes the only dataset version that there is.
    """
    from eval.comparison.shelf import on_data, start

    assert entry.request is not None
    request = entry.request
    if entry.id == SHIPPED:
        versions = list(datasets().values())
        if len(versions) != 1:
            NOTICE.keep(f"{NO_FACES} Choose a dataset version or a folder of pairs below, and start it.")
            choose_new(entry.id)
            return
        request = on_data(request, versions[0])
    try:
        started = start(root, request)
    except (ValueError, OSError) as error:
        PROBLEM.keep(f"It cannot be repeated as it was: {error} Choose the data below, and start it.")
        choose_new(entry.id)
    else:
        choose_result(started.id)


def _show_sections(entry: Entry, comparison: Comparison, column: Column) -> None:
    sections: dict[str, Callable[[], None]] = {
        CASES: lambda: show_cases(entry, comparison, column),
        PAIRS: lambda: show_pairs(comparison, column),
        COUNTS: lambda: show_counts(comparison, column),
        STEPS: lambda: show_steps(comparison, column),
        MAP: lambda: show_map(comparison),
        TWINS: lambda: show_twins(entry, comparison),
        ABOUT: lambda: show_about(comparison),
    }
    if not any(curve.over == "step" for curve in comparison.curves):
        sections.pop(STEPS)
    with st.container(key="compare_section"):
        picked = st.segmented_control(
            "Section", list(sections), default=CASES, required=True, key=f"{SECTION}_{entry.id}",
            label_visibility="collapsed",
        ) or CASES  # fmt: skip
    sections.get(picked, sections[CASES])()
