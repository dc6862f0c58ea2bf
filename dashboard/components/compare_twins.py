"""Memorisation: the outputs that come nearest to a training photo, beside it, and how near true photos come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboard.compare.charts import distances_chart
from dashboard.compare.pictures import picture_url
from dashboard.compare.words import plain
from dashboard.plain_text import as_text
from eval.comparison.pictures import find_picture
from eval.comparison.wording import number_text

if TYPE_CHECKING:
    from eval.comparison.result import Comparison
    from eval.comparison.shelf import Entry

TWINS_SHOWN = 12


def show_twins(entry: Entry, comparison: Comparison) -> None:
    """The outputs that come nearest to a training photo, and how near true photos come."""
    with_nearest = [model for model in comparison.models if any(model.nearest_training)]
    if not with_nearest:
        st.html(
            '<div class="cmp-empty"><p>Nothing was looked up. Name what the models were trained on when you compare '
            "them, and their outputs are held against those photos.</p></div>"
        )
        return
    usual = sorted(found[1] for found in comparison.real_nearest_training if found)
    if usual:
        closest, middle = usual[0], usual[len(usual) // 2]
        st.caption(
            f"The scale: true photos, which no model saw, have their nearest training photo at {number_text(middle)} "
            f"in the middle and {number_text(closest)} at the closest. An output much nearer than that speaks "
            "of memorising."
        )
    chart = distances_chart(comparison)
    if chart is not None:
        st.altair_chart(chart, width="stretch", theme="streamlit", key="compare_distances")
    name = st.segmented_control(
        "Model", [model.name for model in with_nearest], default=with_nearest[0].name, required=True,
        format_func=as_text,
        key=f"compare_twins_{entry.id}", label_visibility="collapsed",
    ) or with_nearest[0].name  # fmt: skip
    model = next(model for model in with_nearest if model.name == name)
    found = [
        (case.name, *nearest)
        for case, nearest in zip(comparison.cases, model.nearest_training, strict=False)
        if nearest is not None
    ]
    found.sort(key=lambda one: one[2])
    _show_nearest(entry, model.name, found, usual[0] if usual else None)


def _show_nearest(
    entry: Entry, model: str, found: list[tuple[str, str, float]], closest: float | None
) -> None:
    """The nearest pairs side by side; in words alone where no picture was kept."""
    shown = found[:TWINS_SHOWN]
    has_pictures = any(find_picture(entry.folder, "training", nearest) for _, nearest, _ in shown)
    figures = ""
    for case, nearest, distance in shown:
        pictures = _picture(entry, "model", case, model, "output")
        pictures += _picture(entry, "training", nearest, "", "training photo")
        beyond = " · nearer than any true photo" if closest is not None and distance < closest else ""
        words = f"{plain(case)} ↔ {plain(nearest)} · {number_text(distance)}{beyond}"
        pair = f"<div>{pictures}</div>" if has_pictures else ""
        figures += f"<figure>{pair}<figcaption>{words}</figcaption></figure>"
    st.html(f"<div class='cmp-twins'>{figures}</div>")
    said = f"The {len(shown)} outputs that are nearest to a training photo, out of {len(found)}."
    if closest is not None:
        nearer = sum(distance < closest for *_, distance in found)
        said += f" {nearer or 'None'} {'is' if nearer <= 1 else 'are'} nearer than any true photo is."
    st.caption(said)


def _picture(entry: Entry, kind: str, name: str, model: str, words: str) -> str:
    url = picture_url(entry.folder, kind, name, model)
    if not url:
        return f"<span class='none'>{words} {plain(name)}: no picture here</span>"
    return f"<img src='{url}' alt='{words} {plain(name)}'>"
