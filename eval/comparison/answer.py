"""Answer "which is better?" in one plain sentence, from the tests of a comparison.

The words are fixed patterns that a page may translate; nothing is claimed that was not tested, and no statistics
word is needed to read it. How sure it is, and why, `eval.comparison.formatting.verdict` says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from eval.comparison.formatting import (
    AND,
    FAULTS,
    Translate,
    doubts_of,
    in_order,
    in_words,
    pairs_of,
    quoted,
    value_of,
    winner_of,
)  # fmt: skip
from eval.comparison.result import Column, Comparison, ModelResult

Relation = Literal["better", "worse", "tied", "untested", "mixed"]

NONE = "No model has a figure for {title}."
ALONE = "There is only {name}, so nothing to compare it with."
UNTESTED = "Whether there is a difference between {names} was not tested."
ALL_TIED = "No difference can be seen between {names}."
BETTER, ARE_BETTER = "{better} is better than {worse}", "{better} are better than {worse}"
ORDER = "From best to worst: {levels}"
WITHIN = "between {names} no difference can be seen"
CHANCE = "the other differences may be chance"
NOT_ALL = "the others were not tested against each other"
FAULTY = "But {name} is no winner: {faults}."
SEMICOLON = "{first}; {second}"
AND_CLAUSE = "{first}, and {second}"
# How the drawing was taken to the generator, where the same generators were compared both ways.
WAYS: dict[Relation, tuple[str, str]] = {
    "tied": ("whole or by parts makes no difference", "Whole or by parts makes no difference"),
    "better": ("whole is better than by parts", "Whole is better than by parts"),
    "worse": ("by parts is better than whole", "By parts is better than whole"),
}
WAY_OF: dict[Relation, str] = {
    "better": "whole is better than by parts for {names}",
    "worse": "by parts is better than whole for {names}",
    "tied": "for {names} it makes no difference",
}
PATTERNS = (
    NONE, ALONE, UNTESTED, ALL_TIED, BETTER, ARE_BETTER, ORDER, WITHIN, CHANCE, NOT_ALL, FAULTY, AND, SEMICOLON,
    AND_CLAUSE, *(text for both in WAYS.values() for text in both), *WAY_OF.values(),
)  # fmt: skip


@dataclass(frozen=True)
class Contender:
    """What the sentence names: a model, or a generator whose whole and by-parts outputs stand alike to all others."""

    name: str
    models: tuple[str, ...]


def answer(comparison: Comparison, column: Column, translate: Translate = str) -> str:
    """Say which models are better than which under a column, as far as the tests tell them apart.

    Parameters
    ----------
    translate
        Gives a pattern in the reader's language; default English.
    """
    models = [model for model in in_order(comparison, column) if value_of(model, column.key) is not None]
    words = _Words(translate)
    if not models:
        return words(NONE, title=translate(column.title))
    if len(models) == 1:
        return words(ALONE, name=quoted(models[0].name))
    tests = _relations(comparison, column)
    found = _by_generator(models, tests)
    contenders = found or [Contender(one.name, (one.name,)) for one in models]
    ways = _ways(contenders, tests, words, is_alone=len(contenders) == 1) if found else ""
    main = _between(contenders, tests, words) if len(contenders) > 1 else ""
    if main and ways:
        main = words(SEMICOLON, first=main.removesuffix("."), second=ways)
    sentence = (main or ways).removesuffix(".") + "."
    return " ".join([sentence, *_faulty(comparison, column, models, tests, words)])


class _Words:
    """Patterns filled in, in the reader's language."""

    def __init__(self, translate: Translate) -> None:
        self._translate = translate

    def __call__(self, pattern: str, **values: str) -> str:
        return self._translate(pattern).format(**values)

    def names(self, contenders: Sequence[Contender]) -> str:
        """``a``, ``a and b``, ``a, b and c``."""
        return in_words([one.name for one in contenders], self._translate)

    def better(self, better: Sequence[Contender], worse: Sequence[Contender]) -> str:
        """One is, several are better."""
        pattern = BETTER if len(better) == 1 else ARE_BETTER
        return self(pattern, better=self.names(better), worse=self.names(worse))


_Relations = dict[tuple[str, str], Relation]
_OPPOSITE: dict[Relation, Relation] = {"better": "worse", "worse": "better"}


def _relations(comparison: Comparison, column: Column) -> _Relations:
    """How each tested pair of models stands, from either side."""
    found: _Relations = {}
    for pair in pairs_of(comparison, column.key):
        if pair.difference.value is None:
            continue
        told: Relation = "tied"
        if pair.is_separated:
            told = "better" if winner_of(pair, column)[0] == pair.first else "worse"
        found[pair.first, pair.second] = told
        found[pair.second, pair.first] = _OPPOSITE.get(told, told)
    return found


def _relation(one: Contender, other: Contender, tests: _Relations) -> Relation:
    """How two stand, where all their models stand alike."""
    found = {tests.get((a, b), "untested") for a in one.models for b in other.models}
    return found.pop() if len(found) == 1 else "mixed"


