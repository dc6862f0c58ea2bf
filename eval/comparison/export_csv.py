"""Write a comparison as CSV files and as an archive."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from core.atomic_files import write_atomically
from core.names import harmless_cell
from eval.comparison.export_paper import to_latex, to_markdown
from eval.comparison.formatting import standing_of
from eval.comparison.result import RESULT_FILE, Comparison, read_comparison

FIELDS = (
    "kind", "protocol", "protocol_key", "column", "model", "other", "case", "value", "low", "high", "error", "rank",
    "is_best", "tied_with", "control", "p", "p_adjusted", "is_separated", "needed", "count", "extrapolated",
)  # fmt: skip


def to_csv(comparison: Comparison) -> str:
    """Write the table as text; ``kind`` is ``score``, ``floor``, ``pair``, ``curve_n``, ``curve_step`` or ``case``."""
    buffer = io.StringIO()
    table = csv.DictWriter(buffer, FIELDS, lineterminator="\n")
    table.writeheader()
    same = {"protocol": comparison.protocol.name, "protocol_key": comparison.protocol.key}
    for row in (
        *_scores(comparison),
        *_floors(comparison),
        *_pairs(comparison),
        *_curves(comparison),
        *_cases(comparison),
    ):
        table.writerow({key: harmless_cell(value) for key, value in (same | row).items()})
    return buffer.getvalue()


def _scores(comparison: Comparison) -> list[dict[str, Any]]:
    rows = []
    for model in comparison.models:
        for column in comparison.columns:
            estimate = model.scores.get(column.key)
            if estimate is None:
                continue
            standing = standing_of(comparison, column.key, model.name)
            place = {
                "rank": standing.rank, "is_best": standing.is_best, "tied_with": "; ".join(standing.tied_with),
            } if standing else {}  # fmt: skip
            rows.append({
                "kind": "score", "column": column.key, "model": model.name, "control": model.control.get(column.key),
                "count": model.set.count, **estimate.model_dump(), **place,
            })  # fmt: skip
    return rows


def _floors(comparison: Comparison) -> list[dict[str, Any]]:
    return [
        {
            "kind": "floor",
            "column": floor.column,
            "model": "real",
            "count": floor.count,
            **floor.estimate.model_dump(),
        }
        for floor in comparison.floors
    ]


def _pairs(comparison: Comparison) -> list[dict[str, Any]]:
    return [
        {"kind": "pair", "column": pair.column, "model": pair.first, "other": pair.second, "p": pair.p,
         "p_adjusted": pair.p_adjusted, "is_separated": pair.is_separated, "needed": pair.needed,
         "extrapolated": pair.extrapolated.value if pair.extrapolated else None,
         **pair.difference.model_dump()}
        for pair in comparison.pairs
    ]  # fmt: skip


def _curves(comparison: Comparison) -> list[dict[str, Any]]:
    return [
        {"kind": f"curve_{curve.over}", "column": curve.column, "model": curve.model, "count": point.count,
         **point.estimate.model_dump()}
        for curve in comparison.curves for point in curve.points
    ]  # fmt: skip


def _cases(comparison: Comparison) -> list[dict[str, Any]]:
    return [
        {"kind": "case", "column": column, "model": model.name, "case": case.name, "value": value}
        for model in comparison.models
        for column, values in model.case_scores.items()
        for case, value in zip(comparison.cases, values, strict=False)
    ]


def write_files(
    folder: Path,
    *,
    json: Path | None = None,
    csv: Path | None = None,
    html: Path | None = None,
    markdown: Path | None = None,
    latex: Path | None = None,
) -> None:
    """Write what is asked for; each appears whole or not at all.

    Parameters
    ----------
    folder
        Of the comparison, with its result and pictures.

    Raises
    ------
    OSError
        If a file cannot be written.
    """
    if json:
        write_atomically(json, (folder / RESULT_FILE).read_bytes())
    from eval.comparison.votes import read_votes, with_votes

    comparison = with_votes(read_comparison(folder), read_votes(folder))
    if csv:
        write_atomically(csv, to_csv(comparison).encode())
    if markdown:
        write_atomically(markdown, to_markdown(comparison).encode())
    if latex:
        write_atomically(latex, to_latex(comparison).encode())
    if html:
        from eval.comparison.export_html import to_html

        write_atomically(html, to_html(comparison, folder).encode())
