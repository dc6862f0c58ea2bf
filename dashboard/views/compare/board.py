"""Show the leaderboard of a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.shared.plain_text import as_text
from dashboard.shared.texts import N_, _, translate_sentence
from dashboard.views.compare.formatting import facts_of, titles_of
from dashboard.views.compare.state import BESIDE, COLUMN, LABEL
from dashboard.views.models.formatting import count_words
from eval.comparison.answer import answer
from eval.comparison.cases import labels_of
from eval.comparison.formatting import (
    GROUPS,
    NOTHING,
    PLAIN_WARNINGS,
    VOTES_WON,
    Verdict,
    floor_rows,
    group_of,
    in_order,
    in_words,
    interval_text,
    number_text,
    pair_text,
    pairs_of,
    standing_of,
    ties_in_words,
    value_of,
    verdict,
    warnings_in_order,
    why_incomparable,
)
from eval.comparison.kept_features import read_features
from eval.comparison.result import Column, Comparison, Estimate, ModelResult, Warned
from eval.comparison.votes import Vote, with_votes

if TYPE_CHECKING:
    from eval.comparison.comparison_store import Entry

MARKS_SHOWN = 3  # at a number; all of them are in the list
MARKS = "abcdefghijklmnopqrstuvwxyz"
IGNORES = N_("Its outputs fit their own inputs no better than those of others")


@dataclass(frozen=True)
class Scale:
    """The range that a column's strips are drawn over."""

    low: float
    high: float

    def place(self, value: float) -> float:
        """Percent from the left, within the strip."""
        span = self.high - self.low
        return 50.0 if span <= 0 else min(100.0, max(0.0, 100 * (value - self.low) / span))


def scale_of(comparison: Comparison, column: Column) -> Scale:
    """From the least to the greatest end of an interval of the column, with a little air; the floor included."""
    found = [model.scores[column.key] for model in comparison.models if column.key in model.scores]
    found += [floor.estimate for floor in comparison.floors if floor.column == column.key]
    ends = [end for one in found for end in (one.low, one.value, one.high) if end is not None]
    if not ends:
        return Scale(0.0, 1.0)
    air = 0.06 * (max(ends) - min(ends))
    return Scale(min(ends) - air, max(ends) + air)


def marks_of(comparison: Comparison) -> list[tuple[str, Warned]]:
    """A letter for every warning, the gravest first; the same letters stand at the numbers they concern."""
    ordered = warnings_in_order(comparison)
    return [(MARKS[place % len(MARKS)], warned) for place, warned in enumerate(ordered)]


def leaderboard(
    comparison: Comparison, judged: Column, columns: Sequence[Column], *, earlier: Comparison | None = None
) -> str:
    """The table: a row per model in the order of the judged column, then of true photos.

    Parameters
    ----------
    columns
        Those to show, in order.
    earlier
        Whose figures of the same models are put beside; the caller has made sure that they may.
    """
    marks = marks_of(comparison)
    head = "".join(_head(comparison, column, marks, is_judged=column.key == judged.key) for column in columns)
    scales = {column.key: scale_of(comparison, column) for column in columns}
    has_cost = any(model.ms_per_image or model.parameters for model in comparison.models)
    rows = []
    for model in in_order(comparison, judged):
        cells = "".join(
            _cell(comparison, model, column, scales[column.key], earlier, is_judged=column.key == judged.key)
            for column in columns
        )
        name = _name(comparison, model, judged, marks)
        rows.append(f"<tr><th scope='row'>{name}</th>{cells}{_cost(model) if has_cost else ''}</tr>")
    rows += _floor_rows(comparison, columns, scales, has_cost=has_cost)
    cost = "".join(
        f"<th class='cost' scope='col'>{title}</th>" for title in (_("ms an image"), _("parameters"))
    )
    return (
        f"<div class='cmp-scroll' tabindex='0' role='region' aria-label='{escape(_('Leaderboard'))}'>"
        f"<table class='cmp-board'><thead><tr><th scope='col'>{_('Model')}</th>"
        f"{head}{cost if has_cost else ''}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _head(
    comparison: Comparison, column: Column, marks: Sequence[tuple[str, Warned]], *, is_judged: bool
) -> str:
    found = [(letter, warned) for letter, warned in marks if column.key in warned.columns]
    way = _("higher is better") if column.higher_is_better else _("lower is better")
    arrow = "↑" if column.higher_is_better else "↓"
    unit = f", {_(column.unit)}" if column.unit else ""
    return (
        f"<th scope='col' class='{'judged' if is_judged else ''}' title='{escape(_(GROUPS[group_of(column)]))}'>"
        f"{escape(_(column.title))}{_marks(found)}<small>{arrow} {way}{escape(unit)}</small>"
        f"<code>{escape(column.key)}</code></th>"
    )


