"""All that was done and decided as one CSV, ``GET /records/audit.csv``, written while it is read.

The lines of the audit file and the library's decisions are merged by their time; a million of them never lie in the
memory at once.
"""

from __future__ import annotations

import csv
import heapq
import io
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from starlette.responses import StreamingResponse
from starlette.routing import Route

from dashboard.shared.audit import COLUMNS, lines
from dashboard.shared.links import address
from dashboard.shared.shared_library import shared_library

if TYPE_CHECKING:
    from starlette.requests import Request

    from curation.library.records import LoggedDecision

PATH = "records/audit.csv"
_ROWS_AT_ONCE = 1000
_HEADERS = {
    "Content-Disposition": 'attachment; filename="audit.csv"',
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Accel-Buffering": "no",  # a proxy hands it on as it comes
}


def answer(request: Request) -> StreamingResponse:
    """All lines, or those of some people (``who``) and actions (``action``), oldest first."""
    who, actions = set(request.query_params.getlist("who")), set(request.query_params.getlist("action"))

    def is_wanted(row: dict[str, str]) -> bool:
        return (not who or row["who"] in who) and (not actions or row["action"] in actions)

    decided = map(_as_line, shared_library().decision_log())
    merged = heapq.merge(lines(), decided, key=lambda row: row["when"])
    return StreamingResponse(_csv(filter(is_wanted, merged)), media_type="text/csv", headers=_HEADERS)


def _as_line(one: LoggedDecision) -> dict[str, str]:
    said = {"": "withdrawn", None: ""}.get(one.decision, one.decision) or ""
    parts = [said, *one.labels, "settles" if one.settles else ""]
    when = one.made_at.replace("Z", "+00:00")  # as the audit file writes it
    return dict(
        zip(COLUMNS, (when, one.reviewer, one.kind, one.image_id, " ".join(filter(None, parts))), strict=True)
    )


def _csv(rows: Iterable[dict[str, str]]) -> Iterator[str]:
    rest = iter(rows)
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS)
    writer.writeheader()
    while True:
        some = list(islice(rest, _ROWS_AT_ONCE))
        writer.writerows(some)
        yield buffer.getvalue()
        if not some:
            return
        buffer.seek(0)
        buffer.truncate()


def routes() -> list[Route]:
    """What the server has to know of; see ``dashboard/app.py``."""
    return [Route(address(PATH), answer, methods=["GET"])]
