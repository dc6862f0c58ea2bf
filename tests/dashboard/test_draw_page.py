"""The Draw page's states: empty, drawn, waiting, blank, unsure, without weights."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import streamlit as st

from core.errors import AssetMissing
from dashboard.shared import networks
from dashboard.shared.conversion_queue import Superseded
from dashboard.views.draw.state import Drawing, DrawSession, Shown, Tools
from tests.core.test_scan_cleanup import draw_face
from tests.dashboard.fake_page import FakePipeline, Page, drawn
from tests.eval.metrics.test_unpainted import photo, sketch

OpenPage = Callable[[], Page]


def test_an_empty_page_invites_to_draw_and_calls_no_network(open_page: OpenPage, pipeline: FakePipeline):
    page = open_page()
    assert not page.app.exception
    assert not page.app.error
    assert "Draw a face" in page.text()
    assert not page.photos()
    assert pipeline.calls == []


def test_a_stroke_becomes_a_photo_and_a_refined_sketch(open_page: OpenPage):
    page = open_page()
    page.draw(drawn())
    assert not page.app.exception
    assert len(page.photos()) == 2
    assert "61 ms" in page.text()
    assert "Draw a face" not in page.text()


def test_the_same_drawing_and_settings_are_not_computed_twice(open_page: OpenPage, pipeline: FakePipeline):
    page = open_page()
    page.draw(drawn())
    page.app.run()
    page.app.run()
    assert len(pipeline.calls) == 1


def test_moving_keep_my_lines_makes_a_new_face_from_the_same_drawing(
    open_page: OpenPage, pipeline: FakePipeline
):
    page = open_page()
    page.draw(drawn())
    page.app.slider(key="keep_lines_0").set_value(0.2).run()
    assert [call["t"] for call in pipeline.calls] == [0.5, 0.2]
    assert np.array_equal(pipeline.calls[0]["sketch"], pipeline.calls[1]["sketch"])


def test_the_mode_and_the_number_of_faces_reach_the_networks(open_page: OpenPage, pipeline: FakePipeline):
    page = open_page()
    page.draw(drawn())
    page.app.radio(key="mode_0").set_value("whole").run()
    page.app.slider(key="neighbour_count_0").set_value(3).run()
    assert (pipeline.calls[-1]["mode"], pipeline.calls[-1]["k"]) == ("whole", 3)


def test_with_live_off_a_drawing_waits_for_convert(open_page: OpenPage, pipeline: FakePipeline):
    page = open_page()
    page.app.toggle(key="live").set_value(False).run()
    page.draw(drawn())
    assert pipeline.calls == []
    assert "Press Convert" in page.text()
    page.app.button(key="convert").click().run()
    assert len(pipeline.calls) == 1
    assert "Press Convert" not in page.text()


def test_convert_is_not_shown_while_live_does_its_work(open_page: OpenPage):
    page = open_page()
    assert not [button for button in page.app.button if button.key == "convert"]


def test_clearing_brings_the_empty_page_back(open_page: OpenPage, pipeline: FakePipeline):
    page = open_page()
    page.draw(drawn())
    page.draw(Drawing())
    assert "Draw a face" in page.text()
    assert not page.photos()
    assert len(pipeline.calls) == 1


def test_a_photo_that_a_newer_stroke_overtook_is_shown_before_the_next_is_made(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
):
    remember = DrawSession.remember

    def made_too_late(session: DrawSession, shown: Shown) -> None:
        remember(session, shown)
        st.stop()

    def overtaken(*_: Any, **__: Any) -> None:
        raise Superseded

    page = open_page()
    page.draw(drawn(3))
    monkeypatch.setattr(DrawSession, "remember", made_too_late)
    page.draw(drawn(4))
    assert "of 3 strokes" in page.photos()[0].imgs[0].alt
    monkeypatch.setattr(networks, "generate", overtaken)
    page.draw(drawn(5))
    assert "of 4 strokes" in page.photos()[0].imgs[0].alt


def test_an_almost_blank_drawing_is_said_kindly(open_page: OpenPage, pipeline: FakePipeline):
    pipeline.is_blank = True
    page = open_page()
    page.draw(drawn(1))
    assert not page.app.exception
    assert "Almost nothing is drawn" in page.text()
    assert not page.photos()
    assert page.app.session_state["draw_session"].history == ()


def test_a_drawing_far_from_training_faces_gets_advice_in_words(open_page: OpenPage, pipeline: FakePipeline):
    pipeline.confidence = 0.05
    page = open_page()
    page.draw(replace(drawn(), sketch=draw_face()[..., 0]))
    assert "Keep my lines” lower" in page.text()


def test_eyes_nose_and_mouth_that_are_made_up_are_named_under_the_photo(open_page: OpenPage):
    page = open_page()
    page.draw(replace(drawn(), sketch=sketch()))
    assert "Not drawn yet, so made up: nose, mouth." in page.text()


def test_a_feature_that_is_not_painted_is_named_under_the_photo(open_page: OpenPage, pipeline: FakePipeline):
    page = open_page()
    pipeline.photo = photo()
    lines = sketch("glasses")
    lines[302:305, 240:272] = lines[384:387, 230:282] = 0  # nose and mouth
    page.draw(replace(drawn(), sketch=lines))
    assert "Your glasses are hardly painted." in page.text()
    pipeline.photo = photo("glasses")
    page.draw(replace(drawn(offset=3), sketch=lines))
    assert "Your glasses" not in page.text()


def test_missing_weights_are_one_clear_sentence_without_a_path(open_page: OpenPage, pipeline: FakePipeline):
    pipeline.error = AssetMissing("/srv/studio/weights/pix2pixhd.safetensors is missing. Run: make assets")
    page = open_page()
    assert not page.app.exception
    assert [error.value for error in page.app.error] == [
        "The studio cannot make photos yet. pix2pixhd.safetensors is missing. Run: make assets"
    ]
    page.draw(drawn())
    assert len(page.app.error) == 1
    assert page.app.session_state["draw_session"].drawing.digest == drawn().digest


def test_weights_that_arrive_later_are_used_without_a_new_visit(open_page: OpenPage, pipeline: FakePipeline):
    pipeline.error = AssetMissing("pix2pixhd.safetensors is missing. Run: make assets")
    page = open_page()
    page.draw(drawn())
    pipeline.error = None
    page.app.run()
    assert not page.app.error
    assert len(page.photos()) == 2


def test_any_other_error_stays_loud(open_page: OpenPage, pipeline: FakePipeline):
    pipeline.error = ZeroDivisionError("a defect")
    page = open_page()
    assert page.app.exception


def test_every_result_joins_the_strip_once(open_page: OpenPage):
    page = open_page()
    page.draw(drawn(3))
    page.draw(drawn(4, offset=5))
    page.draw(drawn(3))
    history = page.app.session_state["draw_session"].history
    assert [entry.drawing.digest for entry in history] == [drawn(3).digest, drawn(4, offset=5).digest]


def test_two_visitors_never_see_each_others_drawing(open_page: OpenPage):
    one, other = open_page(), open_page()
    one.draw(drawn(3))
    other.app.run()
    assert "Draw a face" in other.text()
    other.draw(drawn(4, offset=40))
    sessions = [page.app.session_state["draw_session"] for page in (one, other)]
    assert [len(session.history) for session in sessions] == [1, 1]
    assert sessions[0].drawing.digest != sessions[1].drawing.digest


def test_changing_tools_keeps_the_drawing_and_calls_nothing(open_page: OpenPage, pipeline: FakePipeline):
    page = open_page()
    page.draw(drawn())
    session = page.app.session_state["draw_session"]
    session.tools = Tools(tool="eraser", brush=7, eraser=40, guide=False, mirror=True)
    page.app.run()
    assert session.drawing.digest == drawn().digest
    assert len(pipeline.calls) == 1


@pytest.mark.parametrize("key", ["download_photo", "download_all_three", "download_strokes"])
def test_downloads_wait_for_something_to_download(open_page: OpenPage, key: str):
    page = open_page()
    assert page.app.get("download_button")
    assert not page.app.exception
    page.draw(drawn())
    button = next(b for b in page.app.get("download_button") if b.key == key)
    assert not button.disabled
