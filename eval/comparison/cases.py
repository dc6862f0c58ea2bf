"""Single cases of a finished comparison: where a model fails, where it shines, where models disagree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from eval.comparison.result import Column, Comparison, ModelResult


@dataclass(frozen=True)
class RankedCase:
    """Attributes
    ----------
    index
        Position in ``Comparison.cases``.
    name
        Of the case.
    value
        What it is ranked by: the score, or between models the distance from best to worst.
    values
        Score of each model that has one.
    """

    index: int
    name: str
    value: float
    values: dict[str, float]


def model_of(comparison: Comparison, name: str) -> ModelResult:
    """The model of a name. ValueError if there is none."""
    for model in comparison.models:
        if model.name == name:
            return model
    raise ValueError(f"no model {name!r}; there are: {', '.join(one.name for one in comparison.models)}.")


def column_of(comparison: Comparison, key: str) -> Column:
    """The column of a key. ValueError if there is none."""
    for column in comparison.columns:
        if column.key == key:
            return column
    raise ValueError(f"no column {key!r}; there are: {', '.join(one.key for one in comparison.columns)}.")


def worst(comparison: Comparison, model: str, column: str, count: int = 8) -> tuple[RankedCase, ...]:
    """The cases a model scored worst in, worst first; cases without a score (no face) are left out."""
    return _ranked(comparison, model, column)[:count]


def best(comparison: Comparison, model: str, column: str, count: int = 8) -> tuple[RankedCase, ...]:
    """The cases a model scored best in, best first."""
    return tuple(reversed(_ranked(comparison, model, column)))[:count]


def disagreements(comparison: Comparison, column: str, count: int = 8) -> tuple[RankedCase, ...]:
    """The cases that the models' scores lie furthest apart in, furthest first; at least two must have one."""
    column_of(comparison, column)
    found = []
    for index, case in enumerate(comparison.cases):
        values = _values(comparison, column, index)
        if len(values) > 1:
            spread = max(values.values()) - min(values.values())
            found.append(RankedCase(index, case.name, spread, values))
    return tuple(sorted(found, key=lambda one: (-one.value, one.index))[:count])


def labels_of(comparison: Comparison) -> dict[str, Counter[str]]:
    """What the cases can be filtered by: of each label its values, and how many cases have each."""
    found: dict[str, Counter[str]] = {}
    for case in comparison.cases:
        for label, value in case.labels.items():
            found.setdefault(label, Counter())[value] += 1
    return {label: found[label] for label in sorted(found)}


def cases_with(comparison: Comparison, wanted: Mapping[str, str]) -> tuple[int, ...]:
    """Positions of the cases that have all wanted labels."""
    return tuple(
        index
        for index, case in enumerate(comparison.cases)
        if all(case.labels.get(label) == value for label, value in wanted.items())
    )


def _ranked(comparison: Comparison, model: str, column: str) -> tuple[RankedCase, ...]:
    sign = 1 if column_of(comparison, column).higher_is_better else -1
    scores = model_of(comparison, model).case_scores.get(column, ())
    found = [
        RankedCase(index, case.name, value, _values(comparison, column, index))
        for index, (case, value) in enumerate(zip(comparison.cases, scores, strict=False))
        if value is not None
    ]
    return tuple(sorted(found, key=lambda one: (sign * one.value, one.index)))


def _values(comparison: Comparison, column: str, index: int) -> dict[str, float]:
    values = {model.name: model.case_scores.get(column, ()) for model in comparison.models}
    return {
        name: value
        for name, scores in values.items()
        if index < len(scores) and (value := scores[index]) is not None
    }
