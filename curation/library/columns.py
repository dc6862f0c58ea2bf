"""The columns of the table: where each comes from, and how it is held in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Select, select

from curation.library.records import MEASUREMENT_NAMES
from curation.library.schema import (
    duplicates,
    examinations,
    images,
    proposals,
    provenance,
    states,
    verdicts,
)

STATES = ("undecided", "keep", "reject", "unsure")
FLOATS = (*MEASUREMENT_NAMES, "value", "threshold", "proposal", "confidence")
TIMES = ("added_at", "decided_at")
TUPLES = ("reviewers", "labels")
WORDS = {  # columns of few different words, and those that come first
    "status": (),
    "verdict": ("keep", "reject"),
    "rule": (),
    "decision": ("keep", "reject", "unsure"),
    "source": (),
    "licence": (),
    "author": (),
    "uploader": (),
    "duplicate_group": (),
    "duplicate_kind": ("bytes", "pixels", "near"),
}
COLUMNS = (
    *("name", "source", "licence", "author", "uploader", "added_at", "status"),
    *MEASUREMENT_NAMES,
    *("verdict", "rule", "value", "threshold", "decision", "state", "disputed", "reviewers", "labels"),
    *("decided_at", "duplicate_group", "duplicate_kind", "duplicate_best", "proposal", "confidence"),
)
_DERIVED = ("name", "state", "duplicate_best")
STORED = tuple(name for name in COLUMNS if name not in _DERIVED)


@dataclass(frozen=True)
class Part:
    """Columns that one database table brings: a query with ``number`` first and ``changed`` last."""

    columns: tuple[str, ...]
    query: Select[Any]
    changed: Any


ARRIVALS = Part(
    ("image_id", "added_at", "source", "name", "licence", "author", "uploader"),
    select(
        images.c.number,
        images.c.id,
        images.c.added_at,
        *(provenance.c[name] for name in ("source", "name", "licence", "author", "uploader")),
    )
    .select_from(
        images.outerjoin(provenance, (provenance.c.number == images.c.number) & (provenance.c.position == 0))
    )
    .order_by(images.c.number),
    images.c.changed,
)
PARTS = (
    Part(
        ("status", *MEASUREMENT_NAMES),
        select(*examinations.c["number", "status", *MEASUREMENT_NAMES]),
        examinations.c.changed,
    ),
    Part(
        ("verdict", "rule", "value", "threshold"),
        select(*verdicts.c["number", "verdict", "rule", "value", "threshold"]),
        verdicts.c.changed,
    ),
    Part(
        ("decision", "disputed", "reviewers", "labels", "decided_at"),
        select(*states.c["number", "decision", "disputed", "reviewers", "labels", "decided_at"]),
        states.c.changed,
    ),
    Part(
        ("duplicate_group", "duplicate_kind"),
        select(*duplicates.c["number", "best", "kind"]),
        duplicates.c.changed,
    ),
    Part(
        ("proposal", "confidence"),
        select(*proposals.c["number", "proposal", "confidence"]),
        proposals.c.changed,
    ),
)


def states_of(decision: np.ndarray, verdict: np.ndarray, disputed: np.ndarray) -> pd.Categorical:
    """Person beats machine; what is disputed or not judged yet is undecided."""
    codes = np.where(decision > 0, decision, np.where(disputed, 0, verdict))
    return categorical(codes, STATES)


def is_best(group: np.ndarray, groups: list[str], ids: pd.Index) -> np.ndarray:
    """Rows (N,) bool that are in no group of duplicates, or its best."""
    best = group == 0
    spare = np.flatnonzero(~best)
    best[spare] = np.array(groups, dtype=object)[group[spare]] == ids.to_numpy(dtype=object)[spare]
    return best


def categorical(codes: np.ndarray, words: Sequence[str]) -> pd.Categorical:
    """Words by their codes (N,) int."""
    return pd.Categorical.from_codes(codes, pd.Index(list(words), dtype="str"), validate=False)


def empty(name: str, size: int) -> np.ndarray:
    """Rows (size,) of a column of which nothing is known."""
    if name in FLOATS:
        return np.full(size, np.nan, np.float32)
    if name in TIMES:
        return np.full(size, np.datetime64("NaT"), "datetime64[s]")
    if name in TUPLES:
        found = np.empty(size, dtype=object)
        found[:] = [()] * size
        return found
    return np.zeros(size, bool if name == "disputed" else np.int32)
