"""Put the findings of a comparison into words."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from eval.comparison.result import (
    Column,
    Comparison,
    Estimate,
    Floor,
    ModelResult,
    PairResult,
    SetUsed,
    Standing,
    Warned,
)

Translate = Callable[[str], str]
Group = Literal["sets", "photo", "sketch"]
GROUPS: dict[Group, str] = {
    "sets": "Outputs as a set",
    "photo": "Likeness to the true photo",
    "sketch": "Obeys the sketch",
}
# Not read from the registry of metrics: that takes PyTorch.
PHOTO_METRICS = frozenset({"l1", "psnr", "ssim", "ms_ssim", "lpips", "checkerboard", "blotchiness"})
TELLING = ("landmarks", "lpips", "l1", "chamfer")
VOTES_WON, VOTES_STRENGTH = "votes_won", "votes_strength"  # columns of `eval.comparison.votes`
NOTHING = "–"
AND, INTERVAL, BEST, TIE = "{some} and {last}", "{low} to {high}", "best", "tie with {names}"
FLOORS = {  # by whether they are of single cases: title and count
    False: ("Real against real", "the floor, {n:,} on each side"),
    True: ("True photos", "the floor, {n:,} photos"),
}
SEVERITIES = ("misleads", "caution", "note")
# What a red warning is called in a headline; first those after which a model is no winner, whatever its figure.
FAULTS = {
    "ignores_input": "it ignores its input",
    "memorised": "its outputs repeat training photos",
    "training_copies": "training photos are among its outputs",
    "duplicates_between_sets": "images of another set are among its outputs",
    "reencoded_copies": "its outputs are another model's, packed anew",
    "repeated_outputs": "it draws the same faces again and again",
    "blurred_outputs": "its outputs are blurred, which this figure rewards",
    "value_range": "its outputs were written in a wrong range",
    "channels_swapped": "red and blue are swapped",
    "strips": "its files hold several images",
    "sheets": "its files hold several images",
}
DOUBTS = {
    "below_floor": "it lies below what true photos get",
    "few_images": "few images",
    "rank_deficient": "fewer images than features",
    "unequal_counts": "unequal numbers of images",
    "format_mix": "pictures stored differently",
    "transparency": "transparent pictures",
    "grey_mix": "different shares of grey pictures",
    "train_in_reference": "training photos among the true ones",
    "metrics_disagree": "two distances disagree",
    "bias_decides": "the bias of few images decides",
}
# Warnings whose own sentence takes statistics to read: what they mean for somebody who only wants to choose a model.
PLAIN_WARNINGS = {
    "rank_deficient": "There are fewer images than this figure needs: being few is part of every number.",
    "unequal_counts": "The models have different numbers of images, which changes this figure.",
    "below_floor": "Outputs are closer to the true photos than other true photos are: copies, or too little variety.",
    "bias_decides": "With so few images the order may be an accident.",
    "metrics_disagree": "Two figures contradict each other about which model is better.",
}


@dataclass(frozen=True)
class Verdict:
    """The answer to "which is better?" under one column."""

    # ``best`` (one is separated from every other), ``tie`` (some share the first place), ``open`` (nothing was tested,
    # so nothing is claimed) or ``alone`` (there is only one model).
    kind: Literal["best", "tie", "open", "alone"]
    models: tuple[str, ...]
    sentence: str  # with every doubt named
    # Warnings after which the figure of the first, or the first itself, misleads.
    doubts: tuple[Warned, ...] = ()


def group_of(column: Column) -> Group:
    """Which question a column answers."""
    if not column.per_case:
        return "sets"
    return "photo" if column.key in PHOTO_METRICS else "sketch"


def column_of(comparison: Comparison, key: str) -> Column:
    """Look up the column of a key.

    Raises
    ------
    ValueError
        If the comparison has none.
    """
    for column in comparison.columns:
        if column.key == key:
            return column
    raise ValueError(f"column {key!r} is none of {', '.join(column.key for column in comparison.columns)}.")


def telling_column(comparison: Comparison, judged: Column) -> Column | None:
    """Choose what to order single cases by: the judged column, else what tells most of what they have."""
    if judged.per_case:
        return judged
    found = {column.key: column for column in comparison.columns if column.per_case}
    return next((found[key] for key in TELLING if key in found), None) or next(iter(found.values()), None)


def number_text(value: float | None) -> str:
    """A figure as a table shows it: three or four digits that matter.

    Examples
    --------
    >>> number_text(96.412), number_text(0.11234), number_text(1312.2), number_text(None)
    ('96.4', '0.112', '1,312', '–')
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.1f}"
    if size >= 1:
        return f"{value:.2f}"
    return f"{value:.3f}" if size >= 0.01 or size == 0 else f"{value:.2g}"


def interval_text(estimate: Estimate, translate: Translate = str) -> str:
    """Its 95 % interval, empty where it has none."""
    if estimate.low is None or estimate.high is None:
        return ""
    return translate(INTERVAL).format(low=number_text(estimate.low), high=number_text(estimate.high))


