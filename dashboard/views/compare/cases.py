"""Show single cases of a comparison beside each other."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard.shared.resources import component, examples
from dashboard.shared.texts import N_, _
from dashboard.views.compare.state import ORDER, PAGE, SHIPPED
from eval.comparison.cases import best, disagreements, worst
from eval.comparison.formatting import number_text, telling_column
from eval.comparison.pictures import find_picture, picture_path
from eval.comparison.result import Column, Comparison, ModelResult
from eval.comparison.titles import titles_of_models

if TYPE_CHECKING:
    from eval.comparison.comparison_store import Entry

MAX_BYTES = 400_000  # a picture larger than this was not written by a comparison


@dataclass(frozen=True)
class Place:
    """A place in a case's row of pictures: which kind of picture, of which model."""

    kind: str
    model: str
    title: str


def places_of(comparison: Comparison, folder: Path, names: Sequence[str]) -> list[Place]:
    """The columns of the grid: sketch, refined, each model, truth; those without a single picture are left out.

    What stage 1 made is shown once for all models that were given the same, and by model where they differ.
    """
    refined = [model for model in comparison.models if _has(folder, "refined", names, model.name)]
    places = [Place("sketch", "", _("Sketch"))] if _has(folder, "sketch", names) else []
    for stage1 in dict.fromkeys(model.stage1 for model in refined):
        first = next(model for model in refined if model.stage1 == stage1)
        places.append(
            Place("refined", first.name, _("Refined by parts") if stage1 == "parts" else _("Refined"))
        )
    places += [
        Place("model", model, title)
        for model, title in titles_of_models(comparison, _).items()
        if _has(folder, "model", names, model)
    ]
    return [*places, Place("real", "", _("Truth"))] if _has(folder, "real", names) else places


def picture_url(folder: Path, kind: str, name: str, model: str = "") -> str:
    """A kept picture ready for HTML; empty where there is none."""
    path = find_picture(folder, kind, name, model)  # type: ignore[arg-type]
    if path is None:
        return ""
    try:
        stat = path.stat()
        return _read(path, stat.st_mtime_ns) if stat.st_size <= MAX_BYTES else ""
    except OSError:
        return ""


def case_row(
    comparison: Comparison, folder: Path, name: str, places: Sequence[Place], *, column: str
) -> dict[str, Any]:
    """What the browser is told of a case: its pictures, what each output scored in the column, and which is best."""
    index = next((i for i, case in enumerate(comparison.cases) if case.name == name), None)
    models = {model.name: model for model in comparison.models}
    labels = comparison.cases[index].labels if index is not None else {}
    tiles: list[dict[str, Any]] = []
    values: dict[int, float] = {}
    for place in places:
        tile: dict[str, Any] = {
            "src": picture_url(folder, place.kind, name, place.model),
            "score": "",
            "near": None,
        }
        if place.kind == "model" and index is not None:
            model = models[place.model]
            scores = model.case_scores.get(column, ())
            if index < len(scores) and (value := scores[index]) is not None:
                values[len(tiles)] = value
            tile["score"] = score_text(model, column, index)
            tile["scores"] = [
                [_(one.title), text]
                for one in comparison.columns
                if one.per_case and (text := score_text(model, one.key, index))
            ]
            tile["near"] = _nearest(model, index, folder)
        tiles.append(tile)
    is_higher = any(one.key == column and one.higher_is_better for one in comparison.columns)
    ordered = [tiles[place] for place in sorted(values, key=lambda place: values[place], reverse=is_higher)]
    if ordered and ordered[0]["score"] != ordered[-1]["score"]:
        ordered[0]["mark"], ordered[-1]["mark"] = "best", "worst"
    drawings = {one.name: _(one.title) for one in examples()} if index is None else {}
    return {
        "name": drawings.get(name, name),
        "labels": [f"{key}: {value}" for key, value in labels.items()],
        "tiles": tiles,
    }


def score_text(model: ModelResult, column: str, index: int) -> str:
    """What a case scored; says so where it has no score, such as a face that was not found."""
    scores = model.case_scores.get(column, ())
    if index >= len(scores):
        return ""
    value = scores[index]
    return _("no score") if value is None else number_text(value)


def _nearest(model: ModelResult, index: int, folder: Path) -> dict[str, str] | None:
    found = model.nearest_training[index] if index < len(model.nearest_training) else None
    if found is None:
        return None
    name, distance = found
    return {"name": name, "distance": number_text(distance), "src": picture_url(folder, "training", name)}


def _has(folder: Path, kind: str, names: Sequence[str], model: str = "") -> bool:
    if not names or not picture_path(folder, kind, names[0], model).parent.is_dir():  # type: ignore[arg-type]
        return False
    return any(find_picture(folder, kind, name, model) for name in names)  # type: ignore[arg-type]


