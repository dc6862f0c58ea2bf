"""What the machine keeps: rules applied to stored measurements.

Nothing here reads a picture. `judge_table` gives every image its verdict with the rule, the value and
the threshold that decided it; `count_kept` and `keep_curve` say what other thresholds would do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from curation.rule_set import RULES_FILE, Rule, Rules

__all__ = ["RULES_FILE", "Rule", "Rules", "count_kept", "is_examined", "judge_table", "keep_curve"]

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


def keep_curve(table: pd.DataFrame, rules: Rules, name: str, thresholds: Sequence[float]) -> np.ndarray:
    """How many images all rules together would keep with other thresholds of one of them.

    Parameters
    ----------
    thresholds : (T,)

    Returns
    -------
    kept : (T,) int64
    """
    rule = rules[name]
    others = rules.with_threshold(name, enabled=False)
    passed = is_examined(table) & ~_broken(table, others).any(axis=0)
    values = _column(table, rule.column)[passed]
    missing = int(np.isnan(values).sum())
    values = np.sort(
        values[~np.isnan(values)] if rule.direction != "within" else np.abs(values[~np.isnan(values)])
    )
    wanted = np.asarray(thresholds, dtype=np.float32)
    if rule.direction == "at_least":
        return missing + len(values) - np.searchsorted(values, wanted, side="left")
    return missing + np.searchsorted(values, wanted, side="right")
