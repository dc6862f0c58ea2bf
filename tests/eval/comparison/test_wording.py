"""What a comparison says in words: never a rank that was not tested."""

from __future__ import annotations

import pytest

from eval.comparison.result import Estimate, PairResult
from eval.comparison.wording import (
    GROUPS,
    PHOTO_METRICS,
    can_stand_beside,
    column_of,
    group_of,
    in_order,
    interval_text,
    number_text,
    pair_text,
    pairs_of,
    verdict,
    warnings_in_order,
    winner_of,
)
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
    assert can_stand_beside(MADE, example_comparison(12)) == ""
    assert "different protocols" in can_stand_beside(MADE, example_comparison(12, key="k2"))
    assert "true photos differ" in can_stand_beside(MADE, other_photos)


def test_photo_metrics_are_those_of_the_registry() -> None:
    assert {name for name, metric in METRICS.items() if metric.kind == "photos"} <= PHOTO_METRICS
    assert PHOTO_METRICS - {"lpips"} <= set(METRICS)


def test_every_column_answers_one_of_the_three_questions() -> None:
    assert {group_of(column) for column in MADE.columns} == set(GROUPS)