@lru_cache(maxsize=2048)
def _read(path: Path, _changed: int) -> str:
    return "data:image/webp;base64," + base64.b64encode(path.read_bytes()).decode("ascii")


PER_PAGE = 8
BY_NAME, DISPUTED, DRAWINGS = N_("By name"), N_("Where models disagree most"), N_("Our own drawings")
WORST, BEST = N_("Worst of {name}"), N_("Best of {name}")
GRID = "compare_grid"


def show_cases(entry: Entry, comparison: Comparison, judged: Column) -> None:
    """The grid with its order, its difference maps and its pages."""
    names = [case.name for case in comparison.cases]
    places = places_of(comparison, entry.folder, [*names, *comparison.drawings])
    if not places:
        st.html(f'<div class="cmp-empty"><p>{_why_no_pictures(entry)}</p></div>')
        return
    has_cases = any(place.kind == "real" for place in places) or not comparison.drawings
    column = telling_column(comparison, judged)
    with st.container(horizontal=True, vertical_alignment="bottom", key="compare_row_head"):
        order = _ask_order(entry, comparison, column, has_cases=has_cases)
        is_map = st.toggle(
            _("Difference to the truth"), key=f"compare_map_{entry.id}", disabled=not has_cases
        )
        page_place = st.container(width="content")
    if not has_cases:
        st.caption(_why_no_pictures(entry))
    ordered = (
        order_of(comparison, order, column) if has_cases or order == DRAWINGS else list(comparison.drawings)
    )
    pages = max(1, -(-len(ordered) // PER_PAGE))
    page = 1
    if pages > 1:
        page = page_place.pagination(pages, key=f"{PAGE}_{entry.id}_{order}")
    shown = ordered[(page - 1) * PER_PAGE : page * PER_PAGE]
    if column is not None and order != DRAWINGS:
        st.caption(
            _(
                "Under each output: {title} ({way}). Click an image to enlarge its case; the arrow keys go on, "
                "D shows the difference.",
                title=_(column.title) + (f", {_(column.unit)}" if column.unit else ""),
                way=_("higher is better") if column.higher_is_better else _("lower is better"),
            )
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
    words, model = _with_model(order)
    ranked = (worst if words == WORST else best)(comparison, model, column.key, len(names))
    return [found.name for found in ranked]


def orders_of(comparison: Comparison, column: Column | None, *, has_cases: bool) -> list[str]:
    """The orders that there are: by name, worst and best of each model, where models disagree, our drawings."""
    orders = [BY_NAME] if has_cases else []
    if column is not None and has_cases:
        scored = [model.name for model in comparison.models if model.case_scores.get(column.key)]
        orders += [words.format(name=name) for words in (WORST, BEST) for name in scored]
        orders += [DISPUTED] if len(scored) > 1 else []
    return [*orders, DRAWINGS] if comparison.drawings else orders


def _with_model(order: str) -> tuple[str, str]:
    """Take an order's words and its model apart; what orders by no model has an empty one."""
    for words in (WORST, BEST):
        if order.startswith(start := words.removesuffix("{name}")):
            return words, order.removeprefix(start)
    return order, ""


def _order_title(order: str, titles: Mapping[str, str]) -> str:
    words, model = _with_model(order)
    return _(words, name=titles.get(model, model)) if model else _(words)


def _ask_order(entry: Entry, comparison: Comparison, column: Column | None, *, has_cases: bool) -> str:
    orders = orders_of(comparison, column, has_cases=has_cases)
    key = f"{ORDER}_{entry.id}"
    if st.session_state.get(key) not in orders:
        st.session_state[key] = orders[0]
    titles = titles_of_models(comparison, _)
    return str(
        st.selectbox(
            _("Order of the cases"),
            orders,
            key=key,
            width=280,
            format_func=lambda one: _order_title(one, titles),
        )
    )


def _show_grid(
    entry: Entry, comparison: Comparison, names: Sequence[str], places: Sequence[Place], column: Column | None,
    *, is_map: bool,
) -> None:  # fmt: skip
    rows = [
        case_row(comparison, entry.folder, name, places, column=column.key if column else "")
        for name in names
    ]
    component("views/compare/cases")(
        key=GRID,
        data={
            "places": [{"kind": place.kind, "title": place.title} for place in places],
            "cases": rows,
            "column": _(column.title) if column else "",
            "isMap": is_map,
        },
        width="stretch",
        height="content",
    )


def _why_no_pictures(entry: Entry) -> str:
    return (
        _(
            "The photos behind this comparison have a licence of their own and are not part of the product. "
            "Repeat it on data of your own, and they appear here."
        )
        if entry.id == SHIPPED
        else _(
            "No image of a case was kept: the names of the outputs match no true photo, or images were turned off."
        )
    )