def _marks(found: Sequence[tuple[str, Warned]]) -> str:
    marks = "".join(
        f"<sup class='cmp-mark {warned.severity}' title=\"{escape(translate_sentence(warned.text))}\">{letter}</sup>"
        for letter, warned in found[:MARKS_SHOWN]
    )
    left = len(found) - MARKS_SHOWN
    return marks + (f"<sup class='cmp-more'>+{left}</sup>" if left > 0 else "")


def _name(
    comparison: Comparison, model: ModelResult, judged: Column, marks: Sequence[tuple[str, Warned]]
) -> str:
    standing = standing_of(comparison, judged.key, model.name)
    rank = f"<span class='rank'>{standing.rank}</span>" if standing else "<span class='rank'>·</span>"
    concerns = [(letter, one) for letter, one in marks if model.name in one.sets and not one.columns]
    said = [_("{n:,} images", n=model.set.count)]
    if words := ties_in_words(standing, _):
        said.insert(0, words)
    flag = ""
    if model.ignores_input:
        flag = f"<span class='cmp-flag' title='{escape(_(IGNORES))}'>{_('ignores its input')}</span>"
    return (
        f"{rank}<span class='who'><b>{escape(model.name)}</b>{_marks(concerns)}{flag}"
        f"<small>{escape(' · '.join(said))}</small></span>"
    )


def _cell(
    comparison: Comparison, model: ModelResult, column: Column, scale: Scale, earlier: Comparison | None,
    *, is_judged: bool,
) -> str:  # fmt: skip
    estimate = model.scores.get(column.key)
    kind = "judged" if is_judged else ""
    if estimate is None or estimate.value is None:
        return f"<td class='{kind}'>{NOTHING}</td>"
    standing = standing_of(comparison, column.key, model.name)
    figure = number_text(estimate.value)
    is_best = standing is not None and standing.is_best
    figure = f"<b class='best'>{figure}</b>" if is_best else figure
    spread = interval_text(estimate, _)
    small = f"<small>{spread}</small>" if spread else ""
    control = model.control.get(column.key)
    if control is not None:
        title = escape(_("The same outputs against the inputs of others"))
        small += f"<small title='{title}'>{_('shuffled {value}', value=number_text(control))}</small>"
    small += _before(model, column, estimate.value, earlier)
    tie = f"<span class='tie'>{_('tie')}</span>" if standing and standing.tied_with and not is_best else ""
    return f"<td class='{kind}'><span class='figure'>{figure}{tie}</span>{strip(estimate, scale)}{small}</td>"


def _before(model: ModelResult, column: Column, value: float, earlier: Comparison | None) -> str:
    before = next((m for m in earlier.models if m.name == model.name), None) if earlier else None
    old = value_of(before, column.key) if before else None
    if old is None:
        return f"<small class='before'>{_('not in the earlier one')}</small>" if earlier else ""
    change = value - old
    better = (change > 0) == column.higher_is_better
    kind = "same" if abs(change) < 1e-9 else "up" if better else "down"
    sign = "+" if change > 0 else "−" if change < 0 else "±"
    said = _("was {old} ({change})", old=number_text(old), change=f"{sign}{number_text(abs(change))}")
    return f"<small class='before {kind}'>{said}</small>"


def _cost(model: ModelResult) -> str:
    speed = f"{model.ms_per_image:,.0f}" if model.ms_per_image else NOTHING
    size = count_words(model.parameters) if model.parameters else NOTHING
    return f"<td class='cost'>{speed}</td><td class='cost'>{size}</td>"


def _floor_rows(
    comparison: Comparison, columns: Sequence[Column], scales: dict[str, Scale], *, has_cost: bool
) -> list[str]:
    rows = []
    for title, count, floors in floor_rows(comparison, columns, _):
        cells = "".join(
            f"<td><span class='figure'>{number_text(floor.estimate.value)}</span>"
            f"{strip(floor.estimate, scales[column.key])}<small>{interval_text(floor.estimate, _)}</small></td>"
            if (floor := floors.get(column.key))
            else "<td></td>"
            for column in columns
        )
        note = next(iter(floors.values())).note or _("What a perfect model would get.")
        words = f"<small title='{escape(translate_sentence(note))}'>{count}</small>"
        rows.append(
            f"<tr class='floor'><th scope='row'><span class='rank'></span><span class='who'>{title}{words}</span></th>"
            f"{cells}{'<td class=cost></td>' * 2 if has_cost else ''}</tr>"
        )
    return rows


