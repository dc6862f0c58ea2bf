"""Say quantities as people write them, on every page alike."""

from __future__ import annotations


def size_text(size_bytes: float) -> str:
    """Bytes in kB, MB or GB of thousands, with a tenth below a hundred."""
    for unit in ("kB", "MB", "GB"):
        size_bytes /= 1000
        if size_bytes < 999.5 or unit == "GB":
            return f"{size_bytes:,.1f} {unit}" if size_bytes < 99.95 else f"{size_bytes:,.0f} {unit}"
    raise AssertionError
