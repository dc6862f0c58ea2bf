"""Show a comparison as a table, filtered by label."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

from eval.comparison.cases import cases_with
from eval.comparison.formatting import floor_rows, in_order, standing_of, verdict, warnings_in_order
from eval.comparison.kept_features import KeptFeatures
from eval.comparison.result import Column, Comparison, ModelResult
from eval.comparison.score_columns import Numbers, Resampling, trust_cases
from eval.significance.feature_trust import compare_features


def table(comparison: Comparison) -> str:
    """One line a model, best first under the first column; what it may and may not be read as below.

    ``*`` marks the best of a column, only where it is separated from every other; ``=`` one that ties with it.
    """
    columns = [
        column for column in comparison.columns if any(c.scores.get(column.key) for c in comparison.models)
    ]
    rows = [
        ["model", "n", *(f"{column.key} {'^' if column.higher_is_better else 'v'}" for column in columns)]
    ]
    for model in in_order(comparison):
        cells = [_cell(comparison, model, column) for column in columns]
        rows.append([model.name, str(model.set.count), *cells])
    for title, _, floors in floor_rows(comparison, columns):
        cells = [figure(floors[one.key].estimate.value) if one.key in floors else "" for one in columns]
        rows.append([f"({title.lower()})", "", *cells])
    lines = [*_aligned(rows), ""]
    lines += [verdict(comparison, columns[0]).sentence] if columns else []
    lines.append(f"protocol {comparison.protocol.name}: {comparison.protocol.extractor}")
    lines.append("* separated from every other, = ties with the best, v lower is better, ^ higher is better")
    lines += [f"{one.severity}: {one.text}" for one in warnings_in_order(comparison)]
    for images in (comparison.real, *(model.set for model in comparison.models)):
        if images.left_out:
            first = images.left_out[0]
            lines.append(
                f"{images.name}: {len(images.left_out)} left out; the first: {first.name}: {first.reason}"
            )
    return "\n".join(lines)


def figure(value: float | None) -> str:
    """A number as a person reads it: four digits that count."""
    if value is None:
        return "-"
    if value == 0:
        return "0"
    text = f"{value:.4g}"
    return text if "e" not in text else f"{value:.2e}"


def _cell(comparison: Comparison, model: ModelResult, column: Column) -> str:
    estimate = model.scores.get(column.key)
    if estimate is None:
        return "-"
    text = figure(estimate.value)
    if estimate.low is not None and estimate.high is not None:
        text += f" [{figure(estimate.low)}, {figure(estimate.high)}]"
    standing = standing_of(comparison, column.key, model.name)
    mark = "" if standing is None else "*" if standing.is_best else "=" if standing.rank == 1 else ""
    return f"{text}{mark or ' '}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join([row[0].ljust(widths[0]), *cells[1:]]).rstrip())
    return lines


MIN_CASES = 2
FRECHET, KERNEL = ("fid_", "fd_"), ("kid_", "kd_")  # columns
MIN_FOR_DISTANCE = 50  # below that a Fréchet distance is bias and little else
T = TypeVar("T")


def filter_comparison(
    comparison: Comparison,
    wanted: Mapping[str, str],
    *,
    features: KeptFeatures | None = None,
    options: Resampling | None = None,
) -> Comparison:
    """Give the same comparison over the cases with some labels, scored and tested anew.

    Columns of single cases are always there. Distances of whole sets need the features and at least 50 cases;
    everything else that speaks of whole sets (maps, curves, floors) is left out.

    Parameters
    ----------
    wanted
        Label and value; several must all fit.
    features
        From `eval.comparison.extraction.read_features`.

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
        update=numbers.parts()
        | {
            "models": tuple(
                model.model_copy(update={"scores": numbers.scores.get(name, {})})
                for name, model in models.items()
            ),
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
