"""Single cases as rows of pictures: sketch, refined, each model, truth; the worst, the best, the disputed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard.compare.pictures import Place, case_row, places_of
from dashboard.compare.state import ORDER, PAGE, SHIPPED
from dashboard.resources import asset_text
from eval.comparison.cases import best, disagreements, worst
from eval.comparison.wording import telling_column

if TYPE_CHECKING:
    from eval.comparison.result import Column, Comparison
    from eval.comparison.shelf import Entry

PER_PAGE = 8
BY_NAME, DISPUTED, DRAWINGS = "By name", "Where models disagree most", "Our own drawings"
GRID = "compare_grid"


@cache
def _component() -> Any:
    return st.components.v2.component(
        "studio_compare_grid",
        html=asset_text("compare_grid.html"),
        css=asset_text("compare_grid.css"),
        js=asset_text("keys.js", "compare_grid.js"),
    )


def show_cases(entry: Entry, comparison: Comparison, judged: Column) -> None:
    """The grid with its order, its difference maps and its pages."""
    names = [case.name for case in comparison.cases]
    places = places_of(comparison, entry.folder, [*names, *comparison.drawings])
    if not places:
        _show_no_pictures(entry)
        return
    has_cases = any(place.kind == "real" for place in places) or not comparison.drawings
    column = telling_column(comparison, judged)
    with st.container(horizontal=True, vertical_alignment="bottom", key="compare_row_head"):
        order = _ask_order(entry, comparison, column, has_cases=has_cases)
        is_map = st.toggle("Difference to the truth", key=f"compare_map_{entry.id}", disabled=not has_cases)
        page_place = st.container(width="content")
    if not has_cases:
        st.caption(_why_no_pictures(entry))
    ordered = (
        order_of(comparison, order, column) if has_cases or order == DRAWINGS else list(comparison.drawings)
    )
    pages = max(1, -(-len(ordered) // PER_PAGE))
    with page_place:
        page = _ask_page(f"{PAGE}_{entry.id}_{order}", pages)
    shown = ordered[(page - 1) * PER_PAGE : page * PER_PAGE]
    if column is not None and order != DRAWINGS:
        st.caption(
            f"Under each output: {column.title}{f', {column.unit}' if column.unit else ''} "
            f"({'higher' if column.higher_is_better else 'lower'} is better). Click a picture to enlarge its case; "
            "the arrow keys go on, D shows the difference."
        )
    _show_grid(entry, comparison, shown, places, column, is_map=is_map)


def order_of(comparison: Comparison, order: str, column: Column | None) -> list[str]:
    """Names of the cases in an order that `orders_of` offers."""
    names = [case.name for case in comparison.cases]
    if order == DRAWINGS:
        return list(comparison.drawings)
    if column is None or order == BY_NAME:
        return names
    if order == DISPUTED:
        return [found.name for found in disagreements(comparison, column.key, len(names))]
    how, _, model = order.partition(" of ")
    ranked = (worst if how == "Worst" else best)(comparison, model, column.key, len(names))
    return [found.name for found in ranked]


def orders_of(comparison: Comparison, column: Column | None, *, has_cases: bool) -> list[str]:
    """The orders that there are: by name, worst and best of each model, where models disagree, our drawings."""
    orders = [BY_NAME] if has_cases else []
    if column is not None and has_cases:
        scored = [model.name for model in comparison.models if model.case_scores.get(column.key)]
        orders += [f"Worst of {name}" for name in scored] + [f"Best of {name}" for name in scored]
        orders += [DISPUTED] if len(scored) > 1 else []
    return [*orders, DRAWINGS] if comparison.drawings else orders


def _ask_order(entry: Entry, comparison: Comparison, column: Column | None, *, has_cases: bool) -> str:
    orders = orders_of(comparison, column, has_cases=has_cases)
    key = f"{ORDER}_{entry.id}"
    if st.session_state.get(key) not in orders:
        st.session_state[key] = orders[0]
    return str(st.selectbox("Order of the cases", orders, key=key, width=280))


def _ask_page(key: str, pages: int) -> int:
    if pages == 1:
        return 1
    now = min(pages, max(1, int(st.session_state.get(key, 1))))

    def go(by: int) -> None:
        st.session_state[key] = min(pages, max(1, now + by))

    with st.container(horizontal=True, vertical_alignment="center", key="compare_pages", gap="small"):
        st.button(
            "Previous",
            icon=":material/chevron_left:",
            key=f"{key}_less",
            on_click=go,
            args=(-1,),
            disabled=now == 1,
        )
        st.markdown(f"{now} of {pages}", width="content")
        st.button(
            "Next", icon=":material/chevron_right:", icon_position="right", key=f"{key}_more", on_click=go,
            args=(1,), disabled=now == pages,
        )  # fmt: skip
    return now


def _show_grid(
    entry: Entry, comparison: Comparison, names: Sequence[str], places: Sequence[Place], column: Column | None,
    *, is_map: bool,
) -> None:  # fmt: skip
    rows = [
        case_row(comparison, entry.folder, name, places, column=column.key if column else "")
        for name in names
    ]
    if column is not None:
        for row in rows:
            _mark_ends(row["tiles"], higher=column.higher_is_better)
    _component()(
        key=GRID,
        data={
            "places": [{"kind": place.kind, "title": place.title} for place in places],
            "cases": rows,
            "column": column.title if column else "",
            "isMap": is_map,
        },
        width="stretch",
        height="content",
    )


def _mark_ends(tiles: list[dict[str, Any]], *, higher: bool) -> None:
    """The best and the worst output of a case, where they differ."""
    known = {
        place: float(tile["score"].replace(",", ""))
        for place, tile in enumerate(tiles)
        if _is_number(tile["score"])
    }
    if len(known) < 2 or len(set(known.values())) < 2:
        return
    ordered = sorted(known, key=lambda place: known[place], reverse=higher)
    tiles[ordered[0]]["mark"], tiles[ordered[-1]]["mark"] = "best", "worst"


def _is_number(text: str) -> bool:
    return bool(text) and text[0].isdigit() | text.startswith("-")


def _show_no_pictures(entry: Entry) -> None:
    st.html(f'<div class="cmp-empty"><p>{_why_no_pictures(entry)}</p></div>')


def _why_no_pictures(entry: Entry) -> str:
    return (
        "The photos behind this comparison have a licence of their own and are not part of the product. "
        "Repeat it on data of your own, and they appear here."
        if entry.id == SHIPPED
        else "No picture of a case was kept: the names of the outputs match no true photo, or pictures were turned off."
    )
