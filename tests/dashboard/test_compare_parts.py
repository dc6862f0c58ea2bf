"""The parts of the Compare page that know no Streamlit: table, matrix, charts, pictures, words, sources."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from dashboard.views.compare.board import leaderboard, marks_of, scale_of, warning_list
from dashboard.views.compare.cases import (
    BY_NAME,
    DISPUTED,
    Place,
    case_row,
    order_of,
    orders_of,
    picture_url,
    places_of,
)
from dashboard.views.compare.charts import (
    curve_chart,
    curve_table,
    distances_chart,
    map_chart,
)
from dashboard.views.compare.formatting import caption_of, sentence_of, titles_of
from dashboard.views.compare.sources import Dataset, free_model_name, pair_matrix, source_path
from eval.comparison.comparison_store import Entry
from eval.comparison.formatting import column_of, number_text, telling_column
from eval.comparison.request import ComparisonRequest, GeneratorSource
from eval.comparison.result import Comparison, CurvePoint, Estimate, Warned
from eval.comparison.titles import REAL
from tests.dashboard.comparison_example import FD, KD, NAMES, example_comparison, write_pictures

MADE = example_comparison(12)
ENTRY = Entry("20261122-210405-aaaaaa", "Mine", "2026-11-22T21:04:05Z", "running", ("features of real", 30, 120), "",
              Path("x"), None)  # fmt: skip


def board(comparison: Comparison = MADE, key: str = FD, **more: object) -> str:
    return leaderboard(comparison, column_of(comparison, key), comparison.columns, **more)  # type: ignore[arg-type]


def test_only_a_separated_best_is_bold() -> None:
    assert "<b class='best'>96.4</b>" in board()
    assert "<b class='best'>0.112</b>" not in board()


def test_a_tie_is_said_in_words() -> None:
    assert "tie with ugatit" in board()


def test_shuffled_partners_stand_under_the_figure() -> None:
    assert "shuffled 58.0" in board()


def test_the_floor_is_the_last_row() -> None:
    assert board().rindex("Real against real") > board().rindex("ugatit")


def test_names_in_the_table_are_text() -> None:
    evil = MADE.models[0].model_copy(update={"name": "<img src=x onerror=alert(1)>"})
    assert "<img" not in board(MADE.model_copy(update={"models": (evil,)}))


def test_a_warning_marks_the_columns_it_concerns_with_its_letter() -> None:
    marks = marks_of(MADE)
    assert (marks[0][0], marks[0][1].code) == ("a", "metrics_disagree")
    head = board().split("</thead>")[0]
    assert head.count(">a</sup>") == 2
    assert "the kernel distance does not" in warning_list(marks)


def test_more_warnings_than_fit_are_counted() -> None:
    many = tuple(Warned(code=f"w{i}", severity="note", text="x", columns=(KD,)) for i in range(5))
    assert "<sup class='cmp-more'>+2</sup>" in board(MADE.model_copy(update={"warnings": many}))


def test_an_earlier_figure_stands_beside_with_its_change() -> None:
    better = MADE.models[0].model_copy(update={"scores": {FD: Estimate(value=100.0)}})
    earlier = MADE.model_copy(update={"models": (better, *MADE.models[1:2])})
    words = board(earlier=earlier)
    assert "before up'>was 100.0 (−3.60)" in words
    assert "not in the earlier one" in words


def test_a_column_without_figures_still_has_a_scale() -> None:
    empty = MADE.model_copy(update={"models": (), "floors": ()})
    assert scale_of(empty, column_of(MADE, FD)).place(0.5) == 50


def test_the_matrix_shows_both_directions_of_a_pair() -> None:
    matrix = pair_matrix(MADE, column_of(MADE, FD))
    assert matrix.count("<td class='better'") == matrix.count("<td class='worse'") == 2
    assert matrix.count("<td class='tied'") == 2
    assert "-34.0 to -16.2" in matrix
    assert "16.2 to 34.0" in matrix


def test_without_tests_there_is_no_matrix() -> None:
    assert pair_matrix(MADE, column_of(MADE, "ssim")) == ""


def test_real_against_real_is_grey_under_one_name_in_curves() -> None:
    table = curve_table(MADE, FD, "n")
    assert set(table["model"]) == {*NAMES, REAL}


@pytest.mark.parametrize("over", ["n", "step"])
def test_curves_make_a_chart_where_there_are_any(over: str) -> None:
    assert curve_chart(MADE, column_of(MADE, FD), over) is not None  # type: ignore[arg-type]
    assert curve_chart(MADE, column_of(MADE, KD), over) is None  # type: ignore[arg-type]


def test_without_a_real_curve_the_floor_is_drawn_as_a_point() -> None:
    only = MADE.model_copy(update={"curves": tuple(one for one in MADE.curves if one.model != "real")})
    chart = curve_chart(only, column_of(only, FD), "n")
    assert chart is not None
    assert "real against real" in str(chart.to_dict()["datasets"])


def test_a_floor_that_was_measured_at_fewer_images_is_a_curve() -> None:
    """With few images true photos are further from one another too: a level line lies."""
    points = tuple(CurvePoint(count=count, estimate=Estimate(value=900 / count)) for count in (10, 20))
    floor = MADE.floors[0].model_copy(update={"points": points})
    only = {"curves": tuple(one for one in MADE.curves if one.model != "real"), "floors": (floor,)}
    table = curve_table(MADE.model_copy(update=only), FD, "n")
    assert table[table["model"] == REAL]["count"].tolist() == [10, 20]


def test_the_map_names_every_image_by_its_case() -> None:
    chart = map_chart(MADE)
    assert chart is not None
    assert {row["image"] for row in chart.data.to_dict("records")} == {case.name for case in MADE.cases}


def test_the_grid_runs_from_sketch_to_truth(tmp_path: Path) -> None:
    write_pictures(tmp_path, MADE, first=1, side=8)
    places = places_of(MADE, tmp_path, [case.name for case in MADE.cases])
    assert [place.title for place in places] == ["Sketch", "Refined", *NAMES, "Truth"]
    row = case_row(MADE, tmp_path, "0801", places, column="l1")
    assert [bool(tile["src"]) for tile in row["tiles"]] == [True] * 6
    assert row["tiles"][2]["near"]["name"] == "0001"
    assert case_row(MADE, tmp_path, "0802", places, column="l1")["tiles"][0]["src"] == ""


@pytest.mark.parametrize("column", ["l1", "ssim"])
def test_the_best_and_the_worst_output_of_a_case_are_marked_by_their_scores(
    tmp_path: Path, column: str
) -> None:
    places = [Place("model", name, name) for name in NAMES]
    index = 1
    scores = [one.case_scores[column][index] for one in MADE.models if one.name in NAMES]
    marks = {
        tile["score"]: tile["mark"]
        for tile in case_row(MADE, tmp_path, MADE.cases[index].name, places, column=column)["tiles"]
        if "mark" in tile
    }
    is_higher = next(one.higher_is_better for one in MADE.columns if one.key == column)
    best, worst = (max(scores), min(scores)) if is_higher else (min(scores), max(scores))
    assert marks == {number_text(best): "best", number_text(worst): "worst"}


def test_a_case_without_a_score_says_so(tmp_path: Path) -> None:
    write_pictures(tmp_path, MADE, first=1, side=8)
    places = places_of(MADE, tmp_path, ["0801"])
    assert case_row(MADE, tmp_path, "0804", places, column="landmarks")["tiles"][2]["score"] == "no score"


def test_a_name_never_leads_out_of_the_pictures_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.webp").write_bytes(b"secret")
    assert picture_url(tmp_path / "kept", "real", "../../secret") == ""


def test_orders_begin_with_the_worst_and_the_disputed() -> None:
    column = column_of(MADE, "l1")
    orders = orders_of(MADE, column, has_cases=True)
    assert orders[0] == BY_NAME
    assert DISPUTED in orders
    scores = dict(zip([case.name for case in MADE.cases], MADE.models[0].case_scores["l1"], strict=True))
    found = order_of(MADE, "Worst of pix2pixhd", column)
    assert found == sorted(scores, key=lambda name: -(scores[name] or 0))


@pytest.mark.parametrize(
    ("state", "words"),
    [("running", "Features of real · 30 of 120"), ("failed", "It failed: no room"), ("cancelled", "It was cancelled"),
     ("interrupted", "Its process is gone")],
)  # fmt: skip
def test_every_state_is_said(state: str, words: str) -> None:
    entry = dataclasses.replace(ENTRY, state=state, message="no room")  # type: ignore[arg-type]
    assert words in sentence_of(entry)


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        ("features of pix2pixhd, parts", "Features of Pix2PixHD by parts"),
        ("cases of pix2pixhd", "Cases of Pix2PixHD"),
        ("drawing mine", "Drawing mine"),
        ("features of pix2pixhd_old", "Features of pix2pixhd_old"),
        ("starting", "Starting"),
    ],
)
def test_progress_calls_models_by_their_titles(stage: str, words: str, tmp_path: Path) -> None:
    shipped = {
        "pix2pixhd": GeneratorSource(generator="pix2pixhd", data=tmp_path),
        "pix2pixhd, parts": GeneratorSource(generator="pix2pixhd", data=tmp_path, stage1="parts"),
    }
    asked = ComparisonRequest(real=tmp_path, fakes={**shipped, "mine": tmp_path})
    entry = dataclasses.replace(ENTRY, progress=(stage, 3, 12), request=asked)
    assert sentence_of(entry) == f"{words} · 3 of 12"
    assert caption_of(entry) == f"{words[0].lower()}{words[1:]} 25%"


def test_the_text_of_an_option_does_not_change_with_state_or_progress() -> None:
    """The browser sends it back, and what it meant must still be there then."""
    states = ("running", "failed", "cancelled", "interrupted", "done")
    texts = {titles_of([dataclasses.replace(ENTRY, state=state)])[ENTRY.id] for state in states}  # type: ignore[arg-type]
    assert len(texts) == 1 and caption_of(ENTRY) == "features of real 25%"


def test_two_comparisons_of_one_title_have_texts_of_their_own() -> None:
    same_second = dataclasses.replace(ENTRY, id=f"{ENTRY.id[:-1]}f")
    later = dataclasses.replace(ENTRY, id="20270101-000000-abcdef", created="2027-01-01T00:00:00Z")
    assert len(set(titles_of([ENTRY, same_second, later]).values())) == 3


@pytest.mark.parametrize("text", ["relative/folder", "/nowhere/at/all", __file__])
def test_a_path_that_is_no_set_of_pictures_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"nothing to read under this path"):
        source_path(text)


def test_a_damaged_folder_of_pairs_is_told(tmp_path: Path) -> None:
    (tmp_path / "manifest.jsonl").write_text("{")
    assert Dataset(tmp_path, is_pairs=True).facts()[0]


def test_names_in_the_table_are_never_used_twice() -> None:
    assert (free_model_name("mine", ["mine"]), free_model_name(" ", []), free_model_name("real", [])) == (
        "mine 2",
        "outputs",
        "real 2",
    )


def test_distances_to_training_photos_stand_beside_those_of_true_photos() -> None:
    chart = distances_chart(MADE)
    assert chart is not None
    assert set(chart.data["model"]) == {REAL, *NAMES}
    assert distances_chart(MADE.model_copy(update={"models": (), "real_nearest_training": ()})) is None


def test_single_cases_are_ordered_by_what_tells_most_where_the_judged_figure_has_none() -> None:
    judged = [telling_column(MADE, column_of(MADE, key)) for key in (FD, "ssim")]
    assert [column.key for column in judged if column] == ["landmarks", "ssim"]
