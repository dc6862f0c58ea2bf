"""What a comparison says in words: never a rank that was not tested."""

from __future__ import annotations

import pytest

from eval.comparison.export_html import to_html
from eval.comparison.formatting import (
    GROUPS,
    PHOTO_METRICS,
    column_of,
    group_of,
    in_order,
    interval_text,
    number_text,
    pair_text,
    pairs_of,
    verdict,
    warnings_in_order,
    why_incomparable,
    winner_of,
)
from eval.comparison.result import Comparison, Estimate, PairResult, Warned
from eval.comparison.table import table
from eval.metrics.registry import METRICS
from tests.dashboard.comparison_example import FD, KD, example_comparison

MADE = example_comparison(12)


@pytest.mark.parametrize(
    ("value", "text"),
    [(96.412, "96.4"), (0.11234, "0.112"), (1312.2, "1,312"), (0.00047, "0.00047"), (None, "–"), (float("nan"), "–"),
     (-25.13, "-25.1"), (0.0, "0.000")],
)  # fmt: skip
def test_figures_keep_the_digits_that_matter(value: float | None, text: str) -> None:
    assert number_text(value) == text


def test_a_model_separated_from_all_others_is_best() -> None:
    found = verdict(MADE, column_of(MADE, FD))
    assert (found.kind, found.models) == ("best", ("pix2pixhd",))
    assert "separated from both others" in found.sentence


def with_warnings(*warnings: Warned) -> Comparison:
    return MADE.model_copy(update={"warnings": warnings})


def red(code: str, *sets: str, columns: tuple[str, ...] = ()) -> Warned:
    return Warned(code=code, severity="misleads", text=code, sets=sets, columns=columns)


def test_a_model_with_a_fault_of_its_own_is_no_winner() -> None:
    faulty = with_warnings(red("ignores_input", "pix2pixhd"), red("few_images", "pix2pixhd", columns=(FD,)))
    found = verdict(faulty, column_of(faulty, FD))
    assert found.sentence == (
        "pix2pixhd has the best Fréchet distance (96.4), but is no winner: it ignores its input, few images."
    )
    assert [one.code for one in found.doubts] == ["ignores_input", "few_images"]


def test_every_red_warning_of_the_figure_is_in_the_headline() -> None:
    doubtful = with_warnings(red("metrics_disagree", columns=(FD, KD)), red("new_one", columns=(FD,)))
    sentence = verdict(doubtful, column_of(doubtful, FD)).sentence
    assert sentence.endswith("Beware: two distances disagree, new one.")


@pytest.mark.parametrize(
    "other", [red("ignores_input", "ugatit"), red("few_images", columns=("l1",)),
              red("few_images").model_copy(update={"severity": "caution"})]
)  # fmt: skip
def test_what_does_not_concern_the_winner_or_the_figure_is_not(other: Warned) -> None:
    clean = with_warnings(other)
    assert verdict(clean, column_of(clean, FD)).doubts == ()


def test_every_report_names_the_red_warnings_of_the_winner() -> None:
    faulty = with_warnings(red("memorised", "pix2pixhd"))
    assert "is no winner: its outputs repeat training photos" in to_html(faulty)
    assert "is no winner" in table(faulty)


def test_a_pair_is_told_from_the_better_ones_side() -> None:
    """Signs do not mix: what is better is ahead by a positive number, whichever of the two is named first."""
    pair = pairs_of(MADE, FD)[0]
    column = column_of(MADE, FD)
    turned_pair = pair.model_copy(
        update={"first": pair.second, "second": pair.first, "difference": Estimate(value=25.1, low=16.2, high=34.0),
                "extrapolated": Estimate(value=22.59, low=14.58, high=30.6)}
    )  # fmt: skip
    assert pair_text(pair, column) == pair_text(turned_pair, column)
    assert "by 25.1 (95 % interval 16.2 to 34.0" in pair_text(pair, column)
    assert "−" not in pair_text(pair, column) and " -" not in pair_text(pair, column)


def test_a_name_with_a_comma_is_quoted_where_it_stands_in_a_sentence() -> None:
    renamed = MADE.models[0].model_copy(update={"name": "net, parts"})
    alone = MADE.model_copy(update={"models": (renamed,), "standings": (), "pairs": (), "warnings": ()})
    assert verdict(alone, column_of(alone, FD)).sentence.startswith("“net, parts” has 96.4")


def test_models_that_share_the_first_place_are_a_tie_in_words() -> None:
    found = verdict(MADE, column_of(MADE, KD))
    assert found.kind == "tie"
    assert "cannot be told apart" in found.sentence


def test_without_tests_nothing_is_claimed() -> None:
    bare = MADE.model_copy(update={"standings": (), "pairs": ()})
    found = verdict(bare, column_of(bare, FD))
    assert found.kind == "open"
    assert "was not tested" in found.sentence


def test_a_single_model_has_nobody_to_be_better_than() -> None:
    alone = MADE.model_copy(update={"models": MADE.models[:1], "standings": (), "pairs": ()})
    assert verdict(alone, column_of(alone, FD)).kind == "alone"


def test_the_order_follows_the_standings_and_then_the_figures() -> None:
    assert [model.name for model in in_order(MADE, column_of(MADE, FD))] == [
        "pix2pixhd",
        "cyclegan",
        "ugatit",
    ]


def test_a_higher_figure_wins_where_higher_is_better() -> None:
    pair = PairResult(
        column="ssim", first="a", second="b", difference=Estimate(value=0.2), p=0.01, p_adjusted=0.01,
        is_separated=True, is_paired=True, needed=None,
    )  # fmt: skip
    assert winner_of(pair, column_of(MADE, "ssim")) == ("a", "b")
    assert winner_of(pair, column_of(MADE, "l1")) == ("b", "a")


def test_a_tie_says_how_many_images_would_tell() -> None:
    tie = pairs_of(MADE, FD)[-1]
    assert pair_text(tie, column_of(MADE, FD)).startswith("cyclegan and ugatit are a tie")
    assert "about 1,450 images" in pair_text(tie, column_of(MADE, FD))


def test_an_interval_that_is_not_known_is_not_invented() -> None:
    assert interval_text(Estimate(value=1.0)) == ""


def test_what_misleads_comes_first() -> None:
    assert [warned.severity for warned in warnings_in_order(MADE)] == ["misleads", "caution", "note"]


def test_other_protocols_and_other_photos_may_not_stand_beside() -> None:
    other_photos = MADE.model_copy(update={"real": MADE.real.model_copy(update={"digest": "00" * 32})})
    assert why_incomparable(MADE, example_comparison(12)) == ""
    assert "different protocols" in why_incomparable(MADE, example_comparison(12, key="k2"))
    assert "true photos differ" in why_incomparable(MADE, other_photos)


def test_other_photos_are_not_called_other_weights() -> None:
    def judged_by(digest: str) -> Comparison:
        made = example_comparison(12, key=f"same network|real {digest}")
        return made.model_copy(update={"real": made.real.model_copy(update={"digest": digest})})

    said = why_incomparable(judged_by("aa" * 32), judged_by("bb" * 32))
    assert "true photos differ" in said and "weights" not in said


def test_photo_metrics_are_those_of_the_registry() -> None:
    assert {name for name, metric in METRICS.items() if metric.kind in ("photos", "output")} <= PHOTO_METRICS
    assert PHOTO_METRICS - {"lpips"} <= set(METRICS)


def test_every_column_answers_one_of_the_three_questions() -> None:
    assert {group_of(column) for column in MADE.columns} == set(GROUPS)
