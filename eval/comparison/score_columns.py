"""Score the models of a comparison, column by column."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eval.comparison.case_scores import FACE_FOUND, CaseScores
from eval.comparison.result import (
    Column,
    Curve,
    CurvePoint,
    Estimate,
    Floor,
    ModelResult,
    PairResult,
    Standing,
)
from eval.comparison.sources import Material
from eval.feature_stats import map_2d, moments_of
from eval.features import FeatureSet
from eval.metrics.fid import frechet_distance_of_moments
from eval.metrics.registry import METRICS, Metric, metrics_of
from eval.protocols import EvaluationProtocol
from eval.sets.generated import ModelFacts
from eval.significance.feature_trust import compare_features
from eval.significance.memorisation import nearest_training
from eval.significance.value_trust import NO_BOUNDS, Trusted, compare_values

Progress = Callable[[int, int], None]
Setting = int | float | str | bool
TESTED = ("fid", "kid")  # metrics of whole sets that are tested; of the others the value alone is shown
DIGITS = 5  # of a single case's score


@dataclass(frozen=True)
class Resampling:
    """How differences are tested."""

    permutations: int = 1000
    resamples: int = 400
    seed: int = 0


@dataclass
class Numbers:
    """Collects columns."""

    columns: list[Column] = field(default_factory=list)
    scores: dict[str, dict[str, Estimate]] = field(default_factory=dict)
    pairs: list[PairResult] = field(default_factory=list)
    standings: list[Standing] = field(default_factory=list)
    floors: list[Floor] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    settings: dict[str, Setting] = field(default_factory=dict)

    def add(self, column: Column, found: Trusted) -> None:
        """Add a column that was tested."""
        self.add_values(column, found.scores)
        self.pairs += found.pairs
        self.standings += found.standings
        self.floors += [found.floor] if found.floor else []
        self.curves += found.curves
        self.settings |= {f"{column.key}.{name}": value for name, value in found.settings.items()}

    def joined(self, other: Numbers) -> Numbers:
        """These columns, followed by those of another."""
        both = Numbers(
            self.columns + other.columns, {name: dict(scores) for name, scores in self.scores.items()},
            self.pairs + other.pairs, self.standings + other.standings, self.floors + other.floors,
            self.curves + other.curves, self.settings | other.settings,
        )  # fmt: skip
        for model, scores in other.scores.items():
            both.scores.setdefault(model, {}).update(scores)
        return both

    def parts(self) -> dict[str, tuple[Any, ...]]:
        """Give what a comparison holds of them beside the models' scores, by its field."""
        fields = ("columns", "pairs", "standings", "floors", "curves")
        return {name: tuple(getattr(self, name)) for name in fields}

    def add_values(self, column: Column, values: Mapping[str, Estimate]) -> None:
        """Add a column of values alone."""
        self.columns.append(column)
        for model, value in values.items():
            self.scores.setdefault(model, {})[column.key] = value


def add_feature_columns(
    numbers: Numbers,
    protocol: EvaluationProtocol,
    real: FeatureSet,
    fakes: Mapping[str, FeatureSet],
    wanted: Callable[[str], bool],
    options: Resampling,
    progress: Progress | None = None,
) -> None:
    """All metrics of whole sets that are wanted."""
    names = {name: found.names for name, found in fakes.items()}
    arrays: dict[str, ArrayLike] = {name: found.features for name, found in fakes.items()}
    for one in metrics_of("features"):
        if not wanted(one.name) or (real.moments is not None and one.name != "fid"):
            continue
        column = feature_column(protocol, one)
        if one.name in TESTED:
            found = compare_features(
                real.moments or real.features, arrays, column=column.key, metric="fid" if one.name == "fid" else "kid",
                names=names, real_names=real.names if real.moments is None else None, seed=options.seed,
                permutations=options.permutations, resamples=options.resamples, progress=progress,
            )  # fmt: skip
            numbers.add(column, found)
        else:
            numbers.add_values(column, {name: _value(one, real, found) for name, found in fakes.items()})


def feature_column(protocol: EvaluationProtocol, metric: Metric) -> Column:
    """Give the column of a metric of whole sets under a protocol."""
    title = metric.title
    if protocol.is_fid:
        title = {"fid": "FID", "kid": "KID"}.get(metric.name, title)
    return Column(
        key=protocol.column(metric.name), title=title, unit=metric.unit,
        higher_is_better=metric.higher_is_better, per_case=False,
    )  # fmt: skip


def add_step_curves(
    numbers: Numbers,
    protocol: EvaluationProtocol,
    real: FeatureSet,
    checkpoints: Mapping[str, Mapping[int, FeatureSet]],
    wanted: Callable[[str], bool],
) -> None:
    """A curve over the training steps of each model, under the distances."""
    for one in (METRICS[name] for name in TESTED if wanted(name)):
        if real.moments is not None and one.name != "fid":
            continue
        for model, steps in checkpoints.items():
            points = [
                CurvePoint(count=step, estimate=_value(one, real, found))
                for step, found in sorted(steps.items())
            ]
            key = protocol.column(one.name)
            numbers.curves.append(Curve(column=key, model=model, over="step", points=tuple(points)))


