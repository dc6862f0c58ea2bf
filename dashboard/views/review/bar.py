"""The row above the grid: which faces are shown, and in which order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from curation.library.records import GROUP_PICTURE
from dashboard.shared.plain_text import as_text
from dashboard.shared.texts import N_, _
from dashboard.views.review.filters import Choices, View, failed_rule
from dashboard.views.review.formatting import READINGS, SORT_TITLES
from dashboard.views.review.state import ReviewSession

DECISION_TITLES = {
    "": N_("All"),
    "none": N_("Undecided"),
    "keep": N_("Kept"),
    "reject": N_("Rejected"),
    "unsure": N_("Unsure"),
}
STATE_TITLES = {
    "": N_("Any"),
    "keep": N_("In the set"),
    "reject": N_("Out"),
    "unsure": N_("Unsure"),
    "undecided": N_("Open"),
}
VERDICT_TITLES = {"": N_("Any"), "keep": N_("Keep"), "reject": N_("Reject")}


def show_bar(session: ReviewSession, choices: Choices) -> None:
    """Show the filters; a change is taken before the page is drawn again."""
    view = session.view
    numbers = {"": choices.total, **choices.decisions}
    _show_field(
        session,
        "decision",
        st.segmented_control,
        _("Decision"),
        list(DECISION_TITLES),
        label_visibility="collapsed",
        default=view.decision,
        required=True,
        format_func=lambda name: f"{_(DECISION_TITLES[name])} {numbers.get(name, 0):,}",
    )
    count = len(active_filters(view, choices))
    with st.popover(
        _("Filter · {n}", n=count) if count else _("Filter"),
        icon=":material/filter_list:",
        key="review_filter",
    ):
        _show_filters(session, choices)
    with st.container(
        key="review_sort", horizontal=True, vertical_alignment="center", gap="xxsmall", width="content"
    ):
        _show_field(
            session,
            "sort",
            st.selectbox,
            _("Sort by"),
            list(SORT_TITLES),
            label_visibility="collapsed",
            index=list(SORT_TITLES).index(view.sort),
            format_func=lambda name: _(SORT_TITLES[name]),
            width=190,
        )
        st.button(
            _("Descending") if view.descending else _("Ascending"),
            key="review_descending",
            icon=":material/arrow_downward:" if view.descending else ":material/arrow_upward:",
            help=_("Turn the order round"),
            type="tertiary",
            on_click=lambda: session.look_at(
                replace(session.view, descending=not session.view.descending, page=0)
            ),
        )
    st.toggle(
        _("My queue"),
        value=view.is_queue and not view.is_second,
        key=f"review_queue_{session.widgets}",
        help=_("Gives you 60 undecided faces that no other reviewer has"),
        on_change=lambda: _queue(session, f"review_queue_{session.widgets}", is_second=False),
    )
    if set(choices.reviewers) - {session.reviewer} or view.is_second:
        st.toggle(
            _("Second opinions"),
            value=view.is_second,
            key=f"review_second_{session.widgets}",
            help=_(
                "Gives you 60 faces that others have decided and you have not; what they said stays hidden"
            ),
            on_change=lambda: _queue(session, f"review_second_{session.widgets}", is_second=True),
        )


def show_active(session: ReviewSession, choices: Choices) -> None:
    """The filters that are on, each with a way to take it off."""
    active = active_filters(session.view, choices)
    if not active:
        return
    with st.container(key="review_active", horizontal=True, vertical_alignment="center", gap="xsmall"):
        for position, (text, without) in enumerate(active):
            st.button(
                as_text(text), key=f"review_off_{position}", icon=":material/close:", type="secondary",
                help=_("Take this filter off"), on_click=_go, args=(session, without),
            )  # fmt: skip
        st.button(
            _("Clear filters"),
            key="review_clear",
            type="tertiary",
            on_click=_go,
            args=(session, session.view.cleared),
        )


def _go(session: ReviewSession, view: View) -> None:
    session.look_at(replace(view, page=0))
    session.widgets += 1


def _queue(session: ReviewSession, key: str, *, is_second: bool) -> None:
    """Begin or leave a queue; the other one ends."""
    is_on = st.session_state[key]
    _go(session, replace(session.view, is_queue=is_on, is_second=is_on and is_second))


def _show_field(
    session: ReviewSession, name: str, widget: Any, label: str, *arguments: Any, **options: Any
) -> None:
    """Show a widget that holds one part of the view."""
    key = f"review_{name}_{session.widgets}"

    def changed() -> None:
        value = st.session_state[key]
        change: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value}
        session.look_at(replace(session.view, **change, page=0))

    widget(label, *arguments, key=key, on_change=changed, **options)


def _show_filters(session: ReviewSession, choices: Choices) -> None:
    view = session.view
    left, right = st.columns(2, gap="medium")
    with left:
        for name, titles, label in (
            ("verdict", VERDICT_TITLES, _("The machine says")),
            ("state", STATE_TITLES, _("What counts in the end")),
        ):
            _show_field(
                session, name, st.segmented_control, label, list(titles), default=getattr(view, name), required=True,
                format_func=lambda name, titles=titles: _(titles[name]),
            )  # fmt: skip
        disagreements = _("Only disagreements ({n:,})", n=choices.disputed)
        _show_field(session, "disputed", st.toggle, disagreements, value=view.disputed)
        text = _("Text in the file's name or the author's")
        _show_field(session, "text", st.text_input, text, value=view.text)
    with right:
        for name, label, offered in (
            ("rule", _("Rule that decided"), choices.rules),
            ("source", _("Source"), choices.sources),
            ("label", _("Label"), choices.labels),
            ("reviewer", _("Reviewer"), choices.reviewers),
        ):
            chosen = getattr(view, name)
            _show_field(
                session, name, st.multiselect, label, sorted({*offered, *chosen}), default=list(chosen),
                placeholder=_("Any"), format_func=partial(_numbered, name, offered, choices),
            )  # fmt: skip
    _show_ranges(session)


def _numbered(name: str, offered: Mapping[str, int], choices: Choices, entry: str) -> str:
    number = f" ({offered[entry]:,})" if entry in offered else ""
    return _title(name, entry, choices) + number


def _title(name: str, entry: str, choices: Choices) -> str:
    """What a rule or source is called; labels and reviewers are called as they are."""
    if name not in ("rule", "source"):
        return entry
    is_picture = name == "source" and entry.startswith(GROUP_PICTURE)
    return _(choices.titles.get(entry, N_("Faces of one picture") if is_picture else entry))


def _show_ranges(session: ReviewSession) -> None:
    """A measurement between two numbers; more than one by adding them in turn."""
    n = session.widgets
    titles = {name: _(reading.title) for name, reading in READINGS.items()} | {"confidence": _("Confidence")}
    with st.container(key="review_range", horizontal=True, vertical_alignment="bottom", gap="small"):
        column = st.selectbox(
            _("Measurement"), list(titles), key=f"review_range_column_{n}", format_func=titles.__getitem__
        )
        low = st.number_input(
            _("from"), value=None, key=f"review_range_low_{n}", width=110, placeholder=_("any")
        )
        high = st.number_input(
            _("to"), value=None, key=f"review_range_high_{n}", width=110, placeholder=_("any")
        )

        def add() -> None:
            ends = (column, float("-inf") if low is None else low, float("inf") if high is None else high)
            others = tuple(entry for entry in session.view.ranges if entry[0] != column)
            _go(session, replace(session.view, ranges=tuple(sorted((*others, ends)))))

        st.button(_("Add"), key="review_range_add", disabled=low is None and high is None, on_click=add)


def active_filters(view: View, choices: Choices) -> list[tuple[str, View]]:
    """What is filtered besides the decision: words, and the view without it."""
    active = []
    if view.verdict:
        active.append((_("Machine: {verdict}", verdict=_(view.verdict)), replace(view, verdict="")))
    if view.state:
        state = _(STATE_TITLES[view.state]).lower()
        active.append((_("In the end: {state}", state=state), replace(view, state="")))
    for name in ("rule", "source", "label", "reviewer"):
        chosen = getattr(view, name)
        for entry in chosen:
            change: dict[str, Any] = {name: tuple(other for other in chosen if other != entry)}
            title = _title(name, entry, choices)
            active.append((f"{_(name.capitalize())}: {title}", replace(view, **change)))
    if rule := failed_rule(view.fails):
        title = _(choices.titles.get(rule.name, rule.title))
        active.append((_("Breaks: {title}", title=title), replace(view, fails="")))
    if view.disputed:
        active.append((_("Disagreements"), replace(view, disputed=False)))
    if view.text:
        active.append((f"“{view.text}”", replace(view, text="")))
    for column, low, high in view.ranges:
        title = _(READINGS[column].title if column in READINGS else column.capitalize())
        others = tuple(entry for entry in view.ranges if entry[0] != column)
        words = _("{low:g} to {high:g}", low=low, high=high) if abs(low) < 1e300 and abs(high) < 1e300 else (
            _("at most {high:g}", high=high) if abs(high) < 1e300 else _("at least {low:g}", low=low)
        )  # fmt: skip
        active.append((f"{title} {words}", replace(view, ranges=others)))
    return active
