"""What can go wrong with a library that a person must hear of in one sentence."""

from __future__ import annotations


class LibraryError(RuntimeError):
    """The library cannot do what was asked; the message is a sentence with the way out.

    Nothing that was saved before is lost, and nothing of the failed action is half saved.
    """


class OriginalMissing(LibraryError, FileNotFoundError):
    """The bytes of an image are not where they were put."""
