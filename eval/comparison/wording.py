"""What a comparison says in words and figures, for the page, the exports and whoever reads either."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from eval.comparison.result import Column, Comparison, Estimate, ModelResult, PairResult, Standing, Warned

Group = Literal["sets", "photo", "sketch"]
GROUPS: dict[Group, str] = {
    "sets": "Outputs as a set",
    "photo": "Likeness to the true photo",
    "sketch": "Obeys the sketch",
}
# Not read from the registry of metrics: that takes PyTorch.
PHOTO_METRICS = frozenset({"l1", "psnr", "ssim", "ms_ssim", "lpips"})
TELLING = ("landmarks", "lpips", "l1", "chamfer")
NOTHING = "–"
SEVERITIES = ("misleads", "caution", "note")


@dataclass(frozen=True)
class Verdict:
    """The answer to "which is better?" under one column.

    Attributes
    ----------
    kind
        ``best`` (one is separated from every other), ``tie`` (some share the first place), ``open`` (nothing was
        tested, so nothing is claimed) or ``alone`` (there is only one model).
    """

    kind: Literal["best", "tie", "open", "alone"]
    models: tuple[str, ...]
    sentence: str


def group_of(column: Column) -> Group:
    """Which question a column answers."""
    if not column.per_case:
        return "sets"
    return "photo" if column.key in PHOTO_METRICS else "sketch"


def column_of(comparison: Comparison, key: str) -> Column:
    """The column of a key.

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
    """What to order single cases by: the judged column where they have it, else what tells most of what they have."""
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


def interval_text(estimate: Estimate) -> str:
    """Its 95 % interval, empty where it has none."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{number_text(estimate.low)} to {number_text(estimate.high)}"


def p_text(p: float | None) -> str:
    """A p-value; small ones as a bound."""
    if p is None:
        return NOTHING
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def standing_of(comparison: Comparison, column: str, model: str) -> Standing | None:
    """A model's place under a column, None where nothing was tested."""
    return next((s for s in comparison.standings if s.column == column and s.model == model), None)


def in_order(comparison: Comparison, column: Column) -> list[ModelResult]:
    """The models from best to worst; those without a value last."""

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


def pairs_of(comparison: Comparison, column: str) -> list[PairResult]:
    """The tests of a column."""
    return [pair for pair in comparison.pairs if pair.column == column]


def verdict(comparison: Comparison, column: Column) -> Verdict:
    """Who is best under a column, or that nobody can tell; never a rank that was not tested."""
    models = [model for model in in_order(comparison, column) if value_of(model, column.key) is not None]
    title = column.title
    if not models:
        return Verdict("open", (), f"No model has a figure for {title}.")
    first = models[0]
    figure = f"{number_text(value_of(first, column.key))}{_unit(column)}"
    if len(models) == 1:
        return Verdict(
            "alone", (first.name,), f"{first.name} has {figure}; there is no other to compare it with."
        )
    best = [m.name for m in models if (s := standing_of(comparison, column.key, m.name)) and s.is_best]
    if best:
        others = "both others" if len(models) == 3 else "the other" if len(models) == 2 else "all others"
        return Verdict(
            "best", tuple(best), f"{best[0]} is best by {title}: {figure}, and separated from {others}."
        )
    top = [m.name for m in models if (s := standing_of(comparison, column.key, m.name)) and s.rank == 1]
    if len(top) > 1:
        return Verdict("tie", tuple(top), _tie_sentence(comparison, column, top))
    if top:
        close = standing_of(comparison, column.key, top[0])
        others = in_words(close.tied_with) if close and close.tied_with else "the others"
        words = f"{top[0]} has the best {title} ({figure}), but is not separated from {others}: no winner."
        return Verdict("tie", tuple(top), words)
    return Verdict(
        "open",
        (),
        f"{first.name} has the best {title} ({figure}); whether the difference is real was not tested.",
    )


def _tie_sentence(comparison: Comparison, column: Column, top: Sequence[str]) -> str:
    words = f"Tie by {column.title}: {in_words(top)} cannot be told apart"
    needed = [p.needed for p in pairs_of(comparison, column.key) if {p.first, p.second} <= set(top)]
    known = [count for count in needed if count is not None]
    if known and len(known) == len(needed):
        return f"{words}; about {max(known):,} images a model would."
    return f"{words} with this many images."


def ties_in_words(standing: Standing | None) -> str:
    """``best``, ``tie with a and b``, or empty."""
    if standing is None:
        return ""
    if standing.is_best:
        return "best"
    return f"tie with {in_words(standing.tied_with)}" if standing.tied_with else ""


def in_words(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``; names that hold a comma themselves in quotation marks."""
    names = [f"“{name}”" if "," in name else name for name in names]
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def pair_text(pair: PairResult, column: Column) -> str:
    """A pair's test in one sentence."""
    value = pair.difference.value
    if value is None:
        return f"{pair.first} and {pair.second} could not be compared."
    chance = p_text(pair.p_adjusted if pair.p_adjusted is not None else pair.p)
    interval = interval_text(pair.difference)
    facts = (
        f"difference {number_text(value)}"
        + (f", 95 % interval {interval}" if interval else "")
        + f", {chance}"
    )
    if pair.extrapolated is not None and pair.extrapolated.value is not None:
        facts += f"; without the bias of few images {number_text(pair.extrapolated.value)}"
        spread = interval_text(pair.extrapolated)
        facts += f", {spread}" if spread else ""
    if not pair.is_separated:
        needed = f"; about {pair.needed:,} images a model would tell" if pair.needed else ""
        return f"{pair.first} and {pair.second} are a tie ({facts}{needed})."
    better, worse = winner_of(pair, column)
    return f"{better} is better than {worse} ({facts})."


def winner_of(pair: PairResult, column: Column) -> tuple[str, str]:
    """The better and the worse of a pair by its difference."""
    is_first = ((pair.difference.value or 0.0) > 0) == column.higher_is_better
    return (pair.first, pair.second) if is_first else (pair.second, pair.first)


def warnings_in_order(comparison: Comparison) -> list[Warned]:
    """What misleads first."""
    return sorted(comparison.warnings, key=lambda warned: SEVERITIES.index(warned.severity))


def can_stand_beside(comparison: Comparison, earlier: Comparison) -> str:
    """Why two comparisons must not be ranked together; empty if they may."""
    if comparison.protocol.key != earlier.protocol.key:
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
