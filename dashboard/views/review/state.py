"""What the Review page remembers: per visitor, and for all of them which actions are already done."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from functools import cache

import streamlit as st

from core.names import normal_name
from dashboard.views.review.filters import PAGE_SIZE, View, from_query, to_query

GRID, REVIEWER, WHO = "review_grid", "reviewer", "who"
_SESSION = "review_session"
NAME_LENGTH = 60


@dataclass
class ReviewSession:
    """One visitor's memory of the page."""

    view: View = field(default_factory=View)
    query: dict[str, list[str]] | None = None  # the address as it was last read or written
    # The images of ``found_for``, in order. It stays as it is while pages are turned, so that a decision moves nothing
    # under the reviewer's eyes.
    ids: list[str] = field(default_factory=list)
    found_for: View | None = None
    leased: list[str] = field(default_factory=list)  # in the queue: the images that only this reviewer has
    is_leased: bool = False
    release: bool = False  # whether the next ones are to be taken instead of these
    reviewer: str = ""
    renewed: float = 0.0  # when the queue was last told that this reviewer is still here
    detail: str = ""
    beside: list[str] = field(default_factory=list)  # shown side by side
    turns: int = 0  # counts what the browser must take as another page
    # Page loads of the browser whose actions arrived in this session.
    clients: list[str] = field(default_factory=list)
    notices: int = 0
    notice: str = ""
    trouble: str = ""
    shows_splitting: bool = False  # whether this visitor has group pictures cut
    widgets: int = 0  # part of the filter widgets' keys: a new number sets them anew

    def say(self, text: str) -> None:
        """Let the page show one sentence, once."""
        self.notices += 1
        self.notice = text

    def page_ids(self) -> list[str]:
        """The images of the page that is shown."""
        if self.view.is_queue:
            return self.leased
        start = self.view.page * PAGE_SIZE
        return self.ids[start : start + PAGE_SIZE]

    def go_to_page(self, page: int) -> None:
        """Show another page of what was found."""
        if page != self.view.page:
            self.view = replace(self.view, page=page)

    def look_at(self, view: View) -> None:
        """Change what is shown; the filter starts on its first page."""
        if view.without_page != self.view.without_page:
            self.found_for = None
            self.is_leased = False
        self.view = view
        self.turns += 1


def review_session() -> ReviewSession:
    """This visitor's memory, made at the first call."""
    session: ReviewSession = st.session_state.setdefault(_SESSION, ReviewSession())
    return session


def read_address(session: ReviewSession) -> None:
    """Take the view from the page's address, where that is not our own writing.

    Only for a run of the whole page. What the browser sends with a fragment's run may be the address
    of a moment ago. A visitor who comes back from another page has no query: then the view stays.
    """
    query = {name: st.query_params.get_all(name) for name in st.query_params}
    if query and query != session.query:
        session.look_at(from_query(query))
        session.widgets += 1
        session.reviewer = clean_name(query.get(WHO, [""])[-1]) or session.reviewer
    session.query = query
    session.found_for = None  # there may be new images since the last visit
    session.reviewer = session.reviewer or clean_name(st.session_state.get(REVIEWER))


def write_address(session: ReviewSession) -> None:
    """Make the page's address say what is shown, for bookmarks and reloads."""
    wanted = to_query(session.view) | ({WHO: session.reviewer} if session.reviewer else {})
    query = {name: [value] if isinstance(value, str) else value for name, value in wanted.items()}
    if query != session.query:
        session.query = query
        st.query_params.from_dict(wanted)
    if session.reviewer:
        st.session_state[REVIEWER] = session.reviewer


def clean_name(name: object) -> str:
    """A reviewer's name without surrounding or doubled space; "" for what is none."""
    text = " ".join(normal_name(name).split()) if isinstance(name, str) else ""
    return text[:NAME_LENGTH].strip() if text.isprintable() else ""


class IdempotencyLog:
    """For every page load of a browser, the number of its last action that was carried out.

    It outlives sessions: a browser that lost its connection, or was reloaded, sends again what was not
    confirmed, and nothing is done twice. ``lock`` is held while actions are carried out.
    """

    def __init__(self, size: int = 10_000) -> None:
        self.lock = threading.Lock()
        self._size = size
        self._done: OrderedDict[str, int] = OrderedDict()

    def last(self, client: str) -> int:
        return self._done.get(client, 0)

    def note(self, client: str, number: int) -> None:
        self._done[client] = max(number, self.last(client))
        self._done.move_to_end(client)
        while len(self._done) > self._size:
            self._done.popitem(last=False)


@cache
def done_book() -> IdempotencyLog:
    """The one of this process."""
    return IdempotencyLog()
