"""Read the rules of curation and apply them to measurements.

Nothing here reads a picture. `judge_table` gives every image its verdict with the rule, the value and
the threshold that decided it; `count_kept` says what other thresholds would do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
import yaml

from core.untrusted_files import load_yaml
from curation.library.records import MEASUREMENT_NAMES

RULES_FILE = Path(__file__).with_name("rules.yaml")
DERIVED = ("unreadable", "no_face", "spare")
COLUMNS = (*DERIVED, *MEASUREMENT_NAMES)
DIRECTIONS = ("at_least", "at_most", "within")
Slider = tuple[float, float, float]


@dataclass(frozen=True)
class Rule:
    """One reason to leave an image out."""

    name: str
    title: str
    # A measurement, or one of `DERIVED`: 1 where the picture could not be examined, shows no face, or is in a group of
    # duplicates without being its best.
    column: str
    # What is kept: ``at_least`` or ``at_most`` the threshold, or ``within`` it on either side of 0.
    direction: Literal["at_least", "at_most", "within"]
    threshold: float
    sentence: str  # why an image is out, with ``{value}`` and ``{threshold}`` to be filled in
    unit: str = ""
    # ``(low, high, step)`` of the thresholds that make sense; ``None`` where none is to be chosen.
    slider: Slider | None = None
    enabled: bool = True

    def __post_init__(self) -> None:
        if self.column not in COLUMNS:
            raise ValueError(_unknown(f"rule {self.name}: column {self.column!r}", COLUMNS))
        if self.direction not in DIRECTIONS:
            raise ValueError(_unknown(f"rule {self.name}: direction {self.direction!r}", DIRECTIONS))
        if not math.isfinite(self.threshold):
            raise ValueError(f"rule {self.name}: expected a finite threshold, got {self.threshold}")
        if self.slider is not None and not (self.slider[0] < self.slider[1] and self.slider[2] > 0):
            raise ValueError(f"rule {self.name}: expected a slider [low, high, step], got {self.slider}")
        try:
            self.explain(self.threshold)
        except (KeyError, ValueError, IndexError) as error:
            raise ValueError(f"rule {self.name}: the sentence cannot be filled in ({error!r})") from error

    def breaks(self, values: np.ndarray) -> np.ndarray:
        """Which of ``values`` (N,) break the rule, as (N,) bool; a missing one (NaN) does not."""
        threshold = np.float32(self.threshold)  # tables hold float32: a value on the threshold stays on it
        values = np.asarray(values, dtype=np.float32)
        if self.direction == "at_least":
            return values < threshold
        return (np.abs(values) if self.direction == "within" else values) > threshold

    def explain(self, value: float, threshold: float | None = None) -> str:
        """The sentence for a value that broke the rule."""
        shown = abs(value) if self.direction == "within" else value
        return self.sentence.format(value=shown, threshold=self.threshold if threshold is None else threshold)


@dataclass(frozen=True)
class Rules:
    """Rules in their order; the first one that is broken decides."""

    rules: tuple[Rule, ...]

    def __post_init__(self) -> None:
        names = [rule.name for rule in self.rules]
        if len(set(names)) < len(names):
            raise ValueError(f"each rule needs a name of its own, got {', '.join(names)}")

    def __getitem__(self, name: str) -> Rule:
        for rule in self.rules:
            if rule.name == name:
                return rule
        raise KeyError(_unknown(f"rule {name!r}", self.names))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all rules, in order."""
        return tuple(rule.name for rule in self.rules)

    @property
    def enabled(self) -> tuple[Rule, ...]:
        """Those that are not switched off."""
        return tuple(rule for rule in self.rules if rule.enabled)

    def with_threshold(
        self, name: str, threshold: float | None = None, *, enabled: bool | None = None
    ) -> Self:
        """The same rules with one threshold moved, or one rule switched on or off."""
        rule = self[name]
        new = replace(
            rule,
            threshold=rule.threshold if threshold is None else float(threshold),
            enabled=rule.enabled if enabled is None else enabled,
        )
        return replace(self, rules=tuple(new if old.name == name else old for old in self.rules))

    def explain(self, name: str, value: float, threshold: float) -> str:
        """Why an image is out; of a rule that is no more, its name and numbers."""
        if name in self.names:
            return self[name].explain(value, threshold)
        return f"{name}: {value:g} against {threshold:g}." if name else ""

    @classmethod
    def default(cls) -> Self:
        """The rules of the job, from ``rules.yaml``."""
        return cls.from_yaml(RULES_FILE.read_text(encoding="utf-8"))

    @classmethod
    def from_yaml(cls, text: str) -> Self:
        """Read rules.

        Raises
        ------
        ValueError
            If the text is no YAML, holds a key that is none of a rule's, lacks one, or says nonsense.
        """
        try:
            content = load_yaml(text)
        except ValueError as error:
            raise ValueError(f"the rules are no YAML: {error}") from error
        if not isinstance(content, dict) or not isinstance(content.get("rules"), list):
            raise ValueError("expected a list under the key rules")
        if unknown := set(content) - {"rules"}:
            raise ValueError(_unknown(f"key {', '.join(sorted(map(str, unknown)))}", ("rules",)))
        return cls(tuple(_read_rule(entry) for entry in content["rules"]))

    def to_yaml(self) -> str:
        """The rules as text that `from_yaml` takes; equal rules give equal text."""
        entries = [
            {
                key: list(value) if key == "slider" else value
                for key, value in asdict(rule).items()
                if value is not None
            }
            for rule in self.rules
        ]
        return yaml.safe_dump({"rules": entries}, sort_keys=False, allow_unicode=True, width=110)


