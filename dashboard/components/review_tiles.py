"""What the grid is told of each image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dashboard.review.words import pose_text, short_reason

if TYPE_CHECKING:
    from curation.library.library import Library

_COLUMNS = (
    "verdict", "rule", "value", "threshold", "decision", "disputed", "reviewers", "labels", "yaw", "pitch",
    "roll", "duplicate_group", "proposal", "confidence",
)  # fmt: skip


def tiles_of(library: Library, table: pd.DataFrame, ids: Sequence[str]) -> list[dict[str, Any]]:
    """One small dict per image, in order; an image that was deleted meanwhile is marked as gone."""
    places = table.index.get_indexer(pd.Index(ids))
    here = places[places >= 0]
    columns = {name: table[name].array.take(here).tolist() for name in _COLUMNS}
    sizes = group_sizes(table, columns["duplicate_group"])
    said = opinions_of(library) if any(columns["disputed"]) else {}
    tiles = []
    row = 0
    for image_id, place in zip(ids, places, strict=True):
        if place < 0:
            tiles.append(_gone(image_id))
            continue
        facts = {name: values[row] for name, values in columns.items()}
        tiles.append(_tile(library, image_id, facts, sizes) | {"said": said.get(image_id, "")})
        row += 1
    return tiles


def _tile(library: Library, image_id: str, facts: dict[str, Any], sizes: dict[Any, int]) -> dict[str, Any]:
    angles = [_number(facts[name]) for name in ("yaw", "pitch", "roll")]
    return {
        "id": image_id,
        "v": picture_version(library, image_id),
        "verdict": facts["verdict"] or "",
        "why": short_reason(
            facts["verdict"] or "", facts["rule"] or "", _number(facts["value"]), _number(facts["threshold"])
        ),
        "d": facts["decision"] or "",
        "disputed": bool(facts["disputed"]),
        "who": list(facts["reviewers"]),
        "labels": list(facts["labels"]),
        "yaw": _rounded(angles[0]),
        "pitch": _rounded(angles[1]),
        "pose": pose_text(*angles),
        "dup": sizes.get(facts["duplicate_group"], 0),
        "p": _number(facts["proposal"]),
        "c": _number(facts["confidence"]),
    }


def as_seen_alone(tile: dict[str, Any], decision: str, reviewer: str) -> dict[str, Any]:
    """Hide what others have said of an image, so that a second opinion is one."""
    who = [reviewer] if decision else []
    return {**tile, "d": decision, "disputed": False, "said": "", "who": who}


def opinions_of(library: Library) -> dict[str, str]:
    """Who said what, of every image on which reviewers differ."""
    return {
        entry.image_id: ", ".join(f"{who}: {decision}" for who, decision, _ in entry.opinions)
        for entry in library.disagreements()
    }


def _gone(image_id: str) -> dict[str, Any]:
    return {
        "id": image_id, "v": "", "verdict": "", "why": "deleted", "d": "", "disputed": False, "who": [], "labels": [],
        "yaw": None, "pitch": None, "pose": "", "dup": 0, "p": None, "c": None, "said": "", "gone": True,
    }  # fmt: skip


def picture_version(library: Library, image_id: str) -> str:
    """A word that changes with the crop; empty where there is no picture."""
    try:
        return f"{library.files.thumb(image_id).stat().st_mtime_ns // 1000:x}"
    except OSError:
        return ""


def addresses(library: Library, ids: Sequence[str]) -> list[str]:
    """Ends of the thumbnails' addresses, so that the browser can fetch the next page beforehand."""
    return [f"{image_id}?v={version}" for image_id in ids if (version := picture_version(library, image_id))]


def _number(value: Any) -> float | None:
    if value is None:
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def group_sizes(table: pd.DataFrame, groups: Sequence[str]) -> dict[str, int]:
    """How many images each of some groups of duplicates holds."""
    wanted = set(groups) - {""}
    if not wanted:
        return {}
    column = table["duplicate_group"].cat
    counts = np.bincount(column.codes.to_numpy(), minlength=len(column.categories))
    places = column.categories.get_indexer(pd.Index(list(wanted)))
    return dict(zip(wanted, counts[places].tolist(), strict=True))
