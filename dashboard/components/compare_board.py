"""The answer: who is best by which figure, how sure that is, and what makes a number mislead."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.compare.state import BESIDE, COLUMN, LABEL
from dashboard.compare.table import leaderboard, marks_of, warning_list
from dashboard.compare.words import facts_of, plain, titles_of
from dashboard.plain_text import as_text
from eval.comparison.cases import labels_of
from eval.comparison.kept_features import read_features
from eval.comparison.wording import GROUPS, Verdict, group_of, pair_text, pairs_of, verdict, why_incomparable

if TYPE_CHECKING:
    from eval.comparison.result import Column, Comparison
    from eval.comparison.shelf import Entry

NEAR_SHOWN = 4  # warnings right under the verdict; the others are folded up
MIN_CASES = 2  # of a label
EVERYTHING = "All cases"
NOTHING_BESIDE = "Nothing"
SUMMARY, ALL = "Summary", "All figures"
SUMMARY_KEYS = ("fid_", "fd_", "kid_", "kd_")
SUMMARY_CASES = ("l1", "lpips", "ms_ssim", "chamfer", "landmarks")
DOUBT = "doubt"  # whatever the verdict is, a warning says that its figure misleads
SIGNS = {DOUBT: "!", "best": "✓", "tie": "=", "open": "?", "alone": "1"}


def show_choices(
    entry: Entry, comparison: Comparison, others: Sequence[Entry]
) -> tuple[Comparison, Column, Comparison | None]:
    """What to judge by, which cases, and what to put beside; returns the comparison of those cases."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="compare_choices"):
        label = _ask_label(entry, comparison)
        shown = comparison if label is None else _filtered(entry, comparison, label)
        column = _ask_column(entry, shown)
        earlier = _ask_earlier(entry, comparison, others)
    if label is not None:
        st.caption(
            f":material/filter_alt: Only the {len(shown.cases):,} of {len(comparison.cases):,} cases with "
            f"**{as_text(label[0])}: {as_text(label[1])}**, scored and tested anew. Figures of whole sets need 50 "
            "cases and kept features."
        )
    if earlier is not None and (why_not := why_incomparable(shown, earlier)):
        st.warning(as_text(why_not), icon=":material/block:")
        earlier = None
    if earlier is not None and label is not None:
        st.caption(
            ":material/info: The earlier figures are those of all its cases, so they stand beside all cases only."
        )
        earlier = None
    return shown, column, earlier


def show_board(entry: Entry, comparison: Comparison, column: Column, earlier: Comparison | None) -> None:
    """Verdict, leaderboard, warnings."""
    said = verdict(comparison, column)
    marks = marks_of(comparison)
    _show_verdict(comparison, column, said)
    near = [one for one in marks if one[1] in said.doubts]
    near += [one for one in marks if column.key in one[1].columns and one[1].severity == "caution"]
    near = near[: max(NEAR_SHOWN, len(said.doubts))]
    if near:
        st.html(warning_list(near))
    views = _views(comparison)
    view = st.segmented_control(
        "Figures", list(views), default=SUMMARY if SUMMARY in views else next(iter(views)), required=True,
        key=f"compare_view_{entry.id}", label_visibility="collapsed",
    ) or next(iter(views))  # fmt: skip
    columns = views.get(view) or next(iter(views.values()))
    if column.key not in {one.key for one in columns}:
        columns = [column, *columns]
    st.html(leaderboard(comparison, column, columns, earlier=earlier))
    st.caption(
        "Small figures: 95 % interval, and the same with shuffled partners. **Bold**: separated from every other "
        "model, after Holm's correction. A column's letters lead to its warnings."
    )
    rest = [one for one in marks if one not in near]
    if rest:
        grave = sum(warned.severity == "misleads" for _, warned in rest)
        with st.expander(f"Warnings and notes ({len(rest)})", icon=":material/warning:", expanded=grave > 0):
            st.html(warning_list(rest))


