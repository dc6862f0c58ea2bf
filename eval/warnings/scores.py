"""Numbers that contradict each other, or were chosen because they are good."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from eval.comparison.result import Floor, PairResult, Warned
from eval.warnings.facts import Facts
from eval.warnings.wording import figure, listed

NEAR_COUNT = 0.02  # by which a floor's number of images may differ from the model's
CLEAR = 0.05  # relative difference that is a claim even without a test
_STEP = re.compile(r"(?P<run>.+)@(?P<step>\d+)")


def below_floor(facts: Facts) -> Iterator[Warned]:
    """A distance that is smaller than true photos have among themselves."""
    for floor in facts.comparison.floors:
        if floor.column not in facts.columns("fid") or floor.estimate.value is None:
            continue
        bound = floor.estimate.low if floor.estimate.low is not None else floor.estimate.value
        under = {
            name: value
            for name, one in facts.models.items()
            if (value := _value_at(facts, name, floor, len(one))) is not None and value < bound
        }
        if under:
            told = listed([f"{name} {figure(value)}" for name, value in under.items()])
            yield Warned(
                code="below_floor", severity="misleads", sets=tuple(under), columns=(floor.column,),
                text=(
                    f"{told} lie below the floor of {figure(floor.estimate.value)}, what true photos get against other "
                    f"true photos at {floor.count} images: such outputs are copies of the reference, or have lost "
                    "diversity. Look at recall, coverage and the nearest training photos."
                ),
            )  # fmt: skip


def _value_at(facts: Facts, model: str, floor: Floor, count: int) -> float | None:
    """A model's distance at the floor's number of images, None where it is not known."""
    if abs(count - floor.count) <= NEAR_COUNT * floor.count:
        score = facts.score(model, floor.column)
        return score.value if score is not None else None
    for curve in facts.comparison.curves:
        if (curve.column, curve.model, curve.over) == (floor.column, model, "n"):
            return next((p.estimate.value for p in curve.points if p.count == floor.count), None)
    return None


def metrics_disagree(facts: Facts) -> Iterator[Warned]:
    """FID puts one model first and KID the other."""
    for fid in facts.columns("fid"):
        kid = next((key for key in facts.columns("kid") if _protocol(key) == _protocol(fid)), None)
        if kid is None:
            continue
        by_kid = {(pair.first, pair.second): pair for pair in facts.comparison.pairs if pair.column == kid}
        for pair in (pair for pair in facts.comparison.pairs if pair.column == fid):
            other = by_kid.get((pair.first, pair.second))
            if other is None or not _is_opposite(pair, other) or not _is_claim(facts, pair, other):
                continue
            better, worse = (pair.first, pair.second) if _of(pair) < 0 else (pair.second, pair.first)
            is_separated = pair.is_separated or other.is_separated
            yield Warned(
                code="metrics_disagree", severity="misleads" if is_separated else "caution",
                sets=(pair.first, pair.second), columns=(fid, kid),
                text=(
                    f"{fid} puts {better} before {worse} (by {figure(abs(_of(pair)))}), {kid} the other way (by "
                    f"{figure(abs(_of(other)))}). KID has no bias at few images: do not call either one better before "
                    "more images agree."
                ),
            )  # fmt: skip


def bias_decides(facts: Facts) -> Iterator[Warned]:
    """A separated difference whose sign turns once the bias of few images is taken out."""
    for pair in facts.comparison.pairs:
        limit = pair.extrapolated.value if pair.extrapolated is not None else None
        if not pair.is_separated or limit is None or _of(pair) * limit >= 0:
            continue
        yield Warned(
            code="bias_decides", severity="misleads", sets=(pair.first, pair.second), columns=(pair.column,),
            text=(
                f"{pair.first} and {pair.second} differ by {figure(_of(pair))} at this number of images, but by "
                f"{figure(limit)} where the curve goes with more: the bias of few images decides the order. Use more "
                "images, or go by KID."
            ),
        )  # fmt: skip


def best_of_checkpoints(facts: Facts) -> Iterator[Warned]:
    """The best of several checkpoints, chosen by the same images that it is now judged by."""
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


def _is_opposite(pair: PairResult, other: PairResult) -> bool:
    return _of(pair) * _of(other) < 0


def _is_claim(facts: Facts, pair: PairResult, other: PairResult) -> bool:
    """Whether anybody would read an order from it: it was separated, or both differ visibly."""
    if pair.is_separated or other.is_separated:
        return True
    return all(_is_visible(facts, one) for one in (pair, other))


def _is_visible(facts: Facts, pair: PairResult) -> bool:
    values = []
    for name in (pair.first, pair.second):
        score = facts.score(name, pair.column)
        values.append(abs(score.value) if score is not None and score.value is not None else 0.0)
    return abs(_of(pair)) > CLEAR * max(values)


def _protocol(column: str) -> str:
    return column.split("_", 1)[1]
