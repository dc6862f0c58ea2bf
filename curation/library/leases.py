"""Who is looking at which image, for a while, so that no two people do the same work."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Literal

from sqlalchemy import Connection, delete, exists, select

from curation.library.database import Write, chunks
from curation.library.names import clean_reviewer
from curation.library.schema import images, leases, opinions

Among = Literal["undecided", "not_mine", "any"]


def lease(
    write: Write,
    reviewer: str,
    candidates: Sequence[str],
    count: int,
    *,
    ttl_s: float = 300,
    among: Among = "undecided",
) -> list[str]:
    """Draw images; see `curation.library.library.Library.lease`."""
    if among not in ("undecided", "not_mine", "any"):
        raise ValueError(f"expected among to be undecided, not_mine or any, got {among!r}")
    if count < 1 or ttl_s <= 0:
        raise ValueError(f"expected a count of 1 or more and a positive ttl_s, got {count} and {ttl_s}")
    reviewer, moment = clean_reviewer(reviewer), time.time()
    write.connection.execute(delete(leases).where(leases.c.expires_at <= moment))
    holders = dict(
        write.connection.execute(select(images.c.id, leases.c.reviewer).join_from(images, leases)).all()
    )
    mine = [image_id for image_id in candidates if holders.get(image_id) == reviewer]
    free = [image_id for image_id in candidates if image_id not in holders]
    drawn: dict[str, int] = {}
    for chunk in chunks(dict.fromkeys(mine + free)):
        if len(drawn) >= count:
            break
        # What somebody decided since the candidates were listed is not work any more.
        drawn |= _open(write.connection, chunk, reviewer, among, count - len(drawn))
    write.upsert(
        leases,
        [{"number": number, "reviewer": reviewer, "expires_at": moment + ttl_s} for number in drawn.values()],
    )
    return list(drawn)


def _open(
    connection: Connection, ids: Sequence[str], reviewer: str, among: Among, count: int
) -> dict[str, int]:
    wanted = select(images.c.id, images.c.number).where(images.c.id.in_(ids))
    decided = exists().where(opinions.c.number == images.c.number)
    if among == "undecided":
        wanted = wanted.where(~decided)
    elif among == "not_mine":
        wanted = wanted.where(~decided.where(opinions.c.reviewer == reviewer))
    found = {row.id: row.number for row in connection.execute(wanted)}
    return {image_id: found[image_id] for image_id in [i for i in ids if i in found][:count]}


def release(write: Write, reviewer: str) -> None:
    """Give back all that a reviewer holds."""
    write.connection.execute(delete(leases).where(leases.c.reviewer == clean_reviewer(reviewer)))