def _read_rule(entry: Any) -> Rule:
    if not isinstance(entry, Mapping):
        raise ValueError(f"expected a rule with keys and values, got {entry!r}")
    named = f"rule {entry.get('name', '?')}"
    keys = tuple(field.name for field in fields(Rule))
    if unknown := set(entry) - set(keys):
        raise ValueError(_unknown(f"{named}: key {', '.join(sorted(map(str, unknown)))}", keys))
    required = ("name", "title", "column", "direction", "threshold", "sentence")
    if missing := [key for key in required if key not in entry]:
        raise ValueError(f"{named} lacks {', '.join(missing)}")
    values = dict(entry)
    try:
        values["threshold"] = float(values["threshold"])
        if values.get("slider") is not None:
            low, high, step = values["slider"]
            values["slider"] = (float(low), float(high), float(step))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{named}: expected numbers for threshold and slider [low, high, step]") from error
    for key in ("name", "title", "column", "direction", "sentence", "unit"):
        if not isinstance(values.get(key, ""), str):
            raise ValueError(f"{named}: expected text for {key}, got {values[key]!r}")
    if not isinstance(values.get("enabled", True), bool):
        raise ValueError(f"{named}: expected true or false for enabled, got {values['enabled']!r}")
    return Rule(**values)


def _unknown(what: str, valid: Sequence[str]) -> str:
    return f"{what} is not known. Valid names: {', '.join(valid)}."


GROUP_RATES = RULES_FILE.with_name("group_rates.json")  # written by tests/benchmarks/group_rates.py


def _column(table: pd.DataFrame, name: str) -> np.ndarray:
    if name == "no_face":
        return (table["status"] == "no_face").to_numpy(np.float32)
    if name == "unreadable":
        return (~table["status"].isin(["ok", "no_face"])).to_numpy(np.float32)
    if name == "spare":
        return (~table["duplicate_best"]).to_numpy(np.float32)
    return table[name].to_numpy(np.float32, na_value=np.nan)


def is_examined(table: pd.DataFrame) -> np.ndarray:
    """Rows (N,) bool that can be judged: those with a status."""
    return (table["status"].notna() & (table["status"] != "")).to_numpy(bool)


