"""Keep who added, judged, exported, deleted, trained, compared and imported what, and when.

One line of JSON for each action in ``audit.jsonl`` of the data folder, appended and never changed. Decisions on single
images are not repeated here: the library keeps every one of them.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from core.atomic_files import append_line
from core.config import settings
from dashboard import access

logger = logging.getLogger(__name__)

AUDIT_FILE = "audit.jsonl"
COLUMNS = ("when", "who", "action", "what", "detail")


def record(action: str, what: str, detail: str = "") -> None:
    """Append what the visitor of the page that runs now has done.

    A disk that cannot take the line does not undo what was done: that is logged instead.

    Parameters
    ----------
    action
        A verb, such as ``delete model``.
    what
        A name or an id.
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


def read(path: Path | None = None) -> list[dict[str, str]]:
    """Read all lines, newest first; one that was cut short is left out.

    Returns
    -------
    lines
        Each with ``COLUMNS``.
    """
    return list(lines(path))[::-1]


def lines(path: Path | None = None) -> Iterator[dict[str, str]]:
    """Yield all lines, oldest first, as `read` gives them."""
    path = settings().data / AUDIT_FILE if path is None else path
    with suppress(FileNotFoundError), path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            with suppress(ValueError, KeyError, TypeError):
                entry = json.loads(line)
                yield {column: str(entry[column]) for column in COLUMNS}
