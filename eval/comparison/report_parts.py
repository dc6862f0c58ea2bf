"""What both reports show: the tables' rows in words, and the cases worth a look. No layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.comparison.cases import best, disagreements, worst
from eval.comparison.pictures import find_picture
from eval.comparison.result import Column, Comparison, ModelResult
from eval.comparison.wording import (
    NOTHING,
    in_order,
    interval_text,
    number_text,
    standing_of,
    telling_column,
    ties_in_words,
)

CASES_SHOWN = 4


@dataclass(frozen=True)
class Cell:
    """A figure of the leaderboard: the number, what stands under it, and whether it is the separated best."""

    figure: str
    small: str = ""
    is_best: bool = False


@dataclass(frozen=True)
class CaseStrip:
    """A few cases under one heading; of each its name and its pictures, title and file."""

    heading: str
    cases: tuple[tuple[str, tuple[tuple[str, Path], ...]], ...]


def main_column(comparison: Comparison) -> Column:
    """What a report judges by: the first column."""
    return comparison.columns[0]


def board_rows(
    comparison: Comparison, judged: Column, columns: Sequence[Column]
) -> list[tuple[str, str, list[Cell]]]:
    """Name, place in words and cells of each model in the judged order, then of real against real if it has any."""
    rows = [
        (
            model.name,
            _place(comparison, judged, model),
            [_cell(comparison, model, column) for column in columns],
        )
        for model in in_order(comparison, judged)
    ]
    floors = {floor.column: floor for floor in comparison.floors}
    if any(column.key in floors for column in columns):
        cells = [
            Cell(number_text(floors[column.key].estimate.value), interval_text(floors[column.key].estimate))
            if column.key in floors
            else Cell("")
            for column in columns
        ]
        count = next(iter(floors.values())).count
        rows.append(("Real against real", f"the floor, {count:,} on each side", cells))
    return rows


def case_strips(comparison: Comparison, judged: Column, folder: Path | None) -> list[CaseStrip]:
    """The worst and best cases of each model and those that models disagree on, where pictures were kept."""
    column = telling_column(comparison, judged)
    if folder is None or column is None:
        return []
    found = []
    for model in comparison.models:
        for word, ranked in (("Worst", worst), ("Best", best)):
            names = [case.name for case in ranked(comparison, model.name, column.key, CASES_SHOWN)]
            found.append(_strip(f"{word} of {model.name} by {column.title}", names, comparison, folder))
    names = [case.name for case in disagreements(comparison, column.key, CASES_SHOWN)]
    found.append(_strip(f"Where models disagree most by {column.title}", names, comparison, folder))
    return [strip for strip in found if strip.cases]


def _strip(heading: str, names: list[str], comparison: Comparison, folder: Path) -> CaseStrip:
    rows = ((name, tuple(_pictures(name, comparison, folder))) for name in names)
    return CaseStrip(heading, tuple((name, pictures) for name, pictures in rows if pictures))


def _pictures(name: str, comparison: Comparison, folder: Path) -> list[tuple[str, Path]]:
    wanted = [("Sketch", find_picture(folder, "sketch", name))]
    wanted += [(model.name, find_picture(folder, "model", name, model.name)) for model in comparison.models]
    wanted += [("Truth", find_picture(folder, "real", name))]
    return [(title, path) for title, path in wanted if path is not None]


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
