"""Names that people type: reviewers, labels, versions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from core.names import normal_name

MAX_REVIEWER, MAX_LABEL, MAX_VERSION = 60, 40, 60
MAX_VERSION_BYTES = 200  # as UTF-8; a folder's name has 255, and more is added to it
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
    """Give a version's name in whole characters (NFC), if it can be a folder's name everywhere.

    Raises
    ------
    ValueError
        If it cannot.
    """
    name = normal_name(name)
    is_short = len(name) <= MAX_VERSION and len(name.encode("utf-8", "replace")) <= MAX_VERSION_BYTES
    if not (name[:1].isalnum() and is_short and all(_is_plain(c) for c in name)) or (
        name.endswith(".") or _RESERVED.fullmatch(name)
    ):
        raise ValueError(
            "a version's name starts with a letter or digit of any script and has at most "
            f"{MAX_VERSION} letters, digits, dots, dashes and underscores, got {name!r}"
        )
    return name


def _is_plain(character: str) -> bool:
    return character in "._-" or unicodedata.category(character)[0] in "LMN"  # Thai vowels are marks


def _one_line(text: str) -> str:
    return " ".join(normal_name(text).split())
