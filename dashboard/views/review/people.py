"""Say who reviews, and lead second opinions."""

from __future__ import annotations

import html
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.shared.plain_text import without_folders
from dashboard.shared.texts import _, ngettext
from dashboard.views.review.filters import PAGE_SIZE, find_images
from dashboard.views.review.state import ReviewSession

if TYPE_CHECKING:
    import pandas as pd

    from curation.agreement import Agreement
    from curation.library.decisions import Among
    from curation.library.library import Library
    from dashboard.views.review.filters import Choices


def show_people(library: Library, session: ReviewSession, choices: Choices) -> None:
    """Show the menu; the numbers in it are worked out when it is opened."""
    if not choices.reviewers:
        return
    count = choices.disputed
    menu = st.popover(
        _("Reviewers · {count:,} to settle", count=count) if count else _("Reviewers"),
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
            "<p>"
            + "<br>".join(_("<b>{name}</b> decided {n:,}", name=html.escape(name), n=n) for name, n in names)
            + "</p>"
        )
        st.html(agreement_html(library.agreement()))
        if count:
            st.button(
                ngettext("Settle {n:,} disagreement", "Settle {n:,} disagreements", count),
                key="review_settle",
                type="primary",
                on_click=_show_disputed,
                args=(session,),
            )
            st.caption(_("There, a decision counts for good against the older ones."))


def _show_disputed(session: ReviewSession) -> None:
    session.look_at(replace(session.view.cleared, disputed=True, is_queue=False, is_second=False))
    session.widgets += 1
    st.session_state["review_people"] = False


def agreement_html(agreement: Agreement) -> str:
    """Cohen's kappa of every pair of reviewers, or why there is none."""
    if not agreement.pairs:
        said = _("No two reviewers have decided on the same face yet, so their agreement is not known.")
        return f"<p>{said}</p>"
    rows = "".join(
        f"<tr><td>{html.escape(_('{one} and {other}', one=pair.first, other=pair.second))}</td>"
        f"<td>{'–' if pair.kappa is None else f'{pair.kappa:.2f}'}</td>"
        f"<td>{pair.percent:.0f} %</td><td>{pair.images:,}</td></tr>"
        for pair in agreement.pairs
    )
    return (
        f'<table class="review-agreement"><tr><th>{_("Reviewers")}</th>'
        f'<th title="{_("Cohen’s kappa: agreement beyond chance")}">κ</th>'
        f"<th>{_('agree')}</th><th>{_('faces')}</th></tr>{rows}</table>"
    )


LEASE_S = 600
RENEW_S = 60


def draw_from_queue(
    session: ReviewSession, library: Library, table: pd.DataFrame, order: Sequence[str]
) -> None:
    """Take the next faces where they are asked for; hold on to those that are on the screen."""
    from curation.library.records import LibraryError

    if not session.reviewer:
        session.leased, session.is_leased = [], False
        return
    try:
        if not session.is_leased:
            if session.release:
                library.release(session.reviewer)
            waiting = waiting_images(session, table, order)
            among: Among = "not_mine" if session.view.is_second else "undecided"
            session.leased = library.lease(session.reviewer, waiting, PAGE_SIZE, ttl_s=LEASE_S, among=among)
            session.is_leased, session.release, session.renewed = True, False, time.monotonic()
        elif session.leased and time.monotonic() - session.renewed > RENEW_S:
            library.lease(session.reviewer, session.leased, PAGE_SIZE, ttl_s=LEASE_S, among="any")
            session.renewed = time.monotonic()
    except LibraryError as error:
        session.trouble = without_folders(error)


def waiting_images(session: ReviewSession, table: pd.DataFrame, order: Sequence[str]) -> list[str]:
    """Undecided images that match the filters, in the order in which they are to be given out.

    Where the visitor asked for no other order, those come first that teach the machine most. For second
    opinions: images that others have decided alike and this visitor has not.
    """
    if session.view.is_second:
        found = find_images(table, replace(session.view, page=0))
        said, disputed = table["reviewers"], table["disputed"]
        return [i for i in found if said[i] and session.reviewer not in said[i] and not disputed[i]]
    view = replace(session.view, decision="none", page=0)
    if view.sort != "added_at" or view.descending or not order:
        return find_images(table, view)
    found = find_images(table, replace(view, sort="confidence"))
    left = set(found)
    first = [image_id for image_id in order if image_id in left]
    left.difference_update(first)
    return [*first, *(image_id for image_id in found if image_id in left)]
