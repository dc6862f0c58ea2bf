"""The Review page: a grid of faces, decided with one key each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from dashboard import access
from dashboard.shared.group_pictures import show_group_pictures
from dashboard.shared.links import show_collect_link
from dashboard.shared.resources import asset_text
from dashboard.shared.shared_library import needs_library
from dashboard.shared.texts import _
from dashboard.views.review.actions import apply_actions
from dashboard.views.review.bar import show_active, show_bar
from dashboard.views.review.filters import PAGE_SIZE, choices_of, find_images
from dashboard.views.review.grid import received_actions, show_grid
from dashboard.views.review.learning import learner_of, show_learning
from dashboard.views.review.people import draw_from_queue, show_people
from dashboard.views.review.state import ReviewSession, done_book, read_address, review_session, write_address

if TYPE_CHECKING:
    import pandas as pd

    from curation.library.library import Library


def show_page() -> None:
    """The whole page; only the fragment within runs again after a key."""
    st.html(f"<style>{asset_text('views/review/page.css')}</style>")
    read_address(review_session())
    show_review()


@st.fragment
@needs_library
def show_review(library: Library) -> None:
    """Filters, the faces that match, and what several reviewers make of them."""
    session, book, actions = review_session(), done_book(), received_actions()
    session.reviewer = access.visitor().name or session.reviewer
    apply_actions(library, session, actions, book)
    table = library.table()
    if not len(table):
        show_start()
        return
    choices, learner = choices_of(library, table), learner_of(library)
    _find(session, library, table, learner.state.order)
    write_address(session)
    with st.container(key="review_bar", horizontal=True, vertical_alignment="center", gap="small"):
        show_bar(session, choices)
        show_people(library, session, choices)
        show_learning(learner, choices)
    show_active(session, choices)
    if "faces" in session.view.rule or session.shows_splitting:
        show_group_pictures(library, key="review")
    show_grid(library, session, table, book, choices, end_text=_end_text(session))


def _find(session: ReviewSession, library: Library, table: pd.DataFrame, order: Sequence[str]) -> None:
    """Look for the view's images, where the view or its page is new."""
    if session.view.is_queue:
        draw_from_queue(session, library, table, order)
        return
    if session.found_for != session.view.without_page:
        session.ids = find_images(table, session.view, library.embeddings)
        session.found_for = session.view.without_page
    last = max(0, (len(session.ids) - 1) // PAGE_SIZE)
    session.go_to_page(min(session.view.page, last))


def _end_text(session: ReviewSession) -> str:
    if session.view.is_queue:
        if not session.reviewer:
            return _("The queue is shared out by name: say who you are, at the top right.")
        if session.view.is_second:
            return _("Nothing is left for a second opinion: nobody else has decided more, or you have too.")
        return _("Nothing is left for you: all that matches is decided, or on another reviewer's screen.")
    if session.view.is_filtered:
        return _("No face matches. Take a filter off, or clear them all above.")
    return ""


def show_start() -> None:
    """What to do while there is nothing to review."""
    st.html(
        f'<div class="review-start"><h2>{_("Nothing to review yet")}</h2><p>'
        + _("Add pictures first. They are judged and aligned, and then they wait here for your eyes.")
        + "</p></div>"
    )
    with st.container(horizontal=True, horizontal_alignment="center"):
        show_collect_link()