def _show_verdict(comparison: Comparison, column: Column, said: Verdict) -> None:
    kind, small = DOUBT if said.doubts else str(said.kind), ""
    if said.kind == "best":
        mine = [
            pair for pair in pairs_of(comparison, column.key) if said.models[0] in (pair.first, pair.second)
        ]
        small = " ".join(pair_text(pair, column) for pair in mine[:2])
    st.html(
        f"<div class='cmp-verdict {kind}' role='status'><span class='sign' aria-hidden='true'>{SIGNS[kind]}</span>"
        f"<div><b>{plain(said.sentence)}</b><small>{plain(small)}</small></div></div>"
        f"<p class='cmp-facts'>{plain(facts_of(comparison))}</p>"
    )


def _views(comparison: Comparison) -> dict[str, list[Column]]:
    """Which columns each choice shows; choices that show nothing, or all, are left out."""
    columns = list(comparison.columns)
    summary = [one for one in columns if one.key.startswith(SUMMARY_KEYS) or one.key in SUMMARY_CASES][:5]
    found = {SUMMARY: summary} if 0 < len(summary) < len(columns) else {}
    groups = {title: [one for one in columns if group_of(one) == group] for group, title in GROUPS.items()}
    found |= {title: members for title, members in groups.items() if 0 < len(members) < len(columns)}
    return {**found, ALL: columns}


def _ask_column(entry: Entry, comparison: Comparison) -> Column:
    columns = {column.key: column for column in comparison.columns}
    key = f"{COLUMN}_{entry.id}"
    if st.session_state.get(key) not in columns:
        st.session_state[key] = next(iter(columns))  # told to the browser, which would keep the old text
    picked = st.selectbox(
        "Judge by", list(columns), key=key, width=290,
        format_func=lambda key: f"{columns[key].title} · {key}" if key in columns else key,
    )  # fmt: skip
    return columns[picked]


def _ask_label(entry: Entry, comparison: Comparison) -> tuple[str, str] | None:
    options = [
        (label, value)
        for label, values in labels_of(comparison).items()
        for value, count in sorted(values.items())
        if MIN_CASES <= count < len(comparison.cases)
    ]
    if not options:
        return None
    counts = labels_of(comparison)
    return st.selectbox(
        "Cases", [None, *options], key=f"{LABEL}_{entry.id}", width=230,
        format_func=lambda one: f"{EVERYTHING} ({len(comparison.cases):,})" if one is None
        else f"{one[0]}: {one[1]} ({counts[one[0]][one[1]]:,})",
    )  # fmt: skip


def _ask_earlier(entry: Entry, comparison: Comparison, others: Sequence[Entry]) -> Comparison | None:
    done = {other.id: other for other in others if other.comparison is not None and other.id != entry.id}
    if not done:
        return None
    titles = titles_of(list(done.values()))
    picked = st.selectbox(
        "Beside an earlier one", [NOTHING_BESIDE, *done], key=f"{BESIDE}_{entry.id}", width=250,
        format_func=lambda one: titles.get(one, one),
    )  # fmt: skip
    return done[picked].comparison if picked in done else None


def _filtered(entry: Entry, comparison: Comparison, label: tuple[str, str]) -> Comparison:
    try:
        return _filter(entry.id, comparison.created, str(entry.folder), label, comparison)
    except ValueError as error:
        st.warning(as_text(error), icon=":material/filter_alt_off:")
        return comparison


@st.cache_data(show_spinner="Scoring these cases …", max_entries=32)
def _filter(
    entry_id: str, created: str, folder: str, label: tuple[str, str], _comparison: Comparison
) -> Comparison:
    """Cached by which comparison it is; the comparison itself would take long to hash."""
    from eval.comparison.filtering import filter_comparison

    return filter_comparison(_comparison, dict([label]), features=read_features(Path(folder)))
