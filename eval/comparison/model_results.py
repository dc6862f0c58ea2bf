"""What a comparison says of each model, put together from its numbers, its cases and its features."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from eval.comparison.case_scores import FACE_FOUND, CaseScores
from eval.comparison.model_facts import ModelFacts
from eval.comparison.result import ModelResult
from eval.comparison.score_columns import Numbers, mean, rounded
from eval.comparison.sources import Material
from eval.features import FeatureSet
from eval.trust.feature_map import map_2d
from eval.trust.memorisation import nearest_training

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