def p_text(p: float | None) -> str:
    """A p-value; small ones as a bound."""
    if p is None:
        return NOTHING
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def standing_of(comparison: Comparison, column: str, model: str) -> Standing | None:
    """A model's place under a column, None where nothing was tested."""
    return next((s for s in comparison.standings if s.column == column and s.model == model), None)


def in_order(comparison: Comparison, column: Column | None = None) -> list[ModelResult]:
    """Order the models from best to worst; those without a value last.

    Without a column by the first that has standings, or as they were asked for where none has.
    """
    if column is None and not comparison.standings:
        return list(comparison.models)
    column = column or column_of(comparison, comparison.standings[0].column)

    def place(model: ModelResult) -> tuple[int, bool, float]:
        standing = standing_of(comparison, column.key, model.name)
        value = value_of(model, column.key)
        sign = -1 if column.higher_is_better else 1
        return standing.rank if standing else 10**6, value is None, sign * (value or 0.0)

    return sorted(comparison.models, key=place)


def value_of(model: ModelResult, column: str) -> float | None:
    """A model's figure under a column, None where it has none."""
    estimate = model.scores.get(column)
    if estimate is None or estimate.value is None or not math.isfinite(estimate.value):
        return None
    return estimate.value


def floor_rows(
    comparison: Comparison, columns: Sequence[Column], translate: Translate = str
) -> list[tuple[str, str, dict[str, Floor]]]:
    """Say what true photos get: rows of a title, a count in words and floors by column, of sets and of cases."""
    found = []
    for is_per_case, (title, words) in FLOORS.items():
        keys = {column.key for column in columns if column.per_case is is_per_case}
        floors = {floor.column: floor for floor in comparison.floors if floor.column in keys}
        if floors:
            count = next(iter(floors.values())).count
            found.append((translate(title), translate(words).format(n=count), floors))
    return found


def pairs_of(comparison: Comparison, column: str) -> list[PairResult]:
    """Give the tests of a column."""
    return [pair for pair in comparison.pairs if pair.column == column]


def verdict(comparison: Comparison, column: Column) -> Verdict:
    """Tell who is best under a column, or that nobody can tell; no rank that was not tested, none without doubts."""
    models = [model for model in in_order(comparison, column) if value_of(model, column.key) is not None]
    if not models:
        return Verdict("open", (), f"No model has a figure for {column.title}.")
    said = _verdict(comparison, column, models)
    doubts = doubts_of(comparison, column, said.models or (models[0].name,))
    if not doubts:
        return said
    faults = [one for one in doubts if one.code in FAULTS]
    if said.kind == "best" and faults:
        figure = number_text(value_of(models[0], column.key)) + _unit(column)
        words = f"{quoted(models[0].name)} has the best {column.title} ({figure}), but is no winner: {_labels(doubts)}."
    else:
        words = f"{said.sentence} Beware: {_labels(doubts)}."
    return replace(said, sentence=words, doubts=doubts)


def doubts_of(comparison: Comparison, column: Column, models: Sequence[str]) -> tuple[Warned, ...]:
    """Give the red warnings that concern some models' figure: of the model itself, of the column, or of everything."""
    others = {model.name for model in comparison.models} - set(models)
    return tuple(
        one
        for one in comparison.warnings
        if one.severity == "misleads"
        and (not one.columns or column.key in one.columns)
        and (not one.sets or not set(one.sets) <= others)
    )


def _labels(doubts: Sequence[Warned]) -> str:
    known = {**FAULTS, **DOUBTS}
    found = sorted(doubts, key=lambda one: one.code not in FAULTS)
    return ", ".join(dict.fromkeys(known.get(one.code, one.code.replace("_", " ")) for one in found))


def _verdict(comparison: Comparison, column: Column, models: Sequence[ModelResult]) -> Verdict:
    title, first = column.title, models[0]
    figure = f"{number_text(value_of(first, column.key))}{_unit(column)}"
    if len(models) == 1:
        return Verdict(
            "alone",
            (first.name,),
            f"{quoted(first.name)} has {figure}; there is no other to compare it with.",
        )
    best = [m.name for m in models if (s := standing_of(comparison, column.key, m.name)) and s.is_best]
    if best:
        others = "both others" if len(models) == 3 else "the other" if len(models) == 2 else "all others"
        return Verdict(
            "best",
            tuple(best),
            f"{quoted(best[0])} is best by {title}: {figure}, and separated from {others}.",
        )
    top = [m.name for m in models if (s := standing_of(comparison, column.key, m.name)) and s.rank == 1]
    if len(top) > 1:
        return Verdict("tie", tuple(top), _tie_sentence(comparison, column, top))
    if top:
        close = standing_of(comparison, column.key, top[0])
        others = in_words(close.tied_with) if close and close.tied_with else "the others"
        words = f"{quoted(top[0])} has the best {title} ({figure}), but is not separated from {others}: no winner."
        return Verdict("tie", tuple(top), words)
    return Verdict(
        "open",
        (),
        f"{quoted(first.name)} has the best {title} ({figure}); whether the difference is real was not tested.",
    )


