"""Reports of a comparison: complete, without anything from outside, and safe to open."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from eval.comparison.charts import curve_chart, interval_chart, map_chart
from eval.comparison.export_csv import FIELDS, to_csv
from eval.comparison.export_html import to_html
from eval.comparison.export_paper import to_latex, to_markdown
from eval.comparison.formatting import column_of
from eval.comparison.result import Comparison, Estimate
from tests.dashboard.comparison_example import FD, NAMES, example_comparison, write_pictures

CASES = 12


@pytest.fixture(scope="module")
def made() -> Comparison:
    return example_comparison(CASES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, made: Comparison) -> Path:
    path = tmp_path_factory.mktemp("comparison")
    write_pictures(path, made, side=16)
    return path


def rows_of(comparison: Comparison) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(to_csv(comparison))))


def test_the_table_holds_every_figure_pair_and_case(made: Comparison) -> None:
    rows = rows_of(made)
    kinds = [row["kind"] for row in rows]
    assert set(rows[0]) == set(FIELDS)
    assert kinds.count("score") == len(NAMES) * len(made.columns)
    assert kinds.count("pair") == len(made.pairs)
    assert kinds.count("case") == len(NAMES) * 4 * CASES


def test_the_table_gives_figures_in_full(made: Comparison) -> None:
    row = next(
        row
        for row in rows_of(made)
        if (row["kind"], row["column"], row["model"]) == ("score", FD, "cyclegan")
    )
    assert (float(row["value"]), row["tied_with"], row["protocol"]) == (121.5, "ugatit", FD)


def test_a_name_that_a_spreadsheet_would_run_is_text(made: Comparison) -> None:
    evil = made.models[0].model_copy(update={"name": "=HYPERLINK(1)"})
    rows = rows_of(made.model_copy(update={"models": (evil,)}))
    assert next(row["model"] for row in rows if row["kind"] == "score") == "'=HYPERLINK(1)"


def test_the_markdown_table_has_the_best_first_and_in_bold(made: Comparison) -> None:
    _answer, _blank, head, rule, first, *rest = to_markdown(made).splitlines()
    assert head.startswith("| Model | n | Fréchet distance ↓ |") and set(rule) <= set("|-: ")
    assert first.startswith("| pix2pixhd | 12 | **")
    assert {line.count("|") for line in (head, rule, first, *rest[: len(NAMES) - 1])} == {head.count("|")}
    assert [line.split("|")[1].strip() for line in rest[: len(NAMES) - 1]] == ["cyclegan", "ugatit"]
    assert rest[-1].startswith("Three ") or made.title.split()[0] in rest[-1]


def test_a_name_stays_a_cell_in_markdown_and_text_in_latex(made: Comparison) -> None:
    evil = made.models[0].model_copy(update={"name": r"a|b *c* \input{x}_50%"})
    renamed = made.model_copy(update={"models": (evil,), "standings": (), "pairs": ()})
    assert r"| a\|b \*c\* \\input{x}\_50% |" in to_markdown(renamed)
    assert r"a|b *c* \textbackslash{}input\{x\}\_50\% &" in to_latex(renamed)


def test_the_latex_table_has_as_many_cells_as_columns(made: Comparison) -> None:
    lines = to_latex(made).splitlines()
    kept = next(line for line in lines if line.startswith(r"\begin{tabular}"))
    rows = [line for line in lines if line.endswith(r"\\")]
    assert len(rows) == 1 + len(NAMES)
    assert {row.count("&") + 1 for row in rows} == {kept.count("r") - kept[: kept.index("{l")].count("r") + 1}
    assert any(row.startswith("pix2pixhd & 12 & \\textbf{") for row in rows)


def test_the_html_report_needs_nothing_else_and_runs_nothing(made: Comparison, folder: Path) -> None:
    html = to_html(made, folder)
    outside = re.findall(r'(?:src|href)="(?!data:)[^"]*"|url\(', html)
    assert outside == []
    assert "<script" not in html


@pytest.mark.parametrize(
    "part", ["is best by Fréchet distance", "the kernel distance does not", "Real against real", "Worst of ugatit",
             "Where models disagree most", "0905.jpg", "are a tie"]
)  # fmt: skip
def test_the_html_report_says(part: str, made: Comparison, folder: Path) -> None:
    assert part in to_html(made, folder)


def test_names_are_text_in_the_html_report(made: Comparison) -> None:
    assert "<img src=x" not in to_html(made.model_copy(update={"title": "<img src=x onerror=alert(1)>"}))


def test_reports_do_without_pictures_and_with_letters_of_any_language(made: Comparison) -> None:
    assert "比较" in to_html(made.model_copy(update={"title": "比较 ✓ <b>"}))


def test_reports_of_a_comparison_without_figures_are_still_made(made: Comparison) -> None:
    empty = [
        model.model_copy(update={"scores": {}, "case_scores": {}, "control": {}}) for model in made.models
    ]
    bare = made.model_copy(
        update={
            "models": tuple(empty),
            "pairs": (),
            "standings": (),
            "curves": (),
            "floors": (),
            "real_map_xy": (),
        }
    )
    assert "No model has a figure" in to_html(bare)


def test_charts_are_well_formed_and_stay_on_their_paper(made: Comparison) -> None:
    drawings = re.findall(r"<svg.*?</svg>", to_html(made), re.DOTALL)
    assert len([ElementTree.fromstring(drawing) for drawing in drawings]) == 4
    column = column_of(made, FD)
    scenes = [interval_chart(made, column), map_chart(made)]
    scenes += [curve_chart(made, column, "n"), curve_chart(made, column, "step")]
    for scene in scenes:
        assert scene is not None
        drawn = [point for mark in scene.marks if mark.kind != "text" for point in mark.points]
        assert all(-1 <= x <= scene.width + 1 and -1 <= y <= scene.height + 1 for x, y in drawn)


def test_equal_figures_make_a_chart_too(made: Comparison) -> None:
    same = tuple(model.model_copy(update={"scores": {FD: Estimate(value=5.0)}}) for model in made.models)
    scene = interval_chart(made.model_copy(update={"models": same, "floors": ()}), column_of(made, FD))
    assert scene is not None
    assert len({mark.points for mark in scene.marks if mark.kind == "dot"}) == len(NAMES)


def test_a_column_without_a_curve_has_no_chart(made: Comparison) -> None:
    assert curve_chart(made, column_of(made, "l1"), "n") is None


def test_people_read_titles_and_programs_read_names(made: Comparison, folder: Path) -> None:
    whole, parts, folder_set = made.models
    drawn = made.model_copy(
        update={
            "models": (
                whole.model_copy(update={"generator": "pix2pixhd", "stage1": "whole"}),
                parts.model_copy(update={"generator": "cyclegan", "stage1": "whole"}),
                folder_set,  # of files that somebody called so
            )
        }
    )
    report = to_html(drawn, folder)
    for text in (to_markdown(drawn), to_latex(drawn), report):
        assert "Pix2PixHD is better than CycleGAN and ugatit." in text or "CycleGAN & 12 &" in text
        assert not re.search("pix2pixhd|cyclegan", text)
    assert "<figcaption>Pix2PixHD" in report  # the picture that is kept as pix2pixhd
    assert {"pix2pixhd", "cyclegan"} <= {row["model"] for row in rows_of(drawn)}
