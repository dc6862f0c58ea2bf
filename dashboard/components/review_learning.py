"""What the machine learned from the decisions, and how far it can be trusted."""

from __future__ import annotations

import html

import streamlit as st

from dashboard.review.choices import Choices
from dashboard.review.learning import FIRST_AT, Learner


def show_learning(learner: Learner, choices: Choices) -> None:
    """Show the menu, and let the machine learn where there is enough that is new."""
    decided = choices.decisions.get("keep", 0) + choices.decisions.get("reject", 0)
    if learner.is_due(decided):
        learner.start(decided)
    learned = learner.state
    title = "Proposals" if learned.accuracy is None else f"Proposals · {learned.accuracy:.0%} right"
    with (
        st.popover(title, icon=":material/auto_awesome:", key="review_learning", type="tertiary"),
        st.container(key="review_learning_menu"),
    ):
        if learned.accuracy is not None and learned.baseline is not None:
            st.html(
                '<table class="review-agreement"><tr><th>Right on decisions it had not seen</th><th></th></tr>'
                f"<tr><td>Learned from {learned.decided:,} decisions</td><td>{learned.accuracy:.1%}</td></tr>"
                f"<tr><td>The rules alone</td><td>{learned.baseline:.1%}</td></tr></table>"
                "<p>Kept and rejected count alike. Each face shows its proposal; "
                "the shared queue begins with those the machine is least sure of.</p>"
            )
        elif learned.sentence:
            st.html(f"<p>{html.escape(learned.sentence)}</p>")
        elif not learned.is_running:
            left = max(0, FIRST_AT - decided)
            st.html(
                f"<p>After {FIRST_AT} decisions the machine proposes the next ones by itself: "
                f"{left} to go.</p>"
            )
        if learned.is_running:
            st.html("<p>Learning …</p>")
        st.button(
            "Learn now",
            key="review_learn",
            disabled=learned.is_running or not decided,
            on_click=learner.start,  # type: ignore[arg-type]  # what a callback returns is dropped
            args=(decided,),
        )
