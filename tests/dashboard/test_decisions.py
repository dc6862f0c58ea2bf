"""When the networks are called, and what the page says."""

from dataclasses import replace
from types import SimpleNamespace
from typing import get_args

import cv2
import numpy as np
import pytest
from PIL import Image

from core.config import ROOT
from core.conversion.request import Neighbour
from core.conversion.settings import ConversionSettings
from dashboard.views.draw.decisions import (
    FAR_PX,
    UNPAINTED,
    Step,
    is_misplaced,
    misfit_px,
    missing_text,
    next_step,
    status_text,
    timing_text,
    undrawn_parts,
    unusable_text,
)
from dashboard.views.draw.state import Drawing, DrawSession, Shown, drawing_from
from eval.metrics.sketch_agreement import lines_of
from eval.metrics.unpainted import Unpainted
from tests.core.test_scan_cleanup import draw_face
from tests.dashboard.fake_page import drawn


def session_with(drawing: Drawing, shown: Shown | None = None) -> DrawSession:
    return DrawSession(drawing=drawing, shown=shown)


def shown(
    drawing: Drawing, wanted: ConversionSettings | None = None, *, confidence: float | None = 0.9
) -> Shown:
    result = SimpleNamespace(photo=None, confidence=confidence, is_blank=False)
    return Shown(drawing, wanted or ConversionSettings(), result)


@pytest.mark.parametrize("is_live", [True, False])
def test_a_blank_page_never_calls_the_networks(is_live: bool):
    assert next_step(DrawSession(), ConversionSettings(), is_live=is_live, is_asked=True) is Step.EMPTY


@pytest.mark.parametrize(
    ("is_live", "is_asked", "expected"),
    [
        (True, False, Step.GENERATE),
        (False, False, Step.WAIT),
        (False, True, Step.GENERATE),
    ],
)
def test_a_changed_drawing_is_converted_live_or_when_asked(is_live: bool, is_asked: bool, expected: Step):
    session = session_with(drawn(4), shown(drawn(3)))
    assert next_step(session, ConversionSettings(), is_live=is_live, is_asked=is_asked) is expected


def test_an_unchanged_drawing_and_look_are_kept_even_when_asked():
    session = session_with(drawn(4), shown(drawn(4)))
    assert next_step(session, ConversionSettings(), is_live=True, is_asked=True) is Step.KEEP
    assert next_step(session, ConversionSettings(t=0.1), is_live=True, is_asked=False) is Step.GENERATE


def test_a_load_is_waited_for_until_its_pixels_are_there():
    session = session_with(drawing_from(drawn(4).fabric))
    assert next_step(session, ConversionSettings(), is_live=True, is_asked=False) is Step.KEEP


@pytest.mark.parametrize(
    ("drawing", "wanted", "confidence", "words"),
    [
        (drawn(5), ConversionSettings(), 0.9, ""),
        (drawn(5), ConversionSettings(), None, ""),
        (drawn(5), ConversionSettings(t=0.8), 0.1, "lower"),
        (drawn(5), ConversionSettings(t=0.0), 0.1, "guide"),
        (drawn(5), ConversionSettings(mode="none"), 0.1, ""),
    ],
)
def test_advice_fits_what_the_visitor_can_do(
    drawing: Drawing, wanted: ConversionSettings, confidence: float | None, words: str
):
    text = status_text(shown(drawing, wanted, confidence=confidence), Step.KEEP)
    assert (words in text) if words else text == ""


def test_what_was_left_out_is_said_once_the_drawing_has_some_strokes():
    left_out = {"unpainted": ("ears", "gaze_left", "right")}
    text = status_text(replace(shown(drawn(5), confidence=0.1), **left_out), Step.KEEP)
    assert (
        text == "Your ears are not painted. Your eyes look to the left; the painted ones look straight ahead."
    )
    assert status_text(replace(shown(drawn(2)), **left_out), Step.KEEP) == ""
    assert {*UNPAINTED} == {*get_args(Unpainted)}


@pytest.mark.parametrize(
    ("blank", "missing"),
    [
        ((0, 0), ()),
        ((342, 420), ("mouth",)),
        ((190, 420), ("eye_left", "eye_right", "nose", "mouth")),
    ],
)
def test_parts_that_nothing_is_drawn_of_are_named(blank: tuple[int, int], missing: tuple[str, ...]):
    drawing = draw_face()[..., 0]
    drawing[slice(*blank), 140:372] = 255
    assert undrawn_parts(drawing) == missing


def test_the_nose_of_a_turned_head_is_drawn():
    drawing = draw_face()[..., 0].copy()
    drawing[222:342, 230:290] = 255  # no nose in its place
    assert undrawn_parts(drawing) == ("nose",)
    cv2.polylines(drawing, [np.array([(206, 270), (174, 316), (214, 322)])], False, 0, 4)
    assert undrawn_parts(drawing) == ()