def _broken(table: pd.DataFrame, rules: Rules) -> np.ndarray:
    """(number of enabled rules, N) bool."""
    columns: dict[str, np.ndarray] = {}
    broken = np.zeros((len(rules.enabled), len(table)), dtype=bool)
    for row, rule in zip(broken, rules.enabled, strict=True):
        if rule.column not in columns:
            columns[rule.column] = _column(table, rule.column)
        row[:] = rule.breaks(columns[rule.column])
    return broken


def failing(table: pd.DataFrame, rule: Rule) -> np.ndarray:
    """Mark the examined rows (N,) bool that break one rule, whichever rule decides about them."""
    return is_examined(table) & rule.breaks(_column(table, rule.column))


def count_broken(table: pd.DataFrame, rules: Rules) -> np.ndarray:
    """How many enabled rules each row breaks, (N,) int; -1 where nothing was examined yet."""
    return np.where(is_examined(table), _broken(table, rules).sum(axis=0), -1)


def find_examples(table: pd.DataFrame, rule: Rule, broken: np.ndarray) -> tuple[str, str]:
    """Choose a typical image that passes all rules, and one that breaks this one and, where there is such, no other.

    Parameters
    ----------
    broken : (N,)
        From `count_broken`.

    Returns
    -------
    passing, failing
        Ids; empty where there is none.
    """
    fails = failing(table, rule)
    alone = fails & (broken == 1)
    passes = (broken == 0) & ~fails
    return _typical(table, rule, passes), _typical(table, rule, alone if alone.any() else fails)


def _typical(table: pd.DataFrame, rule: Rule, rows: np.ndarray) -> str:
    """The image in the middle of some rows, by what the rule measures."""
    places = np.flatnonzero(rows)
    if not len(places):
        return ""
    order = np.argsort(_column(table, rule.column)[places], kind="stable")
    return str(table.index[places[order[len(order) // 2]]])


def judge_table(table: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Verdict of every row, with what decided it.

    Parameters
    ----------
    table
        Columns ``status``, ``duplicate_best`` (bool) and the measurements.

    Returns
    -------
    verdicts
        On the same index: ``verdict`` ("keep", "reject", or "" where not yet examined), ``rule`` ("" if
        kept), ``value`` and ``threshold`` (float64, NaN if kept).
    """
    enabled = rules.enabled
    broken = _broken(table, rules) & is_examined(table)
    first = np.where(broken.any(axis=0), broken.argmax(axis=0), -1) if enabled else np.full(len(table), -1)
    value = np.full(len(table), np.nan)
    threshold = np.full(len(table), np.nan)
    for position, rule in enumerate(enabled):
        rows = first == position
        if rows.any():
            value[rows] = _column(table, rule.column)[rows]
            threshold[rows] = rule.threshold
    verdict = np.where(is_examined(table), np.where(first < 0, 1, 2), 0)
    return pd.DataFrame(
        {
            "verdict": _words(verdict, ["", "keep", "reject"]),
            "rule": _words(first + 1, ["", *(rule.name for rule in enabled)]),
            "value": value,
            "threshold": threshold,
        },
        index=table.index,
    )


def _words(codes: np.ndarray, words: Sequence[str]) -> pd.Categorical:
    return pd.Categorical.from_codes(codes, pd.Index(list(words), dtype="str"))


def count_kept(table: pd.DataFrame, rules: Rules) -> dict[str, Any]:
    """How many images rules keep, each alone and all together.

    Returns
    -------
    counts
        ``images`` (examined), ``kept`` (by all), ``alone`` {rule: kept by it alone} and ``without``
        {rule: kept by all the others}, for every enabled rule.
    """
    examined = is_examined(table)
    broken = _broken(table, rules)[:, examined]
    times = broken.sum(axis=0)
    names = [rule.name for rule in rules.enabled]
    return {
        "images": int(examined.sum()),
        "kept": int((times == 0).sum()),
        "alone": {name: int((~row).sum()) for name, row in zip(names, broken, strict=True)},
        "without": {name: int((times - row == 0).sum()) for name, row in zip(names, broken, strict=True)},
    }
