"""What a generated set was made by: its key, and what is kept beside its pictures."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from core.atomic_files import write_atomically

ABOUT_FILE = "about.json"


@dataclass(frozen=True)
class About:
    """What a generated set was made by, and how long it took.

    Attributes
    ----------
    weights
        sha256 by file.
    sketches
        Digest of the sketches.
    blank
        Sketches that nothing was drawn from, because they are empty or damaged, and why.
    ms_per_image
        Median from drawing to photo, None before one was drawn.
    """

    version: int
    generator: str
    stage1: str
    mode: str
    t: float
    k: int
    seed: int
    runtime: str
    device: str
    weights: Mapping[str, str]
    sketches: str
    blank: Mapping[str, str]
    ms_per_image: float | None = None

    @property
    def key(self) -> str:
        """Changes with everything that the pictures depend on."""
        facts = asdict(replace(self, blank={}, ms_per_image=None))
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def read_about_file(folder: Path) -> About | None:
    """What is known of the set in a folder; None if it is not there, or cut short: it only saves time."""
    try:
        return About(**json.loads((folder / ABOUT_FILE).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write_about_file(folder: Path, about: About) -> None:
    """Keep what is known of the set in a folder, which also marks it as used now."""
    facts: dict[str, Any] = asdict(about)
    write_atomically(folder / ABOUT_FILE, (json.dumps(facts, indent=1, sort_keys=True) + "\n").encode())