def strip(estimate: Estimate, scale: Scale) -> str:
    """A value on its interval as a little strip."""
    if estimate.value is None:
        return ""
    bar = ""
    if estimate.low is not None and estimate.high is not None:
        left, right = scale.place(estimate.low), scale.place(estimate.high)
        bar = f"<i style='left:{left:.1f}%;width:{max(1.0, right - left):.1f}%'></i>"
    place = f"<b style='left:{scale.place(estimate.value):.1f}%'></b>"
    return f"<span class='cmp-strip' aria-hidden='true'>{bar}{place}</span>"


def warning_list(found: Sequence[tuple[str, Warned]], *, is_plain: bool = False) -> str:
    """Warnings with the letters that stand at their numbers.

    Parameters
    ----------
    is_plain
        In words that take no statistics, where there are such; the exact ones have the figures.
    """

    def said(warned: Warned) -> str:
        words = PLAIN_WARNINGS.get(warned.code) if is_plain else None
        return _(words) if words else translate_sentence(warned.text)

    rows = "".join(
        f"<li class='{warned.severity}'><span class='cmp-mark {warned.severity}'>{letter}</span>"
        f"<span>{escape(said(warned))}"
        + (f" <small>{escape(in_words(warned.sets, _))}</small>" if warned.sets else "")
        + "</span></li>"
        for letter, warned in found
    )
    return f"<ul class='cmp-warnings'>{rows}</ul>" if rows else ""


NEAR_SHOWN = 4  # warnings right under the verdict; the others are folded up
MIN_CASES = 2  # of a label
EVERYTHING = N_("All cases")
NOTHING_BESIDE = N_("Nothing")
SUMMARY, ALL = N_("Summary"), N_("All figures")
SUMMARY_KEYS = ("fid_", "fd_", "kid_", "kd_")
SUMMARY_CASES = ("l1", "lpips", "ms_ssim", "chamfer", "landmarks")
DOUBT = "doubt"  # whatever the verdict is, a warning says that its figure misleads
SIGNS = {DOUBT: "!", "best": "✓", "tie": "=", "open": "?", "alone": "1"}


