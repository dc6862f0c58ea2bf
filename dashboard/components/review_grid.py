"""The grid itself: one component that shows a page of faces and hands over what the reviewer does."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard.addresses import address
from dashboard.components.review_detail import detail_of
from dashboard.components.review_routes import PREFIX
from dashboard.components.review_tiles import addresses, as_seen_alone, tiles_of
from dashboard.resources import asset_text
from dashboard.review.filters import PAGE_SIZE
from dashboard.review.state import GRID, DoneBook, ReviewSession

if TYPE_CHECKING:
    import pandas as pd

    from curation.library.library import Library
    from dashboard.review.choices import Choices

SCRIPTS = tuple(
    f"review{part}.js"
    for part in ("_outbox", "_tiles", "_cursor", "_align", "_detail", "_keys", "_dialogs", "")
)


@cache
def _component() -> Any:
    return st.components.v2.component(
        "studio_review",
        html=asset_text("review.html"),
        css=asset_text("review.css"),
        js=asset_text("keys.js", *SCRIPTS),
    )


def received_deeds() -> Any:
    """What the browser sent with this run, unconfirmed deeds of before among it."""
    state = st.session_state.get(GRID)
    post = state.get("post") if state else None
    return post.get("deeds") if isinstance(post, dict) else None


def show_grid(
    library: Library,
    session: ReviewSession,
    table: pd.DataFrame,
    book: DoneBook,
    choices: Choices,
    *,
    end_text: str,
) -> None:
    """Show the page of faces that the session is at."""
    ids = session.page_ids()
    first = session.view.page * PAGE_SIZE
    coming = [] if session.view.is_queue else session.ids[first + PAGE_SIZE : first + 2 * PAGE_SIZE]
    detail = detail_of(library, table, session.detail) if session.detail in ids else None
    tiles = tiles_of(library, table, ids)
    if session.view.is_second:
        mine = library.opinions_of(ids, session.reviewer)
        tiles = [as_seen_alone(tile, mine.get(tile["id"], ""), session.reviewer) for tile in tiles]
        detail = detail and {**detail, "history": []}
    data = {
        "root": address(PREFIX),
        "tiles": tiles,
        "coming": addresses(library, coming),
        "pageKey": f"{hash(tuple(ids)):x}",
        "pageText": _page_text(session),
        "pages": 0 if session.view.is_queue else _pages(session),
        "countText": "" if session.view.is_queue else _count_text(len(session.ids)),
        "canGoBack": session.view.page > 0 and not session.view.is_queue,
        "canGoOn": bool(coming) or _finds_more(session),
        "isQueue": session.view.is_queue,
        "isDisputes": session.view.disputed,
        "reviewer": session.reviewer,
        "labels": sorted(choices.labels)[:200],
        "hasProposals": choices.has_proposals,
        "detail": detail,
        "done": {client: book.last(client) for client in session.clients},
        "notice": {"number": session.notices, "text": session.notice},
        "trouble": session.trouble,
        "endText": end_text,
    }
    _component()(key=GRID, data=data, on_post_change=lambda: None, width="stretch", height="content")


def _finds_more(session: ReviewSession) -> bool:
    """Whether turning the last page looks for more: what a decision takes out of the filter moves up."""
    if not session.page_ids():
        return False
    return session.view.is_queue or session.view.decision == "none" or session.view.disputed


def _count_text(count: int) -> str:
    return "1 face" if count == 1 else f"{count:,} faces"


def _page_text(session: ReviewSession) -> str:
    if session.view.is_queue:
        return f"{len(session.leased)} for you" if session.leased else ""
    pages = _pages(session)
    return f"{session.view.page + 1:,} of {pages:,}" if pages else ""


def _pages(session: ReviewSession) -> int:
    return -(-len(session.ids) // PAGE_SIZE)
