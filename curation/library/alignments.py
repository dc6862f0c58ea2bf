"""Eyes and mouth as a person put them, over what the machine found."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

from sqlalchemy import Connection, func, insert, select

from curation.library.database import Write, now
from curation.library.images import numbers_of
from curation.library.schema import alignments, examinations, images

Anchors = tuple[tuple[float, float], ...]


def correct(
    write: Write, image_id: str, anchors: Sequence[Sequence[float]], reviewer: str, token: str | None
) -> None:
    """Append a correction; with a token that was used before, nothing happens."""
    points = _check(anchors)
    if token is not None:
        known = select(alignments.c.id).where(alignments.c.token == token)
        if write.connection.execute(known).first() is not None:
            return
    number = numbers_of(write.connection, [image_id])[image_id]
    write.connection.execute(
        insert(alignments).values(
            number=number, anchors=json.dumps(points), reviewer=reviewer, made_at=now(), token=token
        )
    )


def _check(anchors: Sequence[Sequence[float]]) -> Anchors:
    try:
        points = tuple((float(x), float(y)) for x, y in anchors)
    except (TypeError, ValueError) as error:
        raise ValueError(f"expected three points (x, y), got {anchors!r}") from error
    if len(points) != 3 or not all(math.isfinite(value) for point in points for value in point):
        raise ValueError(f"expected image-left eye, image-right eye and mouth as (x, y), got {anchors!r}")
    return points


def corrections(connection: Connection) -> dict[str, Anchors]:
    """Newest correction of each image that has one."""
    newest = select(func.max(alignments.c.id)).group_by(alignments.c.number)
    rows = connection.execute(
        select(images.c.id, alignments.c.anchors)
        .join_from(images, alignments)
        .where(alignments.c.id.in_(newest))
        .order_by(images.c.number)
    )
    return {row.id: _read(row.anchors) for row in rows}


def alignment_of(connection: Connection, image_id: str) -> Anchors:
    """The newest correction, else what the machine found, else nothing."""
    for table in (alignments, examinations):
        newest = select(table.c.anchors).join_from(images, table).where(images.c.id == image_id)
        if table is alignments:
            newest = newest.order_by(alignments.c.id.desc()).limit(1)
        found = connection.execute(newest).scalar()
        if found is not None:
            return _read(found)
    return ()


def _read(text: str) -> Anchors:
    return tuple((x, y) for x, y in json.loads(text))
