"""When the networks are called, and what the page says."""

from types import SimpleNamespace

import numpy as np
import pytest

from core.conversion.request import Neighbour
from core.conversion.settings import ConversionSettings
from dashboard.views.draw.decisions import (
    FAR_PX,
    Step,
    misfit_px,
    missing_text,
    next_step,
    status_text,
    timing_text,
    unusable_text,
)
from dashboard.views.draw.state import Drawing, DrawSession, Shown, drawing_from
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
        (drawn(2), ConversionSettings(), 0.1, "Keep drawing"),
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
    fits = misfit_px(drawing, near)
    strange = misfit_px(np.ascontiguousarray(drawing[::-1]), near)
    assert fits is not None
    assert strange is not None
    assert fits < 1 < FAR_PX < strange
    assert misfit_px(drawing, ()) is None
