"""Settings as one value: what is equal, what a part follows, which ways are compared."""

from dataclasses import replace

import pytest

from core.conversion.settings import ConversionSettings, PartSettings
from core.face_parts.layout import PAINT_ORDER
from dashboard.views.draw.generator_menu import all_ways, next_generator
from dashboard.views.draw.settings import PART_TITLES

BY_PARTS = ConversionSettings(stage1="parts")


def test_the_page_shows_every_part():
    assert set(PART_TITLES) == set(PAINT_ORDER)


def test_settings_of_parts_make_no_difference_to_a_whole_face():
    whole = ConversionSettings().with_part("nose", 0.1, 3).with_fill("mouth", 7)
    assert whole.effective() == ConversionSettings()
    assert replace(whole, stage1="parts").effective() != BY_PARTS.effective()


def test_nothing_of_stage_1_makes_a_difference_to_lines_as_they_are():
    one, other = ConversionSettings(mode="none", t=0.1), replace(BY_PARTS, mode="none", k=3)
    assert one.effective() == other.effective()
    assert replace(one, generator="cyclegan").effective() != one.effective()


def test_a_part_follows_all_until_it_has_settings_of_its_own_and_then_again():
    own = BY_PARTS.with_part("nose", 0.9, 4)
    assert replace(own, t=0.2).of_part("nose") == PartSettings(0.9, 4)
    assert replace(own, t=0.2).of_part("mouth") == PartSettings(0.2, 10)
    assert own.without_part("nose") == BY_PARTS


def test_a_part_that_is_set_to_what_holds_for_all_has_nothing_of_its_own():
    assert BY_PARTS.with_part("nose", 0.9, 4).with_part("nose", 0.5, 10) == BY_PARTS


def test_the_order_in_which_parts_were_set_makes_no_difference():
    one = (
        BY_PARTS.with_part("nose", 0.9, 4)
        .with_part("mouth", 0.1, 2)
        .with_fill("mouth", 1)
        .with_fill("nose", 2)
    )
    other = (
        BY_PARTS.with_fill("nose", 2)
        .with_fill("mouth", 1)
        .with_part("mouth", 0.1, 2)
        .with_part("nose", 0.9, 4)
    )
    assert one == other


def test_a_part_is_made_up_from_one_seed_until_it_is_left_out():
    wanted = BY_PARTS.with_fill("nose", 1).with_fill("nose", 2)
    assert wanted.fill == (("nose", 2),)
    assert wanted.with_fill("nose", None) == BY_PARTS


def test_the_pipeline_gets_no_settings_of_parts_where_they_change_nothing():
    own = ConversionSettings(t=0.3).with_part("nose", 0.1, 3).with_fill("mouth", 7)
    plain = {
        "t": 0.3,
        "k": 10,
        "mode": "hybrid",
        "stage1": "whole",
        "generator": "pix2pixhd",
        "parts": {},
        "fill": {},
    }
    assert own.arguments() == plain
    assert replace(own, stage1="parts", mode="none").arguments() == plain | {"mode": "none"}
    by_parts = replace(own, stage1="parts").arguments()
    assert (by_parts["parts"], by_parts["fill"]) == ({"nose": PartSettings(0.1, 3)}, {"mouth": 7})


@pytest.mark.parametrize(
    ("now", "by", "expected"), [("a", 1, "b"), ("c", 1, "a"), ("a", -1, "c"), ("gone", 1, "a")]
)
def test_the_next_generator_goes_around_the_list(now: str, by: int, expected: str):
    assert next_generator(now, ["a", "b", "c"], by) == expected
    assert next_generator(now, [], by) == now


@pytest.mark.parametrize(
    ("wanted", "has_parts", "kinds"),
    [
        (ConversionSettings(), True, 2),
        (ConversionSettings(), False, 1),
        (BY_PARTS, True, 2),
        (ConversionSettings(mode="none"), True, 1),
    ],
)
def test_every_generator_is_compared_with_each_kind_of_stage_1_that_makes_a_difference(
    wanted: ConversionSettings, has_parts: bool, kinds: int
):
    ways = all_ways(wanted, ["a", "b"], has_parts=has_parts)
    assert len(ways) == 2 * kinds
    assert len({way.effective() for way in ways}) == len(ways)
