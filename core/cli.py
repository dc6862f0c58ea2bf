"""End a command as every command ends: an error is one line on stderr, and the exit code says which kind."""

from __future__ import annotations

import sys

# Exit codes: it could not be done, it was asked for wrongly, a person ended it.
FAILED, MISTAKE, STOPPED = 1, 2, 130


def one_line(error: object) -> str:
    """Put an error, or a sentence, on one line, without Python's name for it."""
    return " ".join(str(error).split())


def fail(error: object, code: int = MISTAKE) -> int:
    """Print an error on one line and give the exit code."""
    return stop(one_line(error), code)


def stop(message: object, code: int) -> int:
    """Print a message as it is and give the exit code."""
    print(message, file=sys.stderr)
    return code
