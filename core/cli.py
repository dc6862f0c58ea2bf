"""End a command as every command ends: an error is one line on stderr, and the exit code says which kind."""

from __future__ import annotations

import sys

FAILED, MISTAKE, STOPPED = (
    1,
    2,
    130,
)  # exit codes: it could not be done, it was asked for wrongly, a person ended it


def one_line(error: object) -> str:
    """Put an error, or a sentence, on one line, without Python's name for it."""
    return " ".join(str(error).split())


def fail(error: object, code: int = MISTAKE) -> int:
    """Print an error and give the exit code."""
    print(one_line(error), file=sys.stderr)
    return code
