"""A comparison as a table of text, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from eval.comparison.result import Column, Comparison, Estimate, ModelResult
from eval.comparison.wording import verdict, warnings_in_order


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
    if comparison.floors:
        floors = {floor.column: figure(floor.estimate.value) for floor in comparison.floors}
        rows.append(["(real against real)", "", *(floors.get(column.key, "") for column in columns)])
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


def in_order(comparison: Comparison) -> list[ModelResult]:
    """Models, best first under the first column that has standings; as asked for where there is none."""
    if not comparison.standings:
        return list(comparison.models)
    first = comparison.standings[0].column
    ranks = {one.model: one.rank for one in comparison.standings if one.column == first}
    values = {model.name: _value(model.scores.get(first)) for model in comparison.models}
    column = next(one for one in comparison.columns if one.key == first)
    sign = -1 if column.higher_is_better else 1
    return sorted(comparison.models, key=lambda m: (ranks.get(m.name, 10**6), sign * values[m.name]))


def figure(value: float | None) -> str:
    """A number as a person reads it: four digits that count."""
    if value is None:
        return "-"
    if value == 0:
        return "0"
    text = f"{value:.4g}"
    return text if "e" not in text else f"{value:.2e}"


def _value(estimate: Estimate | None) -> float:
    return estimate.value if estimate is not None and estimate.value is not None else 0.0


def _cell(comparison: Comparison, model: ModelResult, column: Column) -> str:
    estimate = model.scores.get(column.key)
    if estimate is None:
        return "-"
    text = figure(estimate.value)
    if estimate.low is not None and estimate.high is not None:
        text += f" [{figure(estimate.low)}, {figure(estimate.high)}]"
    standing = next(
        (one for one in comparison.standings if (one.column, one.model) == (column.key, model.name)), None
    )
    mark = "" if standing is None else "*" if standing.is_best else "=" if standing.rank == 1 else ""
    return f"{text}{mark or ' '}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join([row[0].ljust(widths[0]), *cells[1:]]).rstrip())
    return lines
