"""Numbers that contradict each other, or were chosen because they are good."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator

from eval.comparison.formatting import quoted
from eval.comparison.result import CurvePoint, Floor, PairResult, Warned
from eval.warnings.facts import Facts
from eval.warnings.wording import figure, listed

FAR = 2.33  # standard errors: one in a hundred lies further below by chance
NEAR_COUNT = 0.02  # by which a floor's number of images may differ from the model's
SURE = 0.05
CLEAR = 0.05  # relative difference that is a claim even without a test
_STEP = re.compile(r"(?P<run>.+)@(?P<step>\d+)")


def below_floor(facts: Facts) -> Iterator[Warned]:
    """A distance that is smaller than true photos have among themselves, by more than chance."""
    for floor in facts.comparison.floors:
        if floor.column not in facts.columns("fid") or floor.estimate.value is None:
            continue
        under = {
            name: score.value
            for name, one in facts.models.items()
            if (score := facts.score(name, floor.column)) is not None
            and score.value is not None
            and _is_below(facts, name, floor, len(one))
        }
        if under:
            told = listed([f"{quoted(name)} {figure(value)}" for name, value in under.items()])
            yield Warned(
                code="below_floor", severity="misleads", sets=tuple(under), columns=(floor.column,),
                text=(
                    f"{told} lie below the floor of {figure(floor.estimate.value)}, what true photos get against other "
                    f"true photos at {floor.count} images: such outputs are copies of the reference, or have lost "
                    "diversity. Look at recall, coverage and the nearest training photos."
                ),
            )  # fmt: skip


def _is_below(facts: Facts, model: str, floor: Floor, count: int) -> bool:
    """Whether a model is nearer to true photos than these are to one another.

    Both are compared at a number of images at which both were measured: a floor that is extended from half the
    images to all is 3 to 6 % high, and called one set of other true photos in eight a copy.
    """
    real = {point.count: point.estimate for point in floor.points}
    own = {point.count: point.estimate for point in _curve(facts, floor.column, model)}
    if not (shared := real.keys() & own.keys()):
        bound = floor.estimate.low if floor.estimate.low is not None else floor.estimate.value
        value = _value_at(facts, model, floor, count)
        return bound is not None and value is not None and value < bound
    at = max(shared)
    usual, here = real[at], own[at]
    if usual.value is None or here.value is None:
        return False
    error = math.hypot(usual.error or 0.0, own[max(own)].error or 0.0)
    return usual.value - here.value > FAR * error


def _curve(facts: Facts, column: str, model: str) -> tuple[CurvePoint, ...]:
    """A column's value against the number of images, empty where it is not known."""
    for curve in facts.comparison.curves:
        if (curve.column, curve.model, curve.over) == (column, model, "n"):
            return curve.points
    return ()


def _value_at(facts: Facts, model: str, floor: Floor, count: int) -> float | None:
    """A model's distance at the floor's number of images, None where it is not known."""
    if abs(count - floor.count) <= NEAR_COUNT * floor.count:
        score = facts.score(model, floor.column)
        return score.value if score is not None else None
    points = _curve(facts, floor.column, model)
    return next((point.estimate.value for point in points if point.count == floor.count), None)


def metrics_disagree(facts: Facts) -> Iterator[Warned]:
    """FID puts one model first and KID the other."""
    for fid in facts.columns("fid"):
        kid = next((key for key in facts.columns("kid") if _protocol(key) == _protocol(fid)), None)
        if kid is None:
            continue
        by_kid = {(pair.first, pair.second): pair for pair in facts.comparison.pairs if pair.column == kid}
        for pair in (pair for pair in facts.comparison.pairs if pair.column == fid):
            other = by_kid.get((pair.first, pair.second))
            if other is None or _of(pair) * _of(other) >= 0:
                continue
            if not (_is_claim(facts, pair) and _is_claim(facts, other)):
                continue
            better, worse = (pair.first, pair.second) if _of(pair) < 0 else (pair.second, pair.first)
            is_separated = pair.is_separated or other.is_separated
            yield Warned(
                code="metrics_disagree", severity="misleads" if is_separated else "caution",
                sets=(pair.first, pair.second), columns=(fid, kid),
                text=(
                    f"{fid} puts {quoted(better)} before {quoted(worse)} (by {figure(abs(_of(pair)))}), {kid} the "
                    f"other way (by {figure(abs(_of(other)))}). KID has no bias at few images: do not call either one "
                    f"better before "
                    "more images agree."
                ),
            )  # fmt: skip