def _tie_sentence(comparison: Comparison, column: Column, top: Sequence[str]) -> str:
    words = f"Tie by {column.title}: {in_words(top)} cannot be told apart"
    needed = [p.needed for p in pairs_of(comparison, column.key) if {p.first, p.second} <= set(top)]
    known = [count for count in needed if count is not None]
    if known and len(known) == len(needed):
        return f"{words}; about {max(known):,} images a model would."
    return f"{words} with this many images."


def ties_in_words(standing: Standing | None, translate: Translate = str) -> str:
    """``best``, ``tie with a and b``, or empty."""
    if standing is None:
        return ""
    if standing.is_best:
        return translate(BEST)
    names = in_words(standing.tied_with, translate)
    return translate(TIE).format(names=names) if names else ""


def in_words(names: Sequence[str], translate: Translate = str) -> str:
    """``a``, ``a and b``, ``a, b and c``; names that hold a comma themselves in quotation marks."""
    *others, last = [quoted(name) for name in names] or [""]
    return translate(AND).format(some=", ".join(others), last=last) if others else last


def real_words(real: SetUsed) -> str:
    """Name the true photos with their number, or what stands for them."""
    return f"{real.count:,} true photos" if real.count else real.source


def quoted(name: str) -> str:
    """A name as it stands in a list: in quotation marks if it holds a comma itself."""
    return f"“{name}”" if "," in name else name


def pair_text(pair: PairResult, column: Column, translate: Translate = str) -> str:
    """A pair's test in one sentence, its intervals in the reader's language.

    All its differences are the better minus the worse, positive where it is better.
    """
    if pair.difference.value is None:
        return f"{quoted(pair.first)} and {quoted(pair.second)} could not be compared."
    better, worse = winner_of(pair, column)
    sign = (1 if better == pair.first else -1) * (1 if column.higher_is_better else -1)
    better, worse = quoted(better), quoted(worse)
    chance = p_text(pair.p_adjusted if pair.p_adjusted is not None else pair.p)
    difference = turned(pair.difference, sign)
    interval = interval_text(difference, translate)
    facts = [f"95 % interval {interval}, {chance}" if interval else chance]
    if pair.extrapolated is not None and pair.extrapolated.value is not None:
        unbiased = turned(pair.extrapolated, sign)
        spread = interval_text(unbiased, translate)
        value = number_text(unbiased.value) + (f", {spread}" if spread else "")
        facts.append(f"without the bias of few images {value}")
    by = number_text(difference.value)
    if pair.is_separated:
        return f"{better} is better than {worse} by {by} ({'; '.join(facts)})."
    if pair.needed:
        facts.append(f"about {pair.needed:,} images a model would tell")
    first, second = quoted(pair.first), quoted(pair.second)
    return f"{first} and {second} are a tie ({better} ahead by {by}, {'; '.join(facts)})."


def turned(estimate: Estimate, sign: int) -> Estimate:
    """An estimate times 1 or -1, its interval the right way round."""
    if sign > 0:
        return estimate
    value, low, high = (
        None if one is None else -one for one in (estimate.value, estimate.high, estimate.low)
    )
    return estimate.model_copy(update={"value": value, "low": low, "high": high})


def winner_of(pair: PairResult, column: Column) -> tuple[str, str]:
    """Tell the better and the worse of a pair by its difference."""
    is_first = ((pair.difference.value or 0.0) > 0) == column.higher_is_better
    return (pair.first, pair.second) if is_first else (pair.second, pair.first)


def warnings_in_order(comparison: Comparison) -> list[Warned]:
    """Order warnings, what misleads first."""
    return sorted(comparison.warnings, key=lambda warned: SEVERITIES.index(warned.severity))


def why_incomparable(comparison: Comparison, earlier: Comparison) -> str:
    """Why two comparisons must not be ranked together; empty if they may."""
    ours, theirs = (one.protocol.key.partition("|real ")[0] for one in (comparison, earlier))
    if ours != theirs:
        return (
            f"Their numbers follow different protocols ({comparison.protocol.name} and {earlier.protocol.name}"
            + (
                ", with other weights or another runtime"
                if comparison.protocol.name == earlier.protocol.name
                else ""
            )
            + "), so they cannot be ranked together. Repeat the earlier one under the present protocol."
        )
    if comparison.real.digest != earlier.real.digest:
        return (
            "Their true photos differ, so their numbers cannot be ranked together. Repeat the earlier one on "
            "the present photos."
        )
    return ""


def _unit(column: Column) -> str:
    return f" {column.unit}" if column.unit else ""
