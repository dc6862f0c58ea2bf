"""What an export job has written, read back from its answers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Exported:
    """A finished export; see `curation.export.dataset.ExportSummary`."""

    out: str
    zip: str
    images: int
    splits: dict[str, int] = field(default_factory=dict)
    people: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    commands: dict[str, str] = field(default_factory=dict)


def read_exported(output: Path) -> Exported | None:
    """The summary that the job printed last, or ``None`` before it has."""
    try:
        lines = output.read_text(encoding="utf-8", errors="replace").splitlines()
        found = json.loads(lines[-1]) if lines else {}
    except (OSError, ValueError):
        return None
    if not isinstance(found, dict) or "out" not in found:
        return None
    return Exported(
        str(found["out"]), str(found.get("zip") or ""), int(found.get("images", 0)),
        dict(found.get("splits") or {}), tuple(found.get("people") or ()), tuple(found.get("warnings") or ()),
        dict(found.get("commands") or {}),
    )  # fmt: skip
