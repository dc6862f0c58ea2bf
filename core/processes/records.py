"""Small JSON files that one process writes and others read while it works."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from core.atomic_files import write_atomically


def write_record(path: Path, content: dict[str, Any]) -> None:
    """Replace a record at once; a reader meets the old one or the new one.

    Raises
    ------
    OSError
        If the folder is missing or the disk is full; the old record is untouched then.
    """
    write_atomically(path, json.dumps(content).encode(), durable=False)


def read_record(path: Path) -> dict[str, Any] | None:
    """What a record says, or ``None`` where it is missing or damaged."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def number(value: object) -> float:
    """A number of a record, 0 where it is none."""
    is_number = isinstance(value, int | float) and math.isfinite(value)
    return float(value) if is_number else 0.0  # type: ignore[arg-type]
