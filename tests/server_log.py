"""What a served dashboard wrote, and whether any of it is our fault."""

from __future__ import annotations

import re
from pathlib import Path

# Streamlit 1.67 reads from, or closes, the connection of a visitor who has just left; starlette raises.
# The visitor is gone, nothing is lost, and the traceback is printed all the same.
VISITOR_LEFT = "starlette.websockets.WebSocketDisconnect"
_TRACEBACK = re.compile(
    r"^Traceback \(most recent call last\):\n(?:[ \t].*\n|\n)*(?P<error>\S.*)$", re.MULTILINE
)


def errors_in(text: str) -> list[str]:
    """The last lines of all tracebacks in a server's output but those of visitors who left."""
    # Groups of exceptions and nested servers indent their tracebacks.
    flat = "\n".join(line.removeprefix("  ") if "Traceback" in line else line for line in text.splitlines())
    found = [match["error"] for match in _TRACEBACK.finditer(flat + "\n")]
    missed = flat.count("Traceback (most recent call last)") - len(found)
    return [error for error in found if not error.startswith(VISITOR_LEFT)] + ["cut off"] * missed


def check_server_log(log: Path) -> None:
    """Fail with the end of the log if the server raised anything."""
    text = log.read_text(errors="replace")
    errors = errors_in(text)
    assert not errors, f"{errors}\n{text[-4000:]}"
