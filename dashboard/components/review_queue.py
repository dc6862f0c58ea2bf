"""The queue: faces that this reviewer has and no other, those the machine is least sure of first."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dashboard.review.filters import PAGE_SIZE, find_images
from dashboard.review.state import ReviewSession

if TYPE_CHECKING:
    import pandas as pd

    from curation.library.leases import Among
    from curation.library.library import Library

LEASE_S = 600
RENEW_S = 60


def draw_from_queue(
    session: ReviewSession, library: Library, table: pd.DataFrame, order: Sequence[str]
) -> None:
    """Take the next faces where they are asked for; hold on to those that are on the screen."""
    from curation.library.errors import LibraryError

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
        session.trouble = str(error)


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
