"""A comparison of only those cases that have a label: where does a model fail?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

from eval.comparison.cases import cases_with
from eval.comparison.kept_features import KeptFeatures
from eval.comparison.result import Comparison, ModelResult
from eval.comparison.score_columns import Numbers, Resampling, trust_cases
from eval.trust.compare import compare_features

MIN_CASES = 2
FRECHET, KERNEL = ("fid_", "fd_"), ("kid_", "kd_")  # columns
MIN_FOR_DISTANCE = 50  # below that a Frechet distance is bias and little else
T = TypeVar("T")


def filter_comparison(
    comparison: Comparison,
    wanted: Mapping[str, str],
    *,
    features: KeptFeatures | None = None,
    options: Resampling | None = None,
) -> Comparison:
    """The same comparison over the cases with some labels, scored and tested anew.

    Columns of single cases are always there. Distances of whole sets need the features and at least 50 cases;
    everything else that speaks of whole sets (maps, curves, floors) is left out.

    Parameters
    ----------
    wanted
        Label and value; several must all fit.
    features
        From `eval.comparison.kept_features.read_features`.

    Raises
    ------
    ValueError
        If fewer than two cases fit.
    """
    chosen = cases_with(comparison, wanted)
    if len(chosen) < MIN_CASES:
        words = ", ".join(f"{label}: {value}" for label, value in wanted.items())
        raise ValueError(
            f"{len(chosen)} case has {words}; at least {MIN_CASES} are needed. Choose another label."
        )
    options = options or Resampling(permutations=200, resamples=200)
    numbers = Numbers()
    names = [comparison.cases[i].name for i in chosen]
    models = {model.name: _only(model, chosen) for model in comparison.models}
    for column in comparison.columns:
        if column.per_case:
            values = {
                name: [math.nan if value is None else value for value in model.case_scores[column.key]]
                for name, model in models.items()
                if column.key in model.case_scores
            }
            found = trust_cases(column.key, values, higher_is_better=column.higher_is_better, options=options)
            numbers.add(column, found)
        elif (
            features is not None
            and len(chosen) >= MIN_FOR_DISTANCE
            and column.key.startswith(FRECHET + KERNEL)
        ):
            real, fakes = features.rows("real", names), {name: features.rows(name, names) for name in models}
            if real is None or any(one is None for one in fakes.values()):
                continue
            numbers.add(column, compare_features(
                real, {name: one for name, one in fakes.items() if one is not None}, column=column.key,
                metric="kid" if column.key.startswith(KERNEL) else "fid", names=dict.fromkeys(models, names),
                real_names=names, permutations=options.permutations, resamples=options.resamples, seed=options.seed,
            ))  # fmt: skip
    return comparison.model_copy(
        update={
            "columns": tuple(numbers.columns),
            "models": tuple(
                model.model_copy(update={"scores": numbers.scores.get(name, {})})
                for name, model in models.items()
            ),
            "pairs": tuple(numbers.pairs),
            "standings": tuple(numbers.standings),
            "floors": tuple(numbers.floors),
            "real": comparison.real.model_copy(update={"count": len(chosen)}),
            "curves": (),
            "cases": tuple(comparison.cases[i] for i in chosen),
            "real_map_xy": (),
            "real_nearest_training": _at(comparison.real_nearest_training, chosen),
        }
    )


def _only(model: ModelResult, chosen: Sequence[int]) -> ModelResult:
    scores = {key: _at(values, chosen) for key, values in model.case_scores.items()}
    found = [value for value in scores.get("face_found", ()) if value is not None]
    answered = [any(values[place] is not None for values in scores.values()) for place in range(len(chosen))]
    return model.model_copy(
        update={
            "set": model.set.model_copy(update={"count": sum(answered)}),
            "case_scores": scores,
            "nearest_training": _at(model.nearest_training, chosen),
            "face_found": sum(found) / len(found) if found else None,
            "control": {},
            "ignores_input": None,
            "map_xy": (),
        }
    )


def _at(values: Sequence[T], chosen: Sequence[int]) -> tuple[T, ...]:
    return tuple(values[i] for i in chosen) if values else ()