def add_case_columns(
    numbers: Numbers,
    values: Mapping[str, Mapping[str, Sequence[float]]],
    metrics: Sequence[Metric],
    options: Resampling,
    of_truth: Mapping[str, Sequence[float]],
) -> None:
    """All columns of single cases.

    Parameters
    ----------
    values
        By model, by metric, a score per case; NaN where there is none.
    metrics
        In the order of the columns.
    of_truth
        By metric that looks at the output alone, the values of the true photos: its floor.
    """
    about = {one.name: one for one in metrics}
    for name in (FACE_FOUND, *about):
        models = {model: list(found[name]) for model, found in values.items() if name in found}
        if not models:
            continue
        column = case_column(name, about.get(name))
        found = trust_cases(name, models, higher_is_better=column.higher_is_better, options=options)
        numbers.add(column, found)
        if (value := mean(of_truth.get(name, ()))) is not None:
            note = "The true photos by themselves, at the size of the first model's outputs."
            count = int(np.isfinite(of_truth[name]).sum())
            numbers.floors.append(Floor(column=name, estimate=Estimate(value=value), count=count, note=note))


def trust_cases(
    name: str, values: Mapping[str, Sequence[float]], *, higher_is_better: bool, options: Resampling
) -> Trusted:
    """Means of a metric of single cases, by model, with intervals and tests that fit the metric."""
    return compare_values(
        values, column=name, higher_is_better=higher_is_better, permutations=10 * options.permutations,
        resamples=5 * options.resamples, seed=options.seed, is_share=name == FACE_FOUND,
        bounds=METRICS[name].bounds if name in METRICS else NO_BOUNDS,
    )  # fmt: skip


def case_column(name: str, metric: Metric | None) -> Column:
    """Give the column of a metric of single cases, or of the share of outputs with a face."""
    if metric is None:
        return Column(key=name, title="Face found", unit="", higher_is_better=True, per_case=True)
    return Column(
        key=name,
        title=metric.title,
        unit=metric.unit,
        higher_is_better=metric.higher_is_better,
        per_case=True,
    )


def rounded(value: float, digits: int = DIGITS) -> float | None:
    """A score as it is kept: NaN is None."""
    return None if math.isnan(value) else float(f"{value:.{digits}g}")


def mean(values: Sequence[float]) -> float | None:
    """Mean of what is not NaN, None if there is nothing."""
    known = [value for value in values if not math.isnan(value)]
    return rounded(float(np.mean(known)), 10) if known else None


def _value(metric: Metric, real: FeatureSet, fake: FeatureSet) -> Estimate:
    if real.moments is not None:
        return Estimate(
            value=rounded(frechet_distance_of_moments(real.moments, moments_of(fake.features)), 10)
        )
    if min(len(real.features), len(fake.features)) < metric.minimum:
        return Estimate(value=None)
    found = metric.compute(real.features, fake.features)
    value = rounded(found.value, 10)
    if value is None or found.error is None:
        return Estimate(value=value)
    error = rounded(found.error, 10)
    low, high = found.value - 1.96 * found.error, found.value + 1.96 * found.error
    return Estimate(value=value, low=rounded(low, 10), high=rounded(high, 10), error=error)


MAX_MAPPED = 2000  # images of a set on the map
Nearest = tuple[tuple[str, float] | None, ...]
Map = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Insight:
    """Where features lie: 2-D maps by set, and nearest training photos by case."""

    real_map: Map = ()
    maps: Mapping[str, Map] = field(default_factory=dict)
    real_nearest: Nearest = ()
    nearest: Mapping[str, Nearest] = field(default_factory=dict)


def insight_of(
    real: FeatureSet, fakes: Mapping[str, FeatureSet], training: FeatureSet | None, cases: Sequence[str]
) -> Insight:
    """Maps of all sets that are not too large, and the nearest training photo of every case."""
    maps: list[Map] = [() for _ in range(1 + len(fakes))]
    sets = [one.features for one in fakes.values()]
    sets = sets if real.moments is not None else [real.features, *sets]
    if max(map(len, sets)) <= MAX_MAPPED:
        found = [tuple((_place(x), _place(y)) for x, y in places) for places in map_2d(sets)]
        maps = [*maps[: 1 + len(fakes) - len(found)], *found]
    by_model = dict(zip(fakes, maps[1:], strict=True))
    if training is None or not cases:
        return Insight(maps[0], by_model)
    return Insight(
        maps[0],
        by_model,
        _nearest(real, training, cases),
        {name: _nearest(one, training, cases) for name, one in fakes.items()},
    )


def about_models(
    material: Material,
    numbers: Numbers,
    scores: Mapping[str, CaseScores],
    insight: Insight,
    *,
    wanted: Callable[[str], bool],
    facts: Mapping[str, ModelFacts],
) -> tuple[ModelResult, ...]:
    """One result a model, in the order of the request."""
    found = []
    for name, images in material.fakes.items():
        own = scores.get(name, CaseScores({}, {}))
        source, fact = material.sources.get(name), facts.get(name)
        found.append(
            ModelResult(
                name=name,
                set=images.used(),
                scores=numbers.scores.get(name, {}),
                control={key: mean(values) for key, values in own.control.items() if wanted(key)},
                ignores_input=own.ignores_input,
                face_found=mean(own.values.get(FACE_FOUND, ())),
                parameters=fact.parameters if fact else None,
                ms_per_image=fact.ms_per_image if fact else None,
                case_scores={
                    key: tuple(rounded(value) for value in values)
                    for key, values in own.values.items()
                    if wanted(key)
                },
                nearest_training=insight.nearest.get(name, ()),
                map_xy=insight.maps.get(name, ()),
                generator=source.generator if source else "",
                stage1=source.stage1 if source else "",
            )
        )
    return tuple(found)


def _nearest(features: FeatureSet, training: FeatureSet, cases: Sequence[str]) -> Nearest:
    nearest = nearest_training(features.features, training.features, training.names)
    found = {
        case: (name, rounded(away) or 0.0) for case, (name, away) in zip(features.names, nearest, strict=True)
    }
    return tuple(found.get(case) for case in cases)


def _place(value: float) -> float:
    return round(float(value), 3)
