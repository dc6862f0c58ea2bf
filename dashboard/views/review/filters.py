"""Filter and order what is reviewed, and list the choices."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from curation.library.records import GROUP_PICTURE, MEASUREMENT_NAMES
from curation.rules import Rule, Rules, failing
from dashboard.shared.texts import N_

if TYPE_CHECKING:
    import pandas as pd

    from curation.library.library import Library
    from curation.library.table import Filters

PAGE_SIZE = 60
DECISIONS = ("none", "keep", "reject", "unsure")
STATES = ("keep", "reject", "unsure", "undecided")
VERDICTS = ("keep", "reject")
SIMILARITY = "similarity"
SORTS = (
    "added_at",
    *MEASUREMENT_NAMES,
    "confidence",
    "proposal",
    "source",
    "rule",
    "duplicate_group",
    SIMILARITY,
)
RANGES = (*MEASUREMENT_NAMES, "confidence", "proposal")
MOST_NAMED, MOST_LETTERS = 100, 200  # of what an address may filter by
_LISTS = ("rule", "source", "label", "reviewer")
Range = tuple[str, float, float]


@dataclass(frozen=True)
class View:
    """Which images, in which order, which page of them."""

    decision: str = ""  # what a person said: ``none``, ``keep``, ``reject``, ``unsure``; "" shows all
    state: str = ""  # what counts in the end, a person before the machine; "" shows all
    verdict: str = ""
    rule: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    label: tuple[str, ...] = ()
    reviewer: tuple[str, ...] = ()
    disputed: bool = False
    text: str = ""
    ranges: tuple[Range, ...] = ()  # ``(column, low, high)``; an open end is infinite
    # A rule and its threshold, ``yaw@20``: images that break it, also where another rule decides; "" shows all.
    fails: str = ""
    sort: str = "added_at"
    descending: bool = False
    page: int = 0  # from 0
    is_queue: bool = False  # whether this reviewer is given images that no other reviewer has
    is_second: bool = False  # whether the queue gives what others have decided and this reviewer has not

    @property
    def without_page(self) -> View:
        return replace(self, page=0)

    @property
    def is_filtered(self) -> bool:
        return self.cleared != replace(self, page=0)

    @property
    def cleared(self) -> View:
        """The same order without any filter."""
        return View(
            sort=self.sort, descending=self.descending, is_queue=self.is_queue, is_second=self.is_second
        )


def to_query(view: View) -> dict[str, str | list[str]]:
    """A view as query parameters; what is as usual is left out."""
    query: dict[str, str | list[str]] = {
        "decision": view.decision,
        "state": view.state,
        "verdict": view.verdict,
        **{name: list(getattr(view, name)) for name in _LISTS},
        "disputed": "1" if view.disputed else "",
        "fails": view.fails,
        "q": view.text,
        **{f"r.{column}": f"{_end(low)}..{_end(high)}" for column, low, high in view.ranges},
        "sort": view.sort if view.sort != "added_at" else "",
        "desc": "1" if view.descending else "",
        "page": str(view.page or ""),
        "queue": ("second" if view.is_second else "1") if view.is_queue else "",
    }
    return {name: value for name, value in query.items() if value}


def from_query(query: Mapping[str, Sequence[str]]) -> View:
    """A view from query parameters (each a list of texts); what makes no sense is as if it were not there."""

    def one(name: str, allowed: Sequence[str] | None = None) -> str:
        value = query.get(name, [""])[-1] if query.get(name) else ""
        return value if allowed is None or value in allowed else ""

    ranges = []
    for name, values in query.items():
        column = name.removeprefix("r.")
        if name.startswith("r.") and column in RANGES and (found := _range(values[-1])):
            ranges.append((column, *found))
    page = one("page")
    return View(
        decision=one("decision", DECISIONS),
        state=one("state", STATES),
        verdict=one("verdict", VERDICTS),
        disputed=one("disputed") == "1",
        text=one("q")[:MOST_LETTERS],
        fails=one("fails") if failed_rule(one("fails")) else "",
        ranges=tuple(sorted(ranges)),
        sort=one("sort", SORTS) or "added_at",
        descending=one("desc") == "1",
        page=int(page) if page.isascii() and page.isdigit() and len(page) < 7 else 0,
        is_queue=one("queue") in ("1", "second"),
        is_second=one("queue") == "second",
        **{
            name: tuple(dict.fromkeys(one[:MOST_LETTERS] for one in query.get(name, ())[:MOST_NAMED]))
            for name in _LISTS
        },
    )


def _end(value: float) -> str:
    return "" if math.isinf(value) else f"{value:g}"


def _range(text: str) -> tuple[float, float] | None:
    ends = text.split("..")
    if len(ends) != 2:
        return None
    try:
        low, high = (float(ends[0] or "-inf"), float(ends[1] or "inf"))
    except ValueError:
        return None
    return (low, high) if low <= high else None


def find_images(
    table: pd.DataFrame, view: View, embeddings: Callable[[Sequence[str]], np.ndarray] | None = None
) -> list[str]:
    """Ids of all images of a view, in its order.

    Parameters
    ----------
    embeddings
        Gives those of the faces of some ids, for the order by similarity; without it that order is of arrival.
    """
    from curation.library.table import select

    sort = "added_at" if view.sort == SIMILARITY else view.sort
    found = select(table, filters_of(view), sort=sort, descending=view.descending)
    if rule := failed_rule(view.fails):
        fails = set(table.index[failing(table, rule)])
        found = [image_id for image_id in found if image_id in fails]
    if view.sort == SIMILARITY and embeddings is not None and found:
        from curation.similarity import order_by_similarity

        order = order_by_similarity(embeddings(found))
        return [found[place] for place in (order[::-1] if view.descending else order)]
    if view.sort != "duplicate_group" or not found:
        return found
    is_alone = (table["duplicate_group"] == "").reindex(found).to_numpy()
    return [
        found[place] for place in np.argsort(is_alone, kind="stable")
    ]  # what looks like nothing comes last


def failing_view(rule: Rule) -> View:
    """The images that break a rule at its present threshold."""
    return View(fails=f"{rule.name}@{rule.threshold:.10g}")


@cache
def _default_rules() -> Rules:
    """Read once: a view is read from its address at every run of the page."""
    return Rules.default()


def failed_rule(text: str) -> Rule | None:
    """The rule that a view's ``fails`` names; None for what names none."""
    name, _, threshold = text.partition("@")
    if not threshold:
        return None
    rules = _default_rules()
    try:
        return replace(rules[name], threshold=float(threshold)) if name in rules.names else None
    except ValueError:
        return None