def test_the_outline_of_a_narrow_face_is_no_nose():
    drawing = draw_face()[..., 0].copy()
    drawing[222:342, 230:290] = 255  # no nose in its place
    narrow = cv2.warpAffine(drawing, np.float32([[0.7, 0, 77], [0, 1, 0]]), (512, 512), borderValue=255)
    assert undrawn_parts(narrow) == ("nose",)


def test_what_is_made_up_is_said_before_how_far_the_drawing_is_from_training_faces():
    unfinished = replace(shown(drawn(4), confidence=0.1), undrawn=("eye_right", "mouth"))
    assert status_text(unfinished, Step.KEEP) == "Not drawn yet, so made up: right eye, mouth."
    by_parts = replace(unfinished.settings, stage1="parts")
    unfinished.result.parts = ()
    assert "made up" not in status_text(replace(unfinished, settings=by_parts), Step.KEEP)


def test_nothing_is_said_to_be_made_up_where_the_lines_stay_as_they_are():
    as_they_are = replace(shown(drawn(4), ConversionSettings(mode="none")), undrawn=("eye_right", "mouth"))
    assert status_text(as_they_are, Step.KEEP) == ""


def test_times_are_short_and_leave_out_steps_that_did_not_run():
    whole, steps = timing_text({"encode": 12.4, "project": 0.0, "generate": 1500.0, "total": 1512.4})
    assert whole == "1.5 s"
    assert steps == "encode 12 ms, generate 1.5 s"
    assert timing_text({}) == ("", "")


@pytest.mark.parametrize("folder", ["/srv/app/weights/", "weights/", "C:\\studio\\weights\\", ""])
def test_the_sentence_on_missing_weights_names_the_file_and_no_folder(folder: str):
    text = missing_text(RuntimeError(f"{folder}face_bank.safetensors is missing. Run: make assets"))
    assert text.endswith("yet. face_bank.safetensors is missing. Run: make assets")


def test_of_a_long_error_a_visitor_reads_the_sentence_that_says_what_is_wrong():
    error = ValueError(
        "/srv/x.safetensors: the weights do not fit their own configuration: Error(s) in loading state_dict\n\tMissing"
    )
    assert unusable_text(ConversionSettings(generator="x"), error) == (
        "x cannot be used: x.safetensors: the weights do not fit their own configuration"
    )
    assert (
        unusable_text(ConversionSettings(stage1="parts"), ValueError("damaged"))
        == "By parts cannot be used: damaged"
    )


def test_a_drawing_like_its_neighbours_fits_and_one_upside_down_does_not():
    drawing = draw_face(width=4)[..., 0]
    near = (Neighbour("face", 1.0, 1.0, drawing[::2, ::2]),)
    fits = misfit_px(lines_of(drawing), near)
    strange = misfit_px(lines_of(drawing[::-1]), near)
    assert fits is not None
    assert strange is not None
    assert fits < 1 < FAR_PX < strange
    assert misfit_px(lines_of(drawing), ()) is None


EXAMPLES = sorted((ROOT / "data/demo/drawings").glob("*.png"))


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ([[1, 0, 0], [0, 1, 0]], False),
        ([[0.6, 0, 102], [0, 0.6, 102]], True),
        ([[0.45, 0, 20], [0, 0.45, 200]], True),
        ([[1, 0, 80], [0, 1, 0]], True),
    ],
    ids=["as it is", "small", "in a corner", "to the right"],
)
def test_a_head_that_is_small_or_off_the_middle_is_told_from_one_on_the_guide(
    matrix: list[list[float]], expected: bool
):
    found = {}
    for path in EXAMPLES:
        if path.stem not in ("half_done", "eyes_and_brows"):
            drawing = np.asarray(Image.open(path).convert("L"))
            moved = cv2.warpAffine(drawing, np.array(matrix, np.float64), (512, 512), borderValue=255)
            found[path.stem] = is_misplaced(np.asarray(moved, np.uint8))
    assert set(found.values()) == {expected}, found


def test_a_head_in_its_place_is_not_called_misplaced_before_it_has_a_top():
    drawing = np.full((512, 512), 255, np.uint8)
    cv2.ellipse(drawing, (256, 282), (136, 184), 0, -30, 210, 0, 4)
    cv2.polylines(drawing, [np.array([(256, 262), (246, 310), (262, 316)])], False, 0, 4)
    assert not is_misplaced(drawing)


@pytest.mark.parametrize("name", ["half_done", "eyes_and_brows"])
def test_an_unfinished_face_is_not_called_misplaced(name: str):
    path = next(path for path in EXAMPLES if path.stem == name)
    assert not is_misplaced(np.asarray(Image.open(path).convert("L")))


def test_a_misplaced_drawing_is_told_in_one_sentence_that_names_the_way_out():
    text = status_text(replace(shown(drawn(5), ConversionSettings()), is_misplaced=True), Step.KEEP)
    assert text.endswith("Press Fit to the guide.")
    assert status_text(replace(shown(drawn(2), ConversionSettings()), is_misplaced=True), Step.KEEP) == ""
