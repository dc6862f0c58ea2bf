"""Several reviewers: who decided how much, how well they agree, and where they do not."""

from __future__ import annotations

import html
from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.review.state import ReviewSession

if TYPE_CHECKING:
    from curation.agreement import Agreement
    from curation.library.library import Library
    from dashboard.review.choices import Choices


def show_people(library: Library, session: ReviewSession, choices: Choices) -> None:
    """Show the menu; the numbers in it are worked out when it is opened."""
    if not choices.reviewers:
        return
    count = choices.disputed
    menu = st.popover(
        f"Reviewers · {count:,} to settle" if count else "Reviewers",
        icon=":material/group:",
        key="review_people",
        type="tertiary",
        on_change="rerun",
    )
    if not menu.open:
        return
    with menu, st.container(key="review_people_menu"):
        names = sorted(choices.reviewers.items(), key=lambda item: -item[1])
        st.html(
            "<p>" + "<br>".join(f"<b>{html.escape(name)}</b> decided {n:,}" for name, n in names) + "</p>"
        )
        st.html(agreement_html(library.agreement()))
        if count:
            st.button(
                f"Settle {count:,} {'disagreement' if count == 1 else 'disagreements'}",
                key="review_settle",
                type="primary",
                on_click=_show_disputed,
                args=(session,),
            )
            st.caption("There, a decision counts for good against the older ones.")


def _show_disputed(session: ReviewSession) -> None:
    session.look_at(replace(session.view.cleared, disputed=True, is_queue=False, is_second=False))
    session.widgets += 1
    st.session_state["review_people"] = False


def agreement_html(agreement: Agreement) -> str:
    """Cohen's kappa of every pair of reviewers, or why there is none."""
    if not agreement.pairs:
        return "<p>No two reviewers have decided on the same face yet, so their agreement is not known.</p>"
    rows = "".join(
        f"<tr><td>{html.escape(pair.first)} and {html.escape(pair.second)}</td><td>{_kappa(pair.kappa)}</td>"
        f"<td>{pair.percent:.0f} %</td><td>{pair.images:,}</td></tr>"
        for pair in agreement.pairs
    )
    return (
        '<table class="review-agreement"><tr><th>Reviewers</th><th title="Cohen’s kappa: agreement beyond chance">'
        f"κ</th><th>agree</th><th>faces</th></tr>{rows}</table>"
    )


def _kappa(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
