"""Generators and parts on the Draw page: switching in the middle of a drawing, side by side, coming back."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from core.conversion.settings import ConversionSettings
from core.models.families import ModelInfo
from dashboard.shared import networks
from dashboard.shared.networks import Abilities, abilities, cards
from dashboard.views.draw.generator_menu import all_ways, pick_settings, step_generator, tiles_of
from dashboard.views.draw.settings import rows_of, settings_after
from dashboard.views.draw.state import Tools
from tests.dashboard.fake_page import FakePipeline, Page, drawn

OpenPage = Callable[[], Page]
NAMES = ["pix2pixhd", "cyclegan", "ugatit"]


@pytest.fixture
def studio(open_page: OpenPage, pipeline: FakePipeline) -> Page:
    """A page with three generators and parts, and a drawing on it."""
    pipeline.generators, pipeline.has_parts = list(NAMES), True
    page = open_page()
    page.draw(drawn())
    return page


def buttons(page: Page) -> set[str]:
    return {button.key for button in page.app.button}


def test_where_there_is_one_generator_there_is_nothing_to_choose(open_page: OpenPage):
    page = open_page()
    page.draw(drawn())
    assert "compare" not in buttons(page)
    assert not page.app.get("button_group")


def test_the_choice_appears_once_the_networks_are_there(open_page: OpenPage, pipeline: FakePipeline):
    pipeline.generators = list(NAMES)
    assert "compare" in buttons(open_page())


def test_another_generator_paints_the_same_drawing(studio: Page, pipeline: FakePipeline):
    studio.choose(generator="cyclegan")
    assert not studio.app.exception
    assert [call["generator"] for call in (pipeline.calls[0], pipeline.calls[-1])] == [
        "pix2pixhd",
        "cyclegan",
    ]
    assert pipeline.calls[-1]["sketch"] is pipeline.calls[0]["sketch"]
    assert studio.session.shown.result.generator == "cyclegan"


def test_going_back_to_a_generator_costs_no_second_face(studio: Page, pipeline: FakePipeline):
    studio.choose(generator="cyclegan")
    calls = len(pipeline.calls)
    studio.choose(generator="pix2pixhd")
    assert len(pipeline.calls) == calls
    assert studio.session.shown.result.generator == "pix2pixhd"


def test_the_key_for_the_next_generator_goes_through_the_menu(studio: Page):
    for expected in ("cyclegan", "ugatit", "pix2pixhd"):
        step_generator(studio.session, abilities(), 1)
        assert studio.session.settings.generator == expected


def test_parts_and_their_settings_reach_the_networks(studio: Page, pipeline: FakePipeline):
    studio.choose(stage1="parts")
    assert pipeline.calls[-1]["stage1"] == "parts"
    change = {"do": "set", "names": ["nose"], "keep": 0.9, "faces": 4}
    studio.session.settings = settings_after(change, studio.session.settings)
    studio.app.run()
    own = pipeline.calls[-1]["parts"]
    assert {name: (part.t, part.k) for name, part in own.items()} == {"nose": (0.9, 4)}


def test_a_part_that_is_not_drawn_can_be_made_up_and_left_out_again(studio: Page, pipeline: FakePipeline):
    pipeline.missing = ("nose",)
    studio.choose(stage1="parts")
    states = {row["name"]: row["state"] for row in rows_of(studio.session.settings, studio.session.shown)}
    assert states == dict.fromkeys(states, "drawn") | {"nose": "missing"}
    assert "Not drawn yet: nose" in studio.text()
    studio.session.settings = settings_after({"do": "random", "names": ["nose"]}, studio.session.settings)
    studio.app.run()
    assert set(pipeline.calls[-1]["fill"]) == {"nose"}
    assert "Not drawn yet" not in studio.text()
    studio.session.settings = settings_after({"do": "empty", "names": ["nose"]}, studio.session.settings)
    studio.app.run()
    assert rows_of(studio.session.settings, studio.session.shown)[2]["state"] == "missing"


def test_parts_that_are_made_up_at_once_are_those_of_one_person():
    wanted = settings_after({"do": "random", "names": ["nose", "mouth"]}, ConversionSettings(stage1="parts"))
    assert len({seed for _, seed in wanted.fill}) == 1


@pytest.mark.parametrize(
    "nonsense",
    [
        {},
        {"do": "explode", "names": ["nose"]},
        {"do": "set", "names": ["ear"], "keep": 0.1, "faces": 3},
        {"do": "set", "names": ["nose"], "keep": 7, "faces": 3},
        {"do": "set", "names": ["nose"], "keep": 0.1, "faces": "all"},
        {"do": "set", "names": ["nose"], "keep": True},
        {"do": "random", "names": 3},
    ],
)
def test_what_a_browser_must_not_send_changes_no_part(nonsense: dict):
    assert settings_after(nonsense, ConversionSettings(stage1="parts")) == ConversionSettings(stage1="parts")


def test_side_by_side_makes_every_way_once_and_keeps_the_photo(studio: Page, pipeline: FakePipeline):
    before = studio.session.shown
    studio.app.button(key="compare").click().run()
    assert not studio.app.exception
    ways = all_ways(studio.session.settings, NAMES, has_parts=True)
    assert all(studio.session.find(way) for way in ways)
    assert all(tile["src"] for tile in tiles_of(studio.session, abilities(), ways))
    assert studio.session.shown is before
    calls = len(pipeline.calls)
    studio.app.run()
    assert len(pipeline.calls) == calls
    assert len(studio.session.history) == 1


def test_the_face_that_is_picked_side_by_side_is_shown_with_its_settings(studio: Page):
    studio.app.button(key="compare").click().run()
    pick_settings(studio.session, replace(studio.session.settings, generator="ugatit", stage1="parts"))
    studio.app.run()
    result = studio.session.shown.result
    assert (result.generator, result.stage1) == ("ugatit", "parts")
    assert not studio.session.is_comparing


def test_a_new_drawing_forgets_the_faces_of_the_old_one(studio: Page):
    studio.app.button(key="compare").click().run()
    studio.session.is_comparing = False
    studio.draw(drawn(4))
    assert len(studio.session.faces) == 1


def test_clearing_closes_the_comparison(studio: Page):
    studio.app.button(key="compare").click().run()
    studio.draw(drawn(0))
    assert not studio.app.exception
    assert not studio.session.is_comparing


def test_a_generator_that_fails_is_said_once_and_the_others_go_on(studio: Page, pipeline: FakePipeline):
    pipeline.broken = ("cyclegan",)
    studio.choose(generator="cyclegan")
    assert not studio.app.exception
    assert studio.session.settings.generator == "pix2pixhd"
    assert studio.session.shown.result.generator == "pix2pixhd"
    assert [toast.value for toast in studio.app.toast] == [
        "cyclegan cannot be used: cyclegan.safetensors is damaged. Restore it."
    ]
    studio.app.run()
    assert not studio.app.toast


def test_side_by_side_goes_around_what_fails(studio: Page, pipeline: FakePipeline):
    pipeline.broken = ("ugatit", "parts")
    studio.app.button(key="compare").click().run()
    assert not studio.app.exception
    tiles = tiles_of(studio.session, abilities(), all_ways(ConversionSettings(), NAMES, has_parts=True))
    made = [tile["title"] for tile in tiles if tile["src"]]
    assert len(made) == 2
    assert all("damaged" in tile["trouble"] for tile in tiles if not tile["src"])


def test_an_earlier_result_brings_generator_and_parts_back(studio: Page, pipeline: FakePipeline):
    wanted = settings_after(
        {"do": "set", "names": ["nose"], "keep": 0.9, "faces": 4}, ConversionSettings(stage1="parts")
    )
    studio.choose(**vars(replace(wanted, generator="ugatit")))
    entry = studio.session.shown
    studio.choose(**vars(ConversionSettings()))
    calls = len(pipeline.calls)
    session = studio.session
    session.set_settings(entry.settings)
    session.shown = entry
    studio.app.run()
    assert studio.session.settings == entry.settings
    assert len(pipeline.calls) == calls


def test_attention_is_offered_only_where_a_generator_has_it(studio: Page):
    assert not [toggle for toggle in studio.app.toggle if toggle.key == "attention"]
    studio.choose(generator="ugatit")
    studio.app.toggle(key="attention").set_value(True).run()
    assert 'class="studio-attention"' in studio.text()
    studio.choose(generator="cyclegan")
    assert 'class="studio-attention"' not in studio.text()


def test_the_ghost_is_made_once_for_each_drawing_and_only_when_it_is_on(studio: Page, pipeline: FakePipeline):
    assert pipeline.ghosts == 0
    studio.session.tools = Tools(ghost=True)
    studio.app.run()
    studio.app.run()
    assert pipeline.ghosts == 1
    studio.draw(drawn(4))
    assert pipeline.ghosts == 2
    studio.session.tools = Tools(ghost=False)
    studio.draw(drawn(3))
    assert pipeline.ghosts == 2


def test_the_ghost_follows_the_pen_even_when_photos_are_made_by_hand(studio: Page, pipeline: FakePipeline):
    studio.app.toggle(key="live").set_value(False).run()
    studio.session.tools = Tools(ghost=True)
    calls = len(pipeline.calls)
    studio.draw(drawn(4))
    assert (pipeline.ghosts, len(pipeline.calls)) == (1, calls)


def test_a_model_is_described_by_its_training_and_comes_last_where_that_was_brief(
    monkeypatch: pytest.MonkeyPatch,
):
    runs = {
        "mine": ("pix2pixhd", {"steps": 24, "batch_size": 2}),
        "tuned": ("pix2pixhd", {"steps": 24, "batch_size": 2, "images_before": 99_500}),
        "ugatit": ("ugatit", {"steps": 9000, "batch_size": 2}),
        "imported": ("cyclegan", {"source": "a checkpoint"}),
    }
    monkeypatch.setattr(
        networks,
        "_info",
        lambda name: ModelInfo(runs[name][0], config={}, provenance=runs[name][1], licence="CC0"),
    )
    found = cards(runs)
    assert [card.name for card in found] == ["tuned", "ugatit", "imported", "mine"]
    assert [card.line() for card in found] == [
        "Saw 99,548 photos, each beside its drawing.",
        "Saw 18,000 photos and as many drawings, never which belong together. Shows where it looks.",
        "",
        "Experimental: briefly trained. Saw 48 photos, each beside its drawing.",
    ]


def test_no_shipped_generator_is_called_experimental():
    assert [card.name for card in cards(NAMES) if card.is_experimental or card.seen is None] == []


def test_nothing_can_be_chosen_while_the_networks_are_loaded(pipeline: FakePipeline):
    assert abilities() == Abilities()
