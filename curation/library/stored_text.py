"""Text columns that take whatever strangers call their files."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Text as PlainText
from sqlalchemy.types import TypeDecorator


def storable(text: str) -> str:
    """A text as a database takes it; see `Text`."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


class Text(TypeDecorator[str]):
    """Text of strangers: file names that are no UTF-8 and NUL characters are written as escapes.

    Neither database takes them as they are.
    """

    impl = PlainText
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:
        """What is stored of a text."""
        return None if value is None else storable(value)
