"""End a command as every command ends: an error is one line on stderr, and the exit code says which kind."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from functools import wraps

Main = Callable[..., int]
AGAIN = "Stopped. Start it again to go on from here."

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


def command(*failures: type[Exception], stopped: str = AGAIN) -> Callable[[Main], Main]:
    """Decorate the ``main`` of a command so that it ends as every command ends.

    Parameters
    ----------
    failures
        Errors of what could not be done. A ValueError is a mistake of whoever asked; an OSError is explained,
        unless it is among these.
    stopped
        What to say when a person ends it.
    """

    def decorate(main: Main) -> Main:
        @wraps(main)
        def run(arguments: list[str] | None = None) -> int:
            try:
                return main(arguments)
            except ValueError as error:
                return stop(error, MISTAKE)
            except failures as error:
                return stop(error, FAILED)
            except OSError as error:
                return stop(_explain(error), FAILED)
            except KeyboardInterrupt:
                return stop(stopped, STOPPED)

        return run

    return decorate


def _explain(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "The disk is full. Free some space and start it again; what is done stays done."
    where = f" ({error.filename})" if error.filename else ""
    return f"Stopped: {error.strerror or error}{where}. Start it again to go on from here."