def bias_decides(facts: Facts) -> Iterator[Warned]:
    """A difference that its test calls real, and whose sign turns once the bias of few images is taken out."""
    for pair in facts.comparison.pairs:
        limit = pair.extrapolated.value if pair.extrapolated is not None else None
        if limit is None or _of(pair) * limit >= 0 or not (pair.is_separated or _is_significant(pair)):
            continue
        yield Warned(
            code="bias_decides", severity="misleads", sets=(pair.first, pair.second), columns=(pair.column,),
            text=(
                f"{quoted(pair.first)} and {quoted(pair.second)} differ by {figure(_of(pair))} at this number of "
                f"images, but by {figure(limit)} where the curve goes with more: the bias of few images decides the "
                f"order. Use more "
                "images, or go by KID."
            ),
        )  # fmt: skip


def best_of_checkpoints(facts: Facts) -> Iterator[Warned]:
    """Warn of the best of several checkpoints, chosen by the same images that it is now judged by."""
    tried: dict[str, int] = {name: count for name, count in facts.checkpoints.items() if count > 1}
    runs: dict[str, list[str]] = defaultdict(list)
    for name in facts.models:
        if match := _STEP.fullmatch(name):
            runs[match["run"]].append(name)
    for run, names in runs.items():
        if len(names) > 1:
            tried[run] = max(tried.get(run, 0), len(names))
    for run, count in tried.items():
        yield Warned(
            code="best_of_checkpoints", severity="caution", columns=facts.feature_columns,
            sets=tuple(runs.get(run) or (run,)),
            text=(
                f"{count} checkpoints of {run} are judged by these images: the best of them is better than it would "
                "be on new ones. Choose the checkpoint by one half of the photos and report it by the other."
            ),
        )  # fmt: skip


def custom_weights(facts: Facts) -> Iterator[Warned]:
    """A network that nobody else has: its numbers mean nothing beside others."""
    used = facts.comparison.protocol
    if used.weights == "custom":
        yield Warned(
            code="custom_weights", severity="note", columns=facts.feature_columns,
            text=(
                f"The features are of custom weights ({used.weights_sha256[:12]}): compare these numbers only with "
                "others of the same file, never with published ones."
            ),
        )  # fmt: skip


def _of(pair: PairResult) -> float:
    return pair.difference.value or 0.0


def _is_significant(pair: PairResult) -> bool:
    return pair.p_adjusted is not None and pair.p_adjusted < SURE and _has_one_sign(pair)


def _is_claim(facts: Facts, pair: PairResult) -> bool:
    """Whether anybody would read an order from it: it was separated, or is visible and its interval has one sign."""
    return pair.is_separated or (_is_visible(facts, pair) and _has_one_sign(pair))


def _has_one_sign(pair: PairResult) -> bool:
    """Whether the interval of the difference leaves out zero, or is not known."""
    low, high = pair.difference.low, pair.difference.high
    return low is None or high is None or low > 0 or high < 0


def _is_visible(facts: Facts, pair: PairResult) -> bool:
    values = []
    for name in (pair.first, pair.second):
        score = facts.score(name, pair.column)
        values.append(abs(score.value) if score is not None and score.value is not None else 0.0)
    return abs(_of(pair)) > CLEAR * max(values)


def _protocol(column: str) -> str:
    return column.split("_", 1)[1]