def filters_of(view: View) -> Filters:
    """The library's own filters of a view."""
    from curation.library.table import Filters

    decision = "" if view.decision == "none" else view.decision
    return Filters(
        decision=(decision,) if view.decision else (),
        state=(view.state,) if view.state else (),
        verdict=(view.verdict,) if view.verdict else (),
        rule=view.rule,
        source=view.source,
        label=view.label,
        reviewer=view.reviewer,
        disputed=True if view.disputed else None,
        ranges={column: (low, high) for column, low, high in view.ranges},
        text=view.text,
    )


@dataclass(frozen=True)
class Choices:
    """What the library offers to filter by, each with the number of images behind it."""

    decisions: Mapping[str, int]  # what people said; ``none`` where nobody did
    rules: Mapping[str, int]
    sources: Mapping[str, int]
    labels: Mapping[str, int]
    reviewers: Mapping[str, int]
    titles: Mapping[str, str]  # of the rules, and of a source that has one, by name
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
        titles=titles | {GROUP_PICTURE: N_("Faces of group pictures")},
        disputed=int(table["disputed"].sum()),
        total=len(table),
        has_proposals=bool(table["proposal"].notna().any()),
    )


def _count(column: pd.Series) -> dict[str, int]:
    """How often each word of a categorical column occurs, those that do."""
    words = column.cat.categories
    counts = np.bincount(column.cat.codes.to_numpy(), minlength=len(words)).tolist()
    return {str(word): number for word, number in zip(words, counts, strict=True) if number}