def show_choices(
    entry: Entry, comparison: Comparison, others: Sequence[Entry], votes: Sequence[Vote]
) -> tuple[Comparison, Column, Comparison | None]:
    """What to judge by, which cases, and what to put beside; returns the comparison of those cases, with votes."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="compare_choices"):
        label = _ask_label(entry, comparison)
        shown = comparison if label is None else _filtered(entry, comparison, label)
        shown = with_votes(shown, votes)
        column = _ask_column(entry, shown)
        earlier = _ask_earlier(entry, comparison, others)
    if label is not None:
        st.caption(
            ":material/filter_alt: "
            + _(
                "Only the {shown:,} of {all:,} cases with **{label}: {value}**, scored and tested anew. Figures of "
                "whole sets need 50 cases and kept features.",
                shown=len(shown.cases),
                all=len(comparison.cases),
                label=as_text(label[0]),
                value=as_text(label[1]),
            )
        )
    if earlier is not None and (why_not := why_incomparable(shown, earlier)):
        st.warning(as_text(translate_sentence(why_not)), icon=":material/block:")
        earlier = None
    if earlier is not None and label is not None:
        st.caption(
            ":material/info: "
            + _("The earlier figures are those of all its cases, so they stand beside all cases only.")
        )
        earlier = None
    return shown, column, earlier


def show_answer(comparison: Comparison, column: Column) -> None:
    """Say in one sentence which model is better, for somebody who reads no further."""
    said = verdict(comparison, column)
    kind = DOUBT if said.doubts else str(said.kind)
    judged = _("Judged by {title}", title=_(column.title))
    if said.doubts:
        judged += " · " + _("with reservations, below the table")
    st.html(
        f"<div class='cmp-verdict {kind}' role='status'><span class='sign' aria-hidden='true'>{SIGNS[kind]}</span>"
        f"<div><b>{escape(answer(comparison, column, _))}</b><small>{escape(judged)}</small></div></div>"
    )


def show_board(comparison: Comparison, column: Column, earlier: Comparison | None, *, key: str) -> None:
    """Leaderboard, then what to hold against it, then why it says what it says."""
    said = verdict(comparison, column)
    marks = marks_of(comparison)
    views = _views(comparison)
    view = st.segmented_control(
        _("Figures"), list(views), default=SUMMARY if SUMMARY in views else next(iter(views)), required=True,
        key=f"compare_view_{key}", label_visibility="collapsed", format_func=_,
    ) or next(iter(views))  # fmt: skip
    columns = views.get(view) or next(iter(views.values()))
    if column.key not in {one.key for one in columns}:
        columns = [column, *columns]
    st.html(leaderboard(comparison, column, columns, earlier=earlier))
    st.caption(
        _(
            "**Bold**: better than every other model, beyond chance. A column's letters lead to its reservations."
        )
    )
    near = [one for one in marks if one[1] in said.doubts]
    near += [one for one in marks if column.key in one[1].columns and one[1].severity == "caution"]
    near = near[: max(NEAR_SHOWN, len(said.doubts))]
    if near:
        st.markdown("##### " + _("Reservations"))
        st.html(warning_list(near, is_plain=True))
    rest = [one for one in marks if one not in near]
    if rest:
        grave = any(warned.severity == "misleads" for _, warned in rest)
        with st.expander(
            _("More warnings and notes ({n})", n=len(rest)), icon=":material/warning:", expanded=grave
        ):
            st.html(warning_list(rest, is_plain=True))
    with st.expander(_("Why"), icon=":material/help:"):
        _show_why(comparison, column, said, marks)


def _show_why(
    comparison: Comparison, column: Column, said: Verdict, marks: Sequence[tuple[str, Warned]]
) -> None:
    """The same in the words of statistics."""
    tests = "".join(
        f"<li>{escape(translate_sentence(pair_text(pair, column, _)))}</li>"
        for pair in pairs_of(comparison, column.key)
    )
    st.html(
        f"<p class='cmp-facts'>{escape(facts_of(comparison))}</p><p>{escape(translate_sentence(said.sentence))}</p>"
        + (f"<ul>{tests}</ul>" if tests else "")
    )
    st.caption(
        _(
            "Small figures in the table: 95 % interval, and the same with shuffled partners. A difference counts "
            "where a permutation test, its interval and the bias of few images agree, after Holm's correction."
        )
    )
    exact = [one for one in marks if one[1].code in PLAIN_WARNINGS]
    if exact:
        st.html(warning_list(exact))


def _views(comparison: Comparison) -> dict[str, list[Column]]:
    """Which columns each choice shows; choices that show nothing, or all, are left out."""
    columns = list(comparison.columns)
    summary = [one for one in columns if one.key.startswith(SUMMARY_KEYS) or one.key in SUMMARY_CASES][:5]
    votes = [one for one in columns if one.key == VOTES_WON]
    summary = [*summary[:2], *votes, *summary[2:]]
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
        _("Judge by"), list(columns), key=key, width=290,
        format_func=lambda key: f"{_(columns[key].title)} · {key}" if key in columns else key,
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
        _("Cases"), [None, *options], key=f"{LABEL}_{entry.id}", width=230,
        format_func=lambda one: f"{_(EVERYTHING)} ({len(comparison.cases):,})" if one is None
        else f"{one[0]}: {one[1]} ({counts[one[0]][one[1]]:,})",
    )  # fmt: skip


def _ask_earlier(entry: Entry, comparison: Comparison, others: Sequence[Entry]) -> Comparison | None:
    done = {other.id: other for other in others if other.comparison is not None and other.id != entry.id}
    if not done:
        return None
    titles = titles_of(list(done.values()))
    picked = st.selectbox(
        _("Beside an earlier one"), [NOTHING_BESIDE, *done], key=f"{BESIDE}_{entry.id}", width=250,
        format_func=lambda one: titles.get(one) or _(one),
    )  # fmt: skip
    return done[picked].comparison if picked in done else None


def _filtered(entry: Entry, comparison: Comparison, label: tuple[str, str]) -> Comparison:
    try:
        with st.spinner(_("Scoring these cases …")):
            return _filter(entry.id, comparison.created, str(entry.folder), label, comparison)
    except ValueError as error:
        st.warning(as_text(error), icon=":material/filter_alt_off:")
        return comparison


@st.cache_data(show_spinner=False, max_entries=32)
def _filter(
    entry_id: str, created: str, folder: str, label: tuple[str, str], _comparison: Comparison
) -> Comparison:
    """Cached by which comparison it is; the comparison itself would take long to hash."""
    from eval.comparison.table import filter_comparison

    return filter_comparison(_comparison, dict([label]), features=read_features(Path(folder)))
