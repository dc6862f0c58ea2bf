"""Variants on the Draw page: nine people on demand, one of whom is kept."""

from collections.abc import Callable

import pytest

from core.conversion.settings import ConversionSettings
from dashboard.views.draw.state import VARIANTS
from dashboard.views.draw.variants import keep_variant, variants_of
from tests.dashboard.fake_page import FakePipeline, Page, drawn

OpenPage = Callable[[], Page]


@pytest.fixture
def varying(open_page: OpenPage) -> Page:
    """A page with a drawing, and the menu opened on it."""
    page = open_page()
    page.draw(drawn())
    page.app.session_state[VARIANTS] = True
    page.app.run()
    return page


def test_the_menu_makes_nine_people_and_none_before_it_is_opened(open_page: OpenPage, pipeline: FakePipeline):
    page = open_page()
    page.draw(drawn())
    assert len(pipeline.calls) == 1
    page.app.session_state[VARIANTS] = True
    page.app.run()
    assert not page.app.exception
    assert len(pipeline.calls) == 9
    assert len({(call["person"], call["skin"], call["hair"]) for call in pipeline.calls}) == 9
    assert [call["person"] for call in pipeline.calls] == [None, *range(7, 15)]
    assert "Click the one to go on with." in page.text()


def test_one_that_is_kept_is_shown_at_once_and_stays_for_the_next_stroke(
    varying: Page, pipeline: FakePipeline
):
    way = variants_of(varying.session)[3]
    keep_variant(varying.session, way)
    varying.app.session_state[VARIANTS] = False
    varying.app.run()
    assert len(pipeline.calls) == 9
    assert varying.session.shown.settings == way
    assert varying.session.history[0].settings == way
    varying.draw(drawn(4, offset=5))
    last = pipeline.calls[-1]
    assert (last["person"], last["skin"], last["hair"]) == (way.person, way.skin, way.hair)
    assert len(pipeline.calls) == 10


def test_a_tone_that_is_chosen_holds_for_the_photo_and_for_all_nine(varying: Page, pipeline: FakePipeline):
    varying.app.selectbox(key="skin_0").set_value("dark").run()
    assert varying.session.shown.settings == ConversionSettings(skin="dark")
    ways = variants_of(varying.session)
    assert {way.skin for way in ways} == {"dark"}
    assert len({way.hair for way in ways}) > 3
    assert all(varying.session.find(way) for way in ways)


def test_by_parts_what_is_not_drawn_is_made_up_for_each_another_way(varying: Page, pipeline: FakePipeline):
    pipeline.missing = ("nose",)
    varying.choose(stage1="parts")
    drawn_way, *others = variants_of(varying.session)
    assert drawn_way.fill == ()
    assert [dict(way.fill) for way in others] == [{"nose": way.person} for way in others]


def test_lines_as_they_are_differ_by_tone_alone(varying: Page):
    varying.choose(mode="none")
    ways = variants_of(varying.session)
    assert len({way.effective() for way in ways}) == len(ways) == 9
    varying.choose(skin="dark", hair="red")
    assert len(variants_of(varying.session)) == 1