def _by_generator(models: Sequence[ModelResult], tests: _Relations) -> list[Contender]:
    """Join whole and by parts of each generator; nothing where that would not say the same."""
    grouped: dict[tuple[str, str], list[ModelResult]] = {}
    for model in models:
        grouped.setdefault((model.generator, "" if model.generator else model.name), []).append(model)
    both = [group for group in grouped.values() if len(group) > 1]
    if not both or any(sorted(one.stage1 for one in group) != ["parts", "whole"] for group in both):
        return []
    found = [
        Contender(
            min((one.name for one in group), key=len) if len(group) > 1 else group[0].name,
            tuple(one.name for one in sorted(group, key=lambda one: one.stage1, reverse=True)),
        )
        for group in grouped.values()
    ]
    is_alike = all(_relation(*two, tests) != "mixed" for two in combinations(found, 2))
    is_tested = all(one.models in tests for one in found if len(one.models) == 2)
    return found if is_alike and is_tested else []


def _ways(contenders: Sequence[Contender], tests: _Relations, words: _Words, *, is_alone: bool) -> str:
    """What whole or by parts makes of a difference."""
    groups: dict[Relation, list[Contender]] = {}
    for one in contenders:
        if len(one.models) == 2:
            groups.setdefault(tests[one.models[0], one.models[1]], []).append(one)
    if len(groups) == 1:
        return words(WAYS[next(iter(groups))][is_alone])
    clauses = [words(WAY_OF[told], names=words.names(groups[told])) for told in WAY_OF if told in groups]
    return _joined(clauses, words, last=AND_CLAUSE)


def _between(contenders: Sequence[Contender], tests: _Relations, words: _Words) -> str:
    """Who is better than whom."""
    told = {_relation(*two, tests) for two in combinations(contenders, 2)}
    if told == {"tied"}:
        return words(ALL_TIED, names=words.names(contenders))
    if not told & {"better", "worse"}:
        return words(UNTESTED, names=words.names(contenders))
    levels = _levels(contenders, tests)
    if levels and len(levels) <= 3:
        clauses = [words.better(levels[0], [one for level in levels[1:] for one in level])]
        clauses += [words.better(levels[1], levels[2])] if len(levels) == 3 else []
        main = words(AND_CLAUSE, first=clauses[0], second=clauses[1]) if len(clauses) > 1 else clauses[0]
        first = words(WITHIN, names=words.names(levels[0])) if len(levels[0]) > 1 else ""
        return words(SEMICOLON, first=main, second=first) if first else main
    if levels:
        main = words(ORDER, levels=_joined([words.names(level) for level in levels], words))
        ties = [words(WITHIN, names=words.names(level)) for level in levels if len(level) > 1]
        return words(SEMICOLON, first=main, second=_joined(ties, words)) if ties else main
    groups: dict[tuple[str, ...], list[Contender]] = {}
    by_name = {one.name: one for one in contenders}
    for one in contenders:
        beaten = tuple(other.name for other in contenders if _relation(one, other, tests) == "better")
        if beaten:
            groups.setdefault(beaten, []).append(one)
    clauses = [words.better(group, [by_name[name] for name in beaten]) for beaten, group in groups.items()]
    rest = words(NOT_ALL if told & {"untested"} else CHANCE)
    return words(SEMICOLON, first=_joined(clauses, words), second=rest)


def _levels(contenders: Sequence[Contender], tests: _Relations) -> list[list[Contender]]:
    """Groups from best to worst, each tied within and better than all that follow; nothing where no such order is."""
    levels: list[list[Contender]] = []
    for one in contenders:
        if levels and all(_relation(one, other, tests) == "tied" for other in levels[-1]):
            levels[-1].append(one)
        else:
            levels.append([one])
    ordered = all(
        _relation(one, other, tests) == "better"
        for upper, lower in combinations(levels, 2)
        for one in upper
        for other in lower
    )
    return levels if ordered else []


def _joined(clauses: Sequence[str], words: _Words, *, last: str = SEMICOLON) -> str:
    said = clauses[0]
    for place, clause in enumerate(clauses[1:], start=2):
        said = words(last if place == len(clauses) else SEMICOLON, first=said, second=clause)
    return said


def _faulty(
    comparison: Comparison,
    column: Column,
    models: Sequence[ModelResult],
    tests: _Relations,
    words: _Words,
) -> Iterator[str]:
    """Of those that nobody beats and that beat somebody, say which have a fault that makes their figure worthless."""
    for model in models:
        told = {tests.get((model.name, other.name)) for other in models}
        if "better" not in told or "worse" in told:
            continue
        codes = [one.code for one in doubts_of(comparison, column, (model.name,)) if one.code in FAULTS]
        if codes:
            faults = ", ".join(dict.fromkeys(words(FAULTS[code]) for code in codes))
            yield words(FAULTY, name=quoted(model.name), faults=faults)
