"""Which images a person looks at, and in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from core.names import search_key
from curation.library.records import GROUP_PICTURE

Names = str | Sequence[str]
Range = tuple[float | None, float | None]


@dataclass(frozen=True)
class Filters:
    """All that an image must satisfy to be shown; empty means any.

    Attributes
    ----------
    state, verdict, rule, source, licence, status, decision
        A name, or several of which one must hold; the source ``picture:`` holds for all faces that were cut
        out of group pictures.
    label, reviewer
        A name or several: the image carries one of these labels, or was decided by one of them.
    disputed
        Only disputed images, or only others.
    ranges
        Column -> (low, high), both included, either may be ``None``; what was not measured is left out.
    text
        Part of the file's name, author or image id, in any case.
    """

    state: Names = ()
    verdict: Names = ()
    rule: Names = ()
    source: Names = ()
    licence: Names = ()
    status: Names = ()
    decision: Names = ()
    label: Names = ()
    reviewer: Names = ()
    disputed: bool | None = None
    ranges: Mapping[str, Range] = field(default_factory=dict)
    text: str = ""


_WORDS = ("state", "verdict", "rule", "source", "licence", "status", "decision")
_TUPLES = {"label": "labels", "reviewer": "reviewers"}


def select(
    table: pd.DataFrame, filters: Filters | None = None, sort: str = "added_at", *, descending: bool = False
) -> list[str]:
    """Ids of the images that pass, sorted.

    Parameters
    ----------
    sort
        Any column; what was not measured comes last, equals keep their order of arrival.

    Raises
    ------
    ValueError
        If a column is unknown or cannot be sorted or cut into ranges.
    """
    picked = np.flatnonzero(matching(table, filters or Filters()))
    keys = _sort_keys(table, sort)[picked]
    order = np.argsort(-keys if descending else keys, kind="stable")  # NaN goes last either way
    return table.index.take(picked[order]).tolist()


def matching(table: pd.DataFrame, filters: Filters) -> np.ndarray:
    """Which rows pass, as (N,) bool."""
    passed = np.ones(len(table), dtype=bool)
    for name in _WORDS:
        if wanted := _names(getattr(filters, name)):
            if GROUP_PICTURE in wanted and name == "source":
                known = table[name].cat.categories
                wanted = (*wanted, *known[known.str.startswith(GROUP_PICTURE)])
            passed &= table[name].isin(wanted).to_numpy()
    for name, column in _TUPLES.items():
        if wanted := _names(getattr(filters, name)):
            some = set(wanted)
            passed &= np.fromiter((not some.isdisjoint(found) for found in table[column]), bool, len(table))
    if filters.disputed is not None:
        passed &= table["disputed"].to_numpy() == filters.disputed
    for column, (low, high) in filters.ranges.items():
        values = _sort_keys(table, column)
        passed &= values >= (-np.inf if low is None else np.float32(low))
        passed &= values <= (np.inf if high is None else np.float32(high))
    if text := search_key(filters.text.strip()):
        passed &= _contains(table, text)
    return passed


def _names(wanted: Names) -> tuple[str, ...]:
    return (wanted,) if isinstance(wanted, str) else tuple(wanted)


def _contains(table: pd.DataFrame, text: str) -> np.ndarray:
    authors = table["author"].cat
    hits = [code for code, author in enumerate(authors.categories) if text in search_key(str(author))]
    found = np.fromiter((text in search_key(name) for name in table["name"]), bool, len(table))
    return found | authors.codes.isin(hits).to_numpy() | table.index.str.startswith(text)


def _sort_keys(table: pd.DataFrame, column: str) -> np.ndarray:
    """Numbers (N,) float64 in the order of a column's values, NaN where there is none."""
    if column not in table:
        raise ValueError(f"{column!r} is no column. Valid names: {', '.join(map(str, table.columns))}.")
    values = table[column]
    if isinstance(values.dtype, pd.CategoricalDtype):
        ranks = np.argsort(np.argsort(values.cat.categories.astype(str).to_numpy(), kind="stable"))
        return ranks[values.cat.codes.to_numpy()].astype(np.float64)
    if values.dtype.kind == "M":
        keys = values.to_numpy().astype("datetime64[s]").astype(np.int64).astype(np.float64)
        return np.where(values.isna(), np.nan, keys)
    if values.dtype.kind in "fiub":
        return values.to_numpy(np.float64)
    if column == "name":
        return values.rank(method="dense").to_numpy(np.float64)
    raise ValueError(f"{column!r} holds lists, which have no order. Choose another column.")
