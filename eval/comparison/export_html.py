"""Write the report of a comparison as HTML."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from eval.comparison.answer import answer
from eval.comparison.cases import best, disagreements, worst
from eval.comparison.charts import curve_chart, interval_chart, map_chart
from eval.comparison.formatting import (
    GROUPS,
    NOTHING,
    floor_rows,
    group_of,
    in_order,
    in_words,
    interval_text,
    number_text,
    pair_text,
    pairs_of,
    real_words,
    standing_of,
    telling_column,
    ties_in_words,
    verdict,
    warnings_in_order,
)
from eval.comparison.pictures import find_picture
from eval.comparison.result import Column, Comparison, ModelResult
from eval.comparison.titles import titles_of_models, with_titles

CASES_SHOWN = 4
Pictures = list[tuple[str, str]]  # title and file, base64


@dataclass(frozen=True)
class Cell:
    """A figure of the leaderboard: the number, what stands under it, and whether it is the separated best."""

    figure: str
    small: str = ""
    is_best: bool = False


def to_html(comparison: Comparison, folder: Path | None = None) -> str:
    """Fill the report, to be read in a browser and printed: on paper each part begins a page.

    Parameters
    ----------
    folder
        Of the comparison, for its pictures; without it the report shows none.
    """
    judged = comparison.columns[0]
    strips = list(_strips(comparison, judged, folder)) if folder else []
    comparison = with_titles(comparison)
    charts = (
        curve_chart(comparison, judged, "n"),
        curve_chart(comparison, judged, "step"),
        map_chart(comparison),
    )
    pairs = [
        (column, [pair_text(pair, column) for pair in pairs_of(comparison, column.key)])
        for column in comparison.columns
    ]
    facts = {**comparison.protocol.model_dump(), **comparison.settings}
    facts |= {f"version of {name}": version for name, version in comparison.versions.items()}
    return _template().render(
        comparison=comparison,
        answer=answer(comparison, judged),
        judged=judged,
        verdict=verdict(comparison, judged).sentence,
        warnings=warnings_in_order(comparison),
        intervals=interval_chart(comparison, judged),
        boards=list(_boards(comparison, judged)),
        pairs=[(column, sentences) for column, sentences in pairs if sentences],
        charts=[scene for scene in charts if scene],
        strips=strips,
        facts=facts,
        sets=(comparison.real, *(model.set for model in comparison.models)),
        in_words=in_words,
        real_words=real_words,
    )


@cache
def _template() -> Template:
    folder = FileSystemLoader(Path(__file__).parent)
    environment = Environment(
        loader=folder, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("report.html")


def _boards(
    comparison: Comparison, judged: Column
) -> Iterator[tuple[str, list[Column], list[tuple[str, str, list[Cell]]]]]:
    """Title, columns and rows of each leaderboard."""
    for group, title in GROUPS.items():
        columns = [column for column in comparison.columns if group_of(column) == group]
        if columns:
            yield title, columns, _rows(comparison, judged, columns)


def _rows(
    comparison: Comparison, judged: Column, columns: Sequence[Column]
) -> list[tuple[str, str, list[Cell]]]:
    """Name, place in words and cells of each model in the judged order, then of true photos."""
    rows = [
        (
            model.name,
            _place(comparison, judged, model),
            [_cell(comparison, model, column) for column in columns],
        )
        for model in in_order(comparison, judged)
    ]
    for title, words, floors in floor_rows(comparison, columns):
        estimates = [floors[column.key].estimate if column.key in floors else None for column in columns]
        cells = [Cell(number_text(one.value), interval_text(one)) if one else Cell("") for one in estimates]
        rows.append((title, words, cells))
    return rows


def _place(comparison: Comparison, judged: Column, model: ModelResult) -> str:
    words = [ties_in_words(standing_of(comparison, judged.key, model.name)), f"{model.set.count:,} images"]
    words += ["ignores its input"] if model.ignores_input else []
    return ", ".join(word for word in words if word)


def _cell(comparison: Comparison, model: ModelResult, column: Column) -> Cell:
    estimate = model.scores.get(column.key)
    if estimate is None or estimate.value is None:
        return Cell(NOTHING)
    standing = standing_of(comparison, column.key, model.name)
    small = [interval_text(estimate)]
    if standing and standing.tied_with and not standing.is_best:
        small.append("tie")
    if (control := model.control.get(column.key)) is not None:
        small.append(f"shuffled {number_text(control)}")
    is_best = standing is not None and standing.is_best
    return Cell(number_text(estimate.value), ", ".join(word for word in small if word), is_best)


def _strips(
    comparison: Comparison, judged: Column, folder: Path
) -> Iterator[tuple[str, list[tuple[str, Pictures]]]]:
    """Heading and cases of each strip that has pictures: worst, best, and those that models disagree on."""
    column = telling_column(comparison, judged)
    if column is None:
        return
    titles = titles_of_models(comparison)
    chosen = [
        (
            f"{word} of {titles[model.name]} by {column.title}",
            ranked(comparison, model.name, column.key, CASES_SHOWN),
        )
        for model in comparison.models
        for word, ranked in (("Worst", worst), ("Best", best))
    ]
    chosen.append(
        (
            f"Where models disagree most by {column.title}",
            disagreements(comparison, column.key, CASES_SHOWN),
        )
    )
    for heading, cases in chosen:
        shown = [(case.name, _pictures(case.name, comparison, folder)) for case in cases]
        if any(pictures for _, pictures in shown):
            yield heading, [(name, pictures) for name, pictures in shown if pictures]


def _pictures(name: str, comparison: Comparison, folder: Path) -> Pictures:
    wanted = [("Sketch", find_picture(folder, "sketch", name))]
    wanted += [
        (title, find_picture(folder, "model", name, model))
        for model, title in titles_of_models(comparison).items()
    ]
    wanted += [("Truth", find_picture(folder, "real", name))]
    return [
        (title, base64.b64encode(path.read_bytes()).decode("ascii"))
        for title, path in wanted
        if path is not None
    ]
