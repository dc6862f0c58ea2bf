"""Of several copies of one picture the best is kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from curation.library.examinations import Copy, best_copy, lead_by_best
from curation.library.library import Library
from curation.library.records import DuplicateGroup
from tests.curation.library.samples import examination, fill

USUAL = Copy("b", "JPEG", 1000, 1200, 100.0, 0.01, 0.0, 0.9, 1.05, 0.1)


@pytest.mark.parametrize(
    "worse",
    [
        {"eye_distance_px": 80.0},
        {"padding": 0.08},
        {"frame": 0.2},
        {"format": "JPEG"},
        {"width": 800},
        {"sharpness": 0.6},
        {"stretch": 1.2},
        {"covered": 0.6},
        {"faces": 2.0},
        {"eye_distance_px": None, "padding": None, "sharpness": None},
    ],
)
def test_whatever_else_is_equal_decides(worse: dict[str, Any]) -> None:
    better = replace(USUAL, format="PNG")
    assert best_copy([replace(better, id="a", **worse), better]) == "b"


def test_a_black_frame_around_a_jpeg_does_not_beat_the_png_it_was_made_of() -> None:
    png = Copy("png", "PNG", 512, 512, 101.2, 0.0, 0.0, 0.88, 1.04, 0.05)
    framed = Copy("framed", "JPEG", 632, 632, 102.9, 0.0, 0.34, 0.97, 1.03, 0.02)
    assert best_copy([framed, png]) == "png"


def test_a_small_png_does_not_beat_the_large_jpeg_it_was_made_of() -> None:
    jpeg = Copy("jpeg", "JPEG", 2000, 2000, 400.0, 0.0, 0.0, 0.9, 1.04, 0.05)
    thumbnail = Copy("thumbnail", "PNG", 200, 200, 40.0, 0.0, 0.0, 0.5, 1.04, 0.05)
    assert best_copy([thumbnail, jpeg]) == "jpeg"


def test_a_face_outranks_the_larger_group_picture_that_it_was_cut_from() -> None:
    """It was rejected as a copy of a picture that is rejected for its several faces: nobody was left."""
    group = Copy("group", "PNG", 1300, 600, 120.0, 0.0, 0.0, 1.0, 1.04, 0.05, faces=2.0)
    face = replace(group, id="the face", width=600, faces=1.0)
    assert best_copy([group, face]) == "the face"


def test_measurements_that_differ_by_noise_do_not_decide() -> None:
    crop = replace(USUAL, id="a", eye_distance_px=103.0, sharpness=0.95, width=900, stretch=1.04)
    assert best_copy([crop, USUAL]) == "b"


def test_of_equals_the_smaller_id_is_kept_whatever_the_order() -> None:
    same = [replace(USUAL, id=name) for name in "cab"]
    assert best_copy(same) == best_copy(same[::-1]) == "a"


def test_no_copy_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        best_copy([])


def test_a_group_is_led_by_its_best_copy(library: Library) -> None:
    ids = fill(library, 3)
    library.save_examinations([examination(ids[2], eye_distance_px=139.0)])
    (group,) = library.best_copies([DuplicateGroup("near", ids[0], tuple(ids))])
    assert group == DuplicateGroup("near", ids[2], (ids[2], *sorted(ids[:2])))


def test_a_group_of_images_that_are_gone_stays_as_it_is() -> None:
    group = DuplicateGroup("near", "a", ("a", "b"))
    assert lead_by_best(group, {}) == group
