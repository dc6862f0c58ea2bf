"""What the filters offer, counted once for each state of the library."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from curation.library.records import GROUP_PICTURE

if TYPE_CHECKING:
    import pandas as pd

    from curation.library.library import Library


@dataclass(frozen=True)
class Choices:
    """What the library offers to filter by, each with the number of images behind it.

    Attributes
    ----------
    decisions
        What people said; ``none`` where nobody did.
    titles
        Of the rules, and of a source that has one, by name.
    """

    decisions: Mapping[str, int]
    rules: Mapping[str, int]
    sources: Mapping[str, int]
    labels: Mapping[str, int]
    reviewers: Mapping[str, int]
    titles: Mapping[str, str]
    disputed: int
    total: int
    has_proposals: bool


@dataclass
class _Kept:
    """The last table that was counted, and its counts."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    table: pd.DataFrame | None = None
    choices: Choices | None = None


_kept = _Kept()


def choices_of(library: Library, table: pd.DataFrame) -> Choices:
    """Values to filter by, with the number of images behind each."""
    with _kept.lock:
        if _kept.table is not table or _kept.choices is None:
            _kept.choices = count_choices(table, {rule.name: rule.title for rule in library.rules().rules})
            _kept.table = table
        return _kept.choices


def count_choices(table: pd.DataFrame, titles: dict[str, str]) -> Choices:
    """Count a table's decisions, rules, sources, labels and reviewers."""
    decisions = _count(table["decision"])
    decisions["none"] = decisions.pop("", 0)
    rules, sources = _count(table["rule"]), Counter[str]()
    for source, number in _count(table["source"]).items():
        sources[GROUP_PICTURE if source.startswith(GROUP_PICTURE) else source] += number
    rules.pop("", None)
    return Choices(
        decisions=decisions,
        rules=rules,
        sources=sources,
        labels=Counter(chain.from_iterable(filter(None, table["labels"].to_numpy()))),
        reviewers=Counter(chain.from_iterable(filter(None, table["reviewers"].to_numpy()))),
        titles=titles | {GROUP_PICTURE: "Faces of group pictures"},
        disputed=int(table["disputed"].sum()),
        total=len(table),
        has_proposals=bool(table["proposal"].notna().any()),
    )


def _count(column: pd.Series) -> dict[str, int]:
    """How often each word of a categorical column occurs, those that do."""
    words = column.cat.categories
    counts = np.bincount(column.cat.codes.to_numpy(), minlength=len(words)).tolist()
    return {str(word): number for word, number in zip(words, counts, strict=True) if number}
