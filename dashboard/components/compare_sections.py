"""What lies under the leaderboard: pairs, images needed, checkpoints, map, nearest training photos, settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboard.compare.charts import curve_chart, map_chart, spread_chart
from dashboard.compare.pairs import pair_matrix
from dashboard.compare.words import plain, set_words
from dashboard.plain_text import as_text
from eval.comparison.wording import pairs_of

if TYPE_CHECKING:
    from eval.comparison.result import Column, Comparison, SetUsed


def show_pairs(comparison: Comparison, column: Column) -> None:
    """Every model against every other."""
    matrix = pair_matrix(comparison, column)
    if not matrix:
        st.html(
            f'<div class="cmp-empty"><p>Nothing was tested by {plain(column.title)}. Judge by another figure.</p></div>'
        )
        return
    st.html(matrix)
    is_paired = any(pair.is_paired for pair in pairs_of(comparison, column.key))
    how = (
        "the same inputs were compared"
        if is_paired
        else "their inputs are not the same, so the test sees less"
    )
    st.caption(
        f"Row minus column by {column.title}, with its 95 % interval and the p-value of a permutation test, corrected "
        f"after Holm; {how}. Below 0.05 and with an interval without zero, the difference is called real."
    )
    spread = spread_chart(comparison, column)
    if spread is not None:
        st.altair_chart(spread, width="stretch", theme="streamlit", key="compare_spread")


def show_counts(comparison: Comparison, column: Column) -> None:
    """A figure against the number of images, with where real photos stand at the same number."""
    chart = curve_chart(comparison, column, "n")
    if chart is None:
        st.html(
            f'<div class="cmp-empty"><p>{plain(column.title)} has no such curve. Judge by a Frechet distance.</p></div>'
        )
        return
    st.altair_chart(chart, width="stretch", theme="streamlit", key="compare_counts")
    st.caption(
        "With few images the distance is mostly bias: it falls as images are added, for each model by another amount. "
        "Grey is real against real at as many images, what a perfect model would get."
    )


def show_steps(comparison: Comparison, column: Column) -> None:
    """A figure over the checkpoints of a run."""
    chart = curve_chart(comparison, column, "step")
    if chart is None:
        st.html('<div class="cmp-empty"><p>No checkpoints were compared by this figure.</p></div>')
        return
    st.altair_chart(chart, width="stretch", theme="streamlit", key="compare_steps")
    st.caption(
        "The best of many checkpoints looks better than it is: choose it on other images than those it is judged by."
    )


def show_map(comparison: Comparison) -> None:
    """Images that look alike to the extractor lie near one another."""
    chart = map_chart(comparison)
    if chart is None:
        st.html('<div class="cmp-empty"><p>This comparison has no map of features.</p></div>')
        return
    st.altair_chart(chart, width="stretch", theme="streamlit", key="compare_map_chart")
    st.caption(
        "Every point is an image; images that look alike to the extractor lie near one another. A model whose "
        "points keep to one side misses faces; a tight heap is a model that repeats itself. Click the legend."
    )


def show_about(comparison: Comparison) -> None:
    """Everything that the numbers depend on, and what was not used."""
    used = comparison.protocol
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("##### Protocol")
        facts = {
            "Name": used.name,
            "Extractor": used.extractor,
            "Weights": f"{used.weights}, SHA-256 {used.weights_sha256[:16]}…",
            "Decoding": used.decoding,
            "Resize": used.resize,
            "Samples": "all" if used.samples is None else f"{used.samples:,}",
            "Seed": str(used.seed),
            "Runtime": used.runtime,
        }
        st.html(_facts({key: value for key, value in facts.items() if value}))
        st.caption("Only comparisons with the same protocol and weights are ever ranked together.")
    with right:
        st.markdown("##### Settings")
        st.html(_facts({key.replace("_", " "): str(value) for key, value in comparison.settings.items()}))
        spent = sum(comparison.seconds.values())
        versions = ", ".join(f"{name} {version}" for name, version in comparison.versions.items())
        st.caption(
            f"{spent:,.0f} s of work on {comparison.created[:16].replace('T', ' ')} UTC, with {versions}."
        )
    st.markdown("##### Sets")
    for one in (comparison.real, *(model.set for model in comparison.models)):
        _show_set(one)


def _show_set(used: SetUsed) -> None:
    st.markdown(
        f"**{as_text(used.name)}** · {as_text(used.source)} · {set_words(used)} · `{used.digest[:12]}`"
    )
    if used.left_out:
        with st.expander(f"Left out ({len(used.left_out)})"):
            st.dataframe(
                [{"file": one.name, "why": one.reason} for one in used.left_out],
                hide_index=True,
                width="stretch",
            )


def _facts(rows: dict[str, str]) -> str:
    body = "".join(
        f"<tr><th scope='row'>{plain(name)}</th><td>{plain(value)}</td></tr>" for name, value in rows.items()
    )
    return f"<table class='cmp-facts-table'><tbody>{body}</tbody></table>"
