"""Keep who added, judged, exported, deleted, trained, compared and imported what, and when.

One line of JSON for each action in ``audit.jsonl`` of the data folder, appended and never changed. Decisions on single
images are not repeated here: the library keeps every one of them.
"""

from __future__ import annotations

import csv
import heapq
import io
import logging
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

from starlette.responses import StreamingResponse
from starlette.routing import Route

from core.atomic_files import append_line
from core.config import settings
from core.names import harmless_cell
from core.untrusted_files import read_json_lines
from dashboard import access
from dashboard.shared.links import address
from dashboard.shared.plain_text import writable
from dashboard.shared.shared_library import shared_library

if TYPE_CHECKING:
    from starlette.requests import Request

    from curation.library.records import LoggedDecision

logger = logging.getLogger(__name__)

AUDIT_FILE = "audit.jsonl"
COLUMNS = ("when", "who", "action", "what", "detail")
CSV_PATH = "records/audit.csv"
_ROWS_AT_ONCE = 1000
_HEADERS = {
    "Content-Disposition": 'attachment; filename="audit.csv"',
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Accel-Buffering": "no",  # a proxy hands it on as it comes
}


def record(action: str, what: str, detail: str = "") -> None:
    """Append what the visitor of the page that runs now has done.

    A disk that cannot take the line does not undo what was done: that is logged instead.
    """
    line = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "who": access.visitor().name,
        "action": action,
        "what": what,
        "detail": detail,
    }
    try:
        append_line(settings().data / AUDIT_FILE, line)
    except OSError:
        logger.exception("the audit file cannot be written: %s", line)


def read() -> list[dict[str, str]]:
    """Read all lines, newest first; one that was cut short is left out.

    Returns
    -------
    lines
        Each with ``COLUMNS``.
    """
    return list(lines())[::-1]


def lines() -> Iterator[dict[str, str]]:
    """Yield all lines, oldest first, as `read` gives them."""
    for entry in read_json_lines(settings().data / AUDIT_FILE):
        with suppress(KeyError):
            yield {column: writable(str(entry[column])) for column in COLUMNS}


def get_csv(request: Request) -> StreamingResponse:
    """Answer with all that was done and decided, or that of some people (``who``) and actions (``action``), by time.

    The lines of the file and the library's decisions are merged while they are read; a million of them never lie in
    the memory at once.
    """
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
        writer.writerows({name: harmless_cell(text) for name, text in row.items()} for row in some)
        yield buffer.getvalue()
        if not some:
            return
        buffer.seek(0)
        buffer.truncate()


def routes() -> list[Route]:
    """What the server has to know of; see ``dashboard/app.py``."""
    return [Route(address(CSV_PATH), get_csv, methods=["GET"])]
