"""Generators and parts in a real browser: switching in the middle of a drawing, side by side, the ghost."""

import numpy as np
from playwright.sync_api import Locator, expect

from tests.e2e.draw_page import FACE, SCAR, DrawPage

NAMES = ("Pix2PixHD", "CycleGAN", "U-GAT-IT")


def choose(page: DrawPage, title: str) -> None:
    """Pick a generator in its menu."""
    page.page.locator(".st-key-generator button").first.click()
    page.page.get_by_role("option", name=title, exact=True).click()
    expect(page.page.locator(".st-key-generator button").first).to_contain_text(title)
    page.rest()


def by_parts(page: DrawPage) -> None:
    page.click(page.page.get_by_role("radio", name="By parts"))


def part(page: DrawPage, name: str) -> Locator:
    """The row of a part."""
    return page.page.locator(f'.st-key-parts [data-part="{name}"]')


def open_comparison(page: DrawPage) -> Locator:
    """Press S and wait until every face is there."""
    page.page.keyboard.press("s")
    dialog = page.page.get_by_role("dialog", name="Side by side")
    expect(dialog).to_be_visible()
    expect(dialog.locator(".waits")).to_have_count(0)
    return dialog


def test_another_generator_paints_the_same_strokes_and_the_next_stroke(page: DrawPage) -> None:
    photo, drawing = page.draw_face(), page.drawing()
    choose(page, "CycleGAN")
    other = page.expect_other_photo(photo)
    page.expect_drawing(drawing)
    page.stroke(SCAR)
    page.photo_of(len(FACE) + 1)
    page.expect_other_photo(other)
    page.click(page.button("Undo"))
    choose(page, "Pix2PixHD")
    page.expect_photo(photo)


def test_the_menu_shows_what_each_generator_makes_even_before_anything_is_drawn(page: DrawPage) -> None:
    page.page.locator(".st-key-generator button").first.click()
    rows = page.page.get_by_role("option")
    expect(rows.last).to_be_visible()
    assert rows.count() >= len(NAMES)
    expect(rows.locator("img")).to_have_count(rows.count())
    page.expect_no_photo()


def test_a_key_goes_to_the_next_generator_and_attention_lies_over_the_one_that_has_it(page: DrawPage) -> None:
    page.draw_face()
    heat = page.page.locator(".st-key-photo .studio-attention")
    for title in (NAMES[1], NAMES[2]):
        page.page.keyboard.press("n")
        expect(page.page.locator(".st-key-generator button").first).to_contain_text(title)
    expect(page.page.locator(".st-key-attention")).to_be_visible()
    expect(heat).to_have_count(0)
    page.page.keyboard.press("a")
    expect(heat).to_be_visible()
    box, photo = heat.bounding_box(), page.photo_image.bounding_box()
    assert box is not None and photo is not None
    assert abs(box["width"] - photo["width"]) < 2
    assert abs(box["y"] - photo["y"]) < 2
    page.page.keyboard.press("Shift+n")
    expect(heat).to_have_count(0)


def test_a_part_has_settings_of_its_own_and_an_earlier_result_brings_them_back(page: DrawPage) -> None:
    whole = page.draw_face()
    by_parts(page)
    alike = page.expect_other_photo(whole)
    slider = part(page, "mouth").get_by_role("slider")
    slider.fill("0.2")
    page.expect_other_photo(alike)
    expect(part(page, "mouth")).to_have_attribute("data-own", "true")
    page.rest()
    page.click(page.results().nth(2))  # newest first: own mouth, all alike, whole face
    page.expect_photo(whole)
    expect(page.page.get_by_role("radio", name="Whole face")).to_be_checked()
    page.click(page.results().first)
    expect(part(page, "mouth").get_by_role("slider")).to_have_value("0.2")
    part(page, "mouth").get_by_role("button", name="as all others").click()
    page.expect_photo(alike)


def test_a_part_that_is_not_drawn_can_be_random(page: DrawPage) -> None:
    for points in (*FACE[:3], *FACE[4:]):  # no nose
        page.stroke(points)
    page.photo_of(len(FACE) - 1)
    by_parts(page)
    expect(part(page, "nose")).to_have_attribute("data-state", "missing")
    without = page.refined()
    part(page, "nose").get_by_role("button", name="Random nose", exact=True).click()
    expect(part(page, "nose")).to_have_attribute("data-state", "filled")
    nose = np.s_[110:190, 100:156]
    assert np.abs(page.refined()[nose].astype(int) - without[nose]).max() > 60
    page.stroke(FACE[3])
    expect(part(page, "nose")).to_have_attribute("data-state", "drawn")


def test_all_ways_stand_side_by_side_and_one_is_picked(page: DrawPage) -> None:
    photo, drawing = page.draw_face(), page.drawing()
    dialog = open_comparison(page)
    tiles = dialog.locator(".tile")
    assert tiles.count() >= 2 * len(NAMES)
    sources = tiles.locator("img").evaluate_all("(images) => images.map((image) => image.src)")
    assert len(set(sources)) == tiles.count()
    dialog.get_by_role("button", name="CycleGAN, By parts").click()
    expect(dialog.locator(".large .photo")).to_be_visible()
    page.page.keyboard.press("ArrowLeft")
    page.page.keyboard.press("ArrowRight")
    expect(dialog.locator("figcaption")).to_contain_text("CycleGAN · By parts")
    dialog.get_by_role("button", name="Use this one").click()
    expect(dialog).to_have_count(0)
    page.expect_other_photo(photo)
    expect(page.page.locator(".st-key-generator button").first).to_contain_text("CycleGAN")
    expect(page.page.get_by_role("radio", name="By parts")).to_be_checked()
    page.expect_drawing(drawing)


def test_the_comparison_closes_without_a_choice(page: DrawPage) -> None:
    photo = page.draw_face()
    dialog = open_comparison(page)
    page.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.expect_photo(photo)
    page.stroke(SCAR)
    page.photo_of(len(FACE) + 1)


def test_the_ghost_appears_behind_the_pen_and_takes_no_stroke(page: DrawPage) -> None:
    page.draw_face()
    drawing = page.drawing()
    ghost = page.page.locator(".st-key-canvas img.studio-ghost")
    page.page.keyboard.press("h")
    expect(ghost).to_have_attribute("data-on", "true")
    page.expect_drawing(drawing)
    before = ghost.get_attribute("src") or ""
    page.stroke(SCAR)
    expect(ghost).not_to_have_attribute("src", before)
    expect(page.button("Guide")).to_have_attribute("aria-pressed", "false")
    page.click(page.button("Ghost"))
    expect(ghost).to_have_attribute("data-on", "false")
    page.click(page.button("Undo"))
    page.expect_drawing(drawing)


def test_side_by_side_fits_a_phone(phone: DrawPage) -> None:
    for points in FACE:
        phone.touch_stroke(points)
    phone.photo_of(len(FACE))
    phone.page.get_by_role("button", name="Side by side").first.click()
    dialog = phone.page.get_by_role("dialog", name="Side by side")
    expect(dialog.locator(".waits")).to_have_count(0)
    content, window = phone.width_on_screen()
    assert content <= window
    box = dialog.bounding_box()
    assert box is not None and box["width"] <= window
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)
