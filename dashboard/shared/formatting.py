"""Say quantities, and names that are not taken, as people write them: on every page alike."""

from __future__ import annotations

from collections.abc import Collection
from itertools import count


def size_text(size_bytes: float) -> str:
    """Bytes in kB, MB or GB of thousands, with a tenth below a hundred."""
    for unit in ("kB", "MB", "GB"):
        size_bytes /= 1000
        if size_bytes < 999.5 or unit == "GB":
            return f"{size_bytes:,.1f} {unit}" if size_bytes < 99.95 else f"{size_bytes:,.0f} {unit}"
    raise AssertionError


def free_name(stem: str, taken: Collection[str], first: int = 1) -> str:
    """The stem with the first number, from ``first`` on, that makes a name that is not taken."""
    return next(name for number in count(first) if (name := f"{stem}{number}") not in taken)
