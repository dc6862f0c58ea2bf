"""What a visitor drew stays: through undo over loads and visits, a cut line, two fingers, and a file."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from dashboard.shared.resources import examples
from tests.core.test_scan_cleanup import draw_face, encoded
from tests.e2e.draw_page import FACE, SCAR, DrawPage


def test_undo_goes_on_through_an_example_and_a_visit_elsewhere(page: DrawPage) -> None:
    page.stroke(FACE[0])
    page.rest()
    one = page.drawing()
    page.stroke(SCAR)
    page.rest()
    two = page.drawing()
    page.pick_example()
    page.click(page.button("Undo"))
    page.expect_drawing(two)
    page.go_to("Rules")
    expect(page.button("Pen")).to_have_count(0)
    page.go_to("Draw")
    page.expect_drawing(two)
    page.click(page.button("Undo"))
    page.expect_drawing(one)
    page.click(page.button("Redo"))
    page.expect_drawing(two)


ERASED = [(200, 244), (220, 244)]  # the right end of the left eye's oval
PATIENCE_MS = 4000  # of a stroke that waits for a server that answers


def test_a_cut_line_is_told_and_what_is_drawn_and_erased_meanwhile_arrives_later(page: DrawPage) -> None:
    for points in FACE[:4]:
        page.stroke(points)
    page.photo_of(4)
    page.cut_line()
    page.stroke(SCAR)
    page.button("Eraser").click()
    page.stroke(ERASED)
    page.button("Pen").click()
    page.stroke(FACE[4])
    page.page.wait_for_timeout(1.25 * PATIENCE_MS)
    page.mend_line()
    page.photo_of(7)
    drawing = page.drawing()
    assert drawing[150:200, 110:200].min() < 128
    assert drawing[240:249, 215:225].min() > 200
    assert drawing[366:402, 200:312].min() < 128


@pytest.mark.parametrize("replace", ["Clear", "example"])
def test_what_replaces_the_drawing_while_the_line_is_cut_keeps_its_place(
    page: DrawPage, replace: str
) -> None:
    page.stroke(FACE[0])
    page.photo_of(1)
    page.cut_line()
    page.stroke(SCAR)
    before = page.drawing()
    if replace == "Clear":
        page.button("Clear").click()
    else:
        page.page.locator(".st-key-examples").get_by_role("button").first.click()
    page.stroke([(20, 20), (490, 20), (490, 480)])
    page.mend_line()
    strokes = 0 if replace == "Clear" else len(examples()[0].drawing.fabric["objects"])
    page.expect_ink(20, 10, 60, 30)
    page.photo_of(strokes + 1)
    page.click(page.button("Undo"))  # the stroke after it
    if strokes:
        page.photo_of(strokes)
    else:
        page.expect_no_photo()
    page.click(page.button("Undo"))  # the replacement itself
    page.expect_drawing(before)


def test_a_stroke_stays_when_the_page_is_left_at_once(page: DrawPage) -> None:
    page.stroke(FACE[0])
    page.photo_of(1)
    page.stroke(FACE[4])
    page.stroke(SCAR)
    page.go_to("Rules")
    expect(page.button("Pen")).to_have_count(0)
    page.go_to("Draw")
    page.photo_of(3)


@pytest.mark.parametrize("is_late", [False, True])
def test_two_fingers_leave_no_stroke(phone: DrawPage, is_late: bool) -> None:
    phone.touch_stroke(FACE[0])
    phone.photo_of(1)
    drawing = phone.drawing()
    way = [(200, 200), (200, 260), (200, 300), (200, 340)] if is_late else [(200, 200)] * 4
    phone.pinch(way, [(300, 300), (310, 330), (330, 360)])
    phone.touch_stroke(SCAR)
    phone.photo_of(2)
    phone.click(phone.button("Undo"))
    phone.expect_drawing(drawing)


def test_downloaded_strokes_come_back_with_the_scan_beneath_them(page: DrawPage) -> None:
    page.upload("scan.png", encoded(draw_face()))
    expect(page.photo_image).to_be_visible()
    page.stroke(SCAR)
    page.photo_of(2)
    drawing = page.drawing()
    _, data = page.download("Strokes")
    page.click(page.button("Clear"))
    page.expect_no_photo()
    page.upload("strokes.json", data, "application/json")
    page.photo_of(2)
    page.expect_drawing(drawing, nearly=0.01)


def test_a_reload_brings_drawing_and_settings_back_and_offers_to_start_new(page: DrawPage) -> None:
    page.draw_face()
    page.press_on_slider("Keep my lines", "ArrowLeft", 3)
    photo, drawing = page.photo(), page.drawing()
    page.page.reload()
    page.expect_drawing(drawing, nearly=0.2)
    # Redrawn edges of few lines differ by .04 grey levels, of which Pix2PixHD makes 2.5 in hair and ground.
    page.expect_photo(photo, nearly=4)
    expect(page.page.get_by_role("slider", name="Keep my lines")).to_have_value("0.35")
    page.page.get_by_role("button", name="Start new").click()
    page.expect_no_photo()
    page.click(page.button("Undo"))
    page.expect_drawing(drawing, nearly=0.2)


def test_a_link_opens_the_drawing_for_somebody_else_with_its_settings(
    open_page: Callable[..., DrawPage],
) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    page.draw_face()
    page.press_on_slider("Keep my lines", "Home")
    page.page.get_by_role("button", name="Copy link").click()
    expect(page.page.get_by_text("Link copied.")).to_be_visible()
    link = page.page.evaluate("navigator.clipboard.readText()")
    drawing = page.drawing()
    other = open_page()
    other.stroke(SCAR)
    other.photo_of(1)
    for address in (link, link.replace("#", "?")):  # pasted into the tab that is open; asked from the server
        other.page.goto(address)
        other.expect_drawing(drawing, nearly=1)
        other.photo_of(len(FACE))
        expect(other.page.get_by_role("slider", name="Keep my lines")).to_have_value("0")
        assert "drawing=" not in other.page.url  # a reload brings back what was drawn since
