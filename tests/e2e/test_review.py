"""Reviewing in a real browser: keys alone, several reviewers, reloads, and a corrected alignment."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from core.config import ROOT
from curation.library.library import Library
from tests.dashboard.review_library import fill_library
from tests.e2e.conftest import DESKTOP, PHONE, serve
from tests.e2e.keyboards import LAYOUTS, compose, press_at
from tests.e2e.review_page import ReviewPage
from tests.server_log import check_server_log

COUNT = 130
OpenPage = Callable[..., ReviewPage]


@contextmanager
def served_library(folder: Path, count: int, *, base_path: str = "") -> Iterator[tuple[str, Library]]:
    """The dashboard over a library of painted faces, and that library."""
    fill_library(folder / "library", count)
    before = os.environ.get("STUDIO_DATA")
    os.environ["STUDIO_DATA"] = str(folder)
    log = folder / "log.txt"
    try:
        app = ROOT / "dashboard" / "app.py"
        with (
            serve(app, log, base_path=base_path) as url,
            Library.open(folder / "library") as library,
        ):
            yield url, library
    finally:
        if before is None:
            del os.environ["STUDIO_DATA"]
        else:
            os.environ["STUDIO_DATA"] = before
    check_server_log(log)


@pytest.fixture(scope="module")
def served(browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Library]]:
    with served_library(tmp_path_factory.mktemp("review"), COUNT) as both:
        yield both


@pytest.fixture
def library(served: tuple[str, Library]) -> Iterator[Library]:
    """The library that the page works on; each test leaves it undecided."""
    yield served[1]
    table = served[1].table()
    for who in {name for names in table["reviewers"] for name in names}:
        mine = [key for key, names in zip(table.index, table["reviewers"], strict=True) if who in names]
        served[1].decide(mine, "", reviewer=who)
        served[1].release(who)


@pytest.fixture
def open_page(browser, served: tuple[str, Library], library: Library) -> Iterator[OpenPage]:
    """Opens the page for a new visitor; at the end no page may have logged an error."""
    contexts, pages = [], []

    def open_one(query: str = "", device: dict = DESKTOP) -> ReviewPage:
        context = browser.new_context(**device)
        context.set_default_timeout(60_000)
        contexts.append(context)
        page = ReviewPage(context.new_page())
        pages.append(page)
        page.open(served[0], query)
        return page

    yield open_one
    errors = [error for page in pages for error in page.errors]
    for context in contexts:
        context.close()
    assert not errors, "the browser's console shows errors: " + "\n".join(errors)


def decided(library: Library, ids: list[str]) -> list[str]:
    return [str(library.table()["decision"][key]) for key in ids]


def test_a_page_is_reviewed_undone_and_reloaded_with_the_keyboard_alone(
    open_page: OpenPage, library: Library
) -> None:
    page = open_page()
    ids = page.ids()
    assert len(ids) == 60
    page.press("dsz")  # nobody knows whose decisions these would be: none is made, and none becomes a name
    expect(page.page.get_by_label("Your name")).to_have_value("")
    expect(page.page.locator(".toast")).to_contain_text("Say who you are first")
    assert page.decisions() == [""] * 60 and not page.page.locator("dialog[open]").count()
    page.name_oneself("Ann")
    page.press("asd" * 20)  # faster than any hand
    wanted = ["keep", "unsure", "reject"] * 20
    assert page.decisions() == wanted  # at once, whatever the server does
    page.settled()
    assert decided(library, ids) == wanted

    page.press("zzz")
    page.settled()
    assert page.decisions() == [*wanted[:57], "", "", ""]
    assert decided(library, ids) == [*wanted[:57], "", "", ""]
    page.press("y")
    page.settled()
    assert page.decisions() == [*wanted[:58], "", ""]

    page.reload()
    assert page.ids() == ids
    assert page.decisions() == [*wanted[:58], "", ""]
    page.press("zz")  # undo goes back beyond the reload
    page.settled()
    page.expect_decisions(["", "", "", ""], start=56)
    assert decided(library, ids)[:56] == wanted[:56]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_keys_work_by_their_place_under_another_layout(open_page: OpenPage, layout: str) -> None:
    page = open_page("?who=Ann")
    for code, key in zip(("KeyA", "KeyS", "KeyD"), LAYOUTS[layout], strict=True):
        press_at(page.page, code, key)
    page.settled()
    page.expect_decisions(["keep", "unsure", "reject", ""])


def test_a_latin_layout_tells_the_letter_on_the_key(open_page: OpenPage, library: Library) -> None:
    page = open_page("?who=Ann")
    press_at(page.page, "KeyQ", "a")  # AZERTY
    press_at(page.page, "Digit1", "&")
    page.settled()
    page.expect_decisions(["keep", ""])
    assert library.table()["labels"][page.ids()[1]] == ("glasses",)


def test_enter_ends_a_syllable_before_it_ends_a_label(open_page: OpenPage, library: Library) -> None:
    page = open_page("?who=Ann")
    first = page.ids()[0]
    page.look_closer()
    page.press("e")
    compose(page.page, "안경")
    page.press(["Enter"])
    page.settled()
    expect(page.detail.locator(".chip")).to_have_count(0)
    page.page.keyboard.insert_text("안경")
    page.press(["Enter"])
    expect(page.detail.locator(".chip")).to_have_text("안경 ×")
    page.settled()
    assert library.table()["labels"][first] == ("안경",)


def test_what_was_pressed_right_before_a_reload_is_kept(open_page: OpenPage, library: Library) -> None:
    page = open_page("?who=Ann")
    ids = page.ids()
    before = [len(library.history(key)) for key in ids[:5]]
    page.press("adsad")
    page.reload()  # without waiting for the server
    page.expect_decisions(["keep", "reject", "unsure", "keep", "reject", ""])
    assert decided(library, ids[:6]) == ["keep", "reject", "unsure", "keep", "reject", ""]
    assert [len(library.history(key)) for key in ids[:5]] == [count + 1 for count in before]  # each once


def test_ranges_whole_pages_and_labels_take_one_key(open_page: OpenPage, library: Library) -> None:
    page = open_page("?who=Ann")
    ids = page.ids()
    page.press(["Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowDown"])
    expect(page.page.locator('.review .tile[aria-selected="true"]')).to_have_count(15)
    page.press("d")
    page.expect_decisions(["reject"] * 15)
    assert page.focused() == 15
    page.press(["1", "2", "Shift+A"])
    page.page.get_by_role(
        "button", name="Keep all 45"
    ).click()  # some of them the machine rejects, and that is said
    page.settled()
    assert decided(library, ids) == ["reject"] * 15 + ["keep"] * 45
    assert library.table()["labels"][ids[15]] == ("glasses", "hat")
    page.press("zzz")  # three actions: the rest of the page, and two labels
    page.settled()
    assert decided(library, ids) == ["reject"] * 15 + [""] * 45
    assert library.table()["labels"][ids[15]] == ()
    page.press(["Control+a", "s"])
    page.settled()
    assert decided(library, ids) == ["unsure"] * 60
    page.tile(3).click()
    page.page.keyboard.down("Shift")
    page.tile(5).click()
    page.page.keyboard.up("Shift")
    page.press("a")
    page.settled()
    assert decided(library, ids)[2:7] == ["unsure", "keep", "keep", "keep", "unsure"]


def test_the_machine_is_agreed_with_and_nothing_that_it_rejects_is_kept_unseen(
    open_page: OpenPage, library: Library
) -> None:
    page = open_page("?who=Ann")
    ids = page.ids()
    verdicts = [str(one) for one in library.table()["verdict"]]
    assert "reject" in verdicts[:60]
    page.press(["Shift+A"])
    page.page.get_by_role("button", name="Keep the other").click()
    page.settled()
    assert decided(library, ids) == ["keep" if one == "keep" else "" for one in verdicts[:60]]
    page.press("zm")
    page.settled()
    assert page.decisions() == decided(library, ids) == verdicts[:60]
    page.press("z")
    page.settled()
    page.page.get_by_role("button", name="Agree with the machine").click()
    page.page.get_by_role("button", name=f"On all {COUNT} faces").click()
    page.settled()
    assert [str(one) for one in library.table()["decision"]] == verdicts
    page.press("z")
    page.settled()
    assert set(library.table()["decision"].astype(str)) == {""}


def test_faces_side_by_side_are_chosen_from_and_shown_larger(open_page: OpenPage, library: Library) -> None:
    page = open_page("?who=Ann")
    ids = page.ids()
    page.press(["Shift+ArrowRight", "c"])
    dialog = page.page.get_by_role("dialog", name="Side by side")
    expect(dialog.locator("img")).to_have_count(2)
    for picture in dialog.locator("img").all():
        picture.evaluate("(image) => image.decode()")  # fails for what is no picture
    page.press("2")
    expect(dialog).to_be_hidden()
    page.settled()
    assert decided(library, ids[:2]) == ["reject", "keep"]
    page.press("z")
    page.settled()
    assert decided(library, ids[:2]) == ["", ""]
    before = page.tile(0).bounding_box()
    page.press("v")
    after = page.tile(0).bounding_box()
    assert before is not None and after is not None and after["width"] > 1.4 * before["width"]


def test_the_address_holds_the_filter_and_a_page_turned(
    open_page: OpenPage, served, library: Library
) -> None:
    page = open_page("?verdict=reject&rule=yaw&sort=yaw&desc=1&who=Ann")
    yaw = library.table()["yaw"]
    shown = page.ids()
    assert list(yaw[shown]) == sorted(yaw[yaw.abs() > 10], reverse=True)
    expect(page.page.get_by_role("button", name="Clear filters")).to_be_visible()
    page.page.get_by_role("button", name="Clear filters").click()
    expect(page.tiles).to_have_count(60)
    page.turn("n")
    second = page.ids()
    page.page.wait_for_url("**page=1**")
    page.reload()
    assert page.ids() == second
    page.turn("p")
    assert not set(page.ids()) & set(second)


def test_nothing_that_matches_says_what_to_do(open_page: OpenPage, served) -> None:
    page = open_page()
    page.page.goto(f"{served[0]}/review?label=nobody-has-this")
    expect(page.page.get_by_text("No face matches")).to_be_visible()
    page.page.get_by_role("button", name="Clear filters").click()
    expect(page.tiles).to_have_count(60)


def test_two_reviewers_of_one_queue_never_get_the_same_face(open_page: OpenPage, library: Library) -> None:
    one, two = open_page("?who=Ann&queue=1"), open_page("?who=Bob&queue=1")
    seen = {"Ann": one.ids(), "Bob": two.ids()}
    assert len(seen["Ann"]) == len(seen["Bob"]) == 60
    assert not set(seen["Ann"]) & set(seen["Bob"])
    for page in (one, two):
        page.press(["Control+a", "a"])
    one.settled()
    two.settled()
    one.turn("n")
    rest = one.ids()
    assert len(rest) == COUNT - 120
    assert not set(rest) & {*seen["Ann"], *seen["Bob"]}
    assert set(decided(library, seen["Ann"] + seen["Bob"])) == {"keep"}


def test_reviewers_see_each_other_and_settle_what_they_disagree_on(
    open_page: OpenPage, library: Library
) -> None:
    one, two = open_page("?who=Ann"), open_page("?who=Bob")
    ids = one.ids()
    one.press("aaaa")
    one.settled()
    two.press("aadd")
    two.settled()
    expect(two.tile(2)).to_have_attribute("aria-label", re.compile("disagree.*Ann: keep.*Bob: reject"))
    assert list(library.table()["disputed"][ids[:5]]) == [False, False, True, True, False]
    one.press(["ArrowRight", "s"])  # any interaction brings the others' decisions
    one.settled()
    expect(one.tile(2).locator(".mark")).to_have_attribute("data-kind", "disputed")

    judge = open_page("?who=Cleo&disputed=1")
    assert judge.ids() == ids[2:4]
    judge.press("a")
    judge.settled()
    assert list(library.table()["disputed"][ids[2:4]]) == [False, True]
    assert decided(library, ids[2:3]) == ["keep"]
    judge.page.locator(".st-key-review_people button").first.click()
    expect(judge.page.locator(".review-agreement")).to_contain_text("Ann and Bob")


def test_a_second_opinion_is_given_without_knowing_the_first(open_page: OpenPage, library: Library) -> None:
    ids = [str(key) for key in library.table().index[:5]]
    library.decide(ids[:3], "reject", reviewer="Ann")
    library.decide(ids[3:4], "keep", reviewer="Bob")
    page = open_page("?who=Bob")
    page.page.locator(".st-key-review_bar").get_by_text("Second opinions").click()
    expect(page.tiles).to_have_count(3)
    assert page.ids() == ids[:3]
    assert page.decisions() == ["", "", ""]
    page.press("da")
    page.settled()
    page.expect_decisions(["reject", "keep", ""])
    assert decided(library, ids[:2]) == ["reject", ""]
    assert bool(library.table()["disputed"][ids[1]])


def test_a_page_is_gone_to_by_its_number(open_page: OpenPage) -> None:
    page = open_page("?who=Ann")
    page.press("t")
    page.page.get_by_label("Page", exact=True).fill("3")
    page.press(["Enter"])
    expect(page.page.locator(".review .page")).to_have_text("3 of 3")
    expect(page.tiles).to_have_count(COUNT - 120)


def test_a_page_that_is_done_gives_way_to_the_next_one_if_asked_to(open_page: OpenPage) -> None:
    page = open_page("?who=Ann")
    before = page.page_key()
    page.page.locator(".review [data-do=auto]").click()
    page.tile(0).focus()
    page.press(["a", "Shift+D"])
    expect(page.grid).not_to_have_attribute("data-page", before)
    expect(page.page.locator(".review .page")).to_have_text("2 of 3")


def test_dragging_an_eye_makes_another_crop_at_once(open_page: OpenPage, library: Library) -> None:
    page = open_page("?who=Ann")
    first = page.ids()[1]
    page.press(["ArrowRight"])
    before, anchors = crop_of(library, first), library.alignment_of(first)
    page.look_closer()
    version = page.detail.get_attribute("data-version") or ""
    page.drag_handle("Eye on the left", (-24, 12))
    expect(page.detail.locator(".aligned img")).to_be_visible()
    page.settled()
    expect(page.detail).not_to_have_attribute("data-version", version)
    moved = library.alignment_of(first)
    assert moved[0][0] < anchors[0][0] - 5
    assert moved[0][1] > anchors[0][1] + 2
    assert np.allclose(moved[1:], anchors[1:], atol=0.02)
    assert np.abs(crop_of(library, first).astype(int) - before).mean() > 2

    handle = page.detail.get_by_role("button", name="Mouth")
    handle.focus()
    version = page.detail.get_attribute("data-version") or ""
    page.press(["ArrowDown", "ArrowDown", "ArrowDown"])
    expect(page.detail).not_to_have_attribute("data-version", version)
    assert library.alignment_of(first)[2][1] > anchors[2][1] + 1
    page.press(["Escape"])
    expect(page.detail).not_to_be_visible()
    assert page.focused() == 1


def crop_of(library: Library, image_id: str) -> np.ndarray:
    return np.asarray(Image.open(library.files.crop(image_id)))


def test_the_detail_view_takes_labels_and_shows_who_decided(open_page: OpenPage, library: Library) -> None:
    page = open_page("?who=Ann")
    first = page.ids()[0]
    page.look_closer()
    page.press("ae")
    page.page.keyboard.type("Freckles")
    page.press(["Enter", "Escape"])
    page.settled()
    expect(page.detail.locator(".history")).to_contain_text("Ann keeps")
    # The test of a Korean keyboard may have left a label of its own on this face.
    expect(page.detail.locator(".chip").filter(has_text="freckles")).to_have_text("freckles ×")
    assert "freckles" in library.table()["labels"][first]
    expect(page.detail.locator(".measure[data-deciding]")).to_contain_text("Turned (yaw)")
    page.press("zz")
    page.settled()
    assert "freckles" not in library.table()["labels"][first]
    assert decided(library, [first]) == [""]


def test_deleting_for_good_needs_a_reason_and_leaves_nothing(open_page: OpenPage, library: Library) -> None:
    page = open_page("?who=Ann&sort=added_at&desc=1")
    last = page.ids()[0]
    page.look_closer()
    page.detail.get_by_text("Delete for good …").click()
    button = page.detail.get_by_role("button", name="Delete for good")
    expect(button).to_be_disabled()
    page.detail.get_by_label("Reason").fill("asked for by the person")
    button.click()
    page.settled()
    expect(page.tile(0)).to_have_attribute("data-gone", "")
    assert last not in library.table().index
    assert not library.files.original(last).exists()
    assert not library.files.thumb(last).exists()


def test_a_phone_shows_three_columns_and_big_buttons(open_page: OpenPage, library: Library) -> None:
    page = open_page("?who=Ann", PHONE)
    boxes = [page.tile(place).bounding_box() for place in range(4)]
    assert boxes[2]["y"] == boxes[0]["y"] < boxes[3]["y"]
    content, window = page.page.evaluate("[document.scrollingElement.scrollWidth, innerWidth]")
    assert content <= window
    page.tile(1).tap()
    button = page.page.locator(".review .bar [data-do=reject]")
    assert button.bounding_box()["height"] >= 48
    button.tap()
    page.settled()
    assert decided(library, page.ids()[:3]) == ["", "reject", ""]


def test_a_phone_reaches_the_whole_page_actions(open_page: OpenPage, library: Library) -> None:
    page = open_page("?who=Ann", PHONE)
    verdicts = [str(one) for one in library.table()["verdict"]][:60]

    def tap(name: str) -> None:
        button = page.page.get_by_role("button", name=name, exact=True)
        assert button.bounding_box()["height"] >= 40
        button.tap()  # scrolls the row along, as a finger does

    tap("Agree with the machine")
    tap("On this page")
    page.expect_decisions(verdicts)
    tap("Undo")
    page.expect_decisions([""] * 60)
    tap("Reject the rest")
    page.expect_decisions(["reject"] * 60)
    tap("Undo")
    page.expect_decisions([""] * 60)
    tap("Keep the rest")
    tap(f"Keep the other {verdicts.count('keep')}")
    page.expect_decisions(["keep" if one == "keep" else "" for one in verdicts])
    tap("Select page")
    expect(page.page.locator(".review .tile[aria-selected=true]")).to_have_count(60)
    tap("Side by side")
    expect(page.page.get_by_role("dialog", name="Side by side").locator("img").first).to_be_visible()
