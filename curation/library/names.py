"""Names that people type: reviewers, labels, versions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

MAX_REVIEWER, MAX_LABEL = 60, 40
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # no folder's name on Windows


def clean_reviewer(name: str) -> str:
    """A reviewer's name without blanks around it.

    Raises
    ------
    ValueError
        If nothing is left, or it is longer than 60 characters or holds unprintable ones.
    """
    clean = _one_line(name)
    if not clean:
        raise ValueError("a decision needs the reviewer's name, got an empty one")
    if len(clean) > MAX_REVIEWER or not clean.isprintable():
        raise ValueError(f"a reviewer's name has at most {MAX_REVIEWER} printable characters, got {name!r}")
    return clean


def clean_labels(labels: Iterable[str]) -> tuple[str, ...]:
    """Labels in small letters and single blanks, each once, in alphabetical order.

    Raises
    ------
    ValueError
        If one is empty, longer than 40 characters, or holds unprintable ones.
    """
    if isinstance(labels, str):
        raise ValueError(f"expected a list of labels, got the text {labels!r}")
    clean = {_one_line(label).casefold() for label in labels}
    for label in clean:
        if not label or len(label) > MAX_LABEL or not label.isprintable():
            raise ValueError(f"a label has 1 to {MAX_LABEL} printable characters, got {label!r}")
    return tuple(sorted(clean))


def check_version_name(name: str) -> str:
    """A version's name, if it can be a folder's name everywhere.

    Raises
    ------
    ValueError
        If it cannot.
    """
    if not _VERSION.fullmatch(name) or name.endswith(".") or _RESERVED.fullmatch(name):
        raise ValueError(
            "a version's name starts with a letter or digit and has at most 60 letters, digits, dots, "
            f"dashes and underscores, got {name!r}"
        )
    return name


def _one_line(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())
