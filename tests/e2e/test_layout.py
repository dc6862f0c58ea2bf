"""Draw on every screen: nothing overlaps or is cut off, every slider can be moved, the photo stays in its place."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import DESKTOP
from tests.e2e.draw_page import DrawPage

# 720 is 1440 at a zoom of 200 %, as 640 is 1280.
SCREENS = ((360, 740), (390, 844), (640, 800), (720, 450), (768, 1024), (900, 800), (1024, 768), (1280, 800),
           (1440, 900), (1920, 1080))  # fmt: skip
LEAST_SLIDER_PX = 48
LONG_NAME = "portraits-of-the-whole-family-2026 (CycleGAN with a U-Net)"

# Everything that can be pressed, also within the components' shadow roots, with its box on the page.
CONTROLS = """() => {
  const found = [];
  const look = (root) => {
    for (const one of root.querySelectorAll('*')) {
      if (one.shadowRoot) look(one.shadowRoot);
      if (!one.matches('button:not(.mini), select, input[type=range], .st-key-live label')) continue;
      if (one.closest('header')) continue;
      const box = one.getBoundingClientRect();
      if (box.width < 2 || box.height < 2 || getComputedStyle(one).visibility === 'hidden') continue;
      const name = one.getAttribute('aria-label') || one.innerText;
      const isSlider = one.matches('input[type=range]') && Boolean(one.closest('.size, .row'));
      found.push({ name, isSlider, left: box.left, top: box.top, right: box.right, bottom: box.bottom });
    }
  };
  look(document);
  return found;
}"""

TOP = """(name) => Math.round(document.querySelector(name).getBoundingClientRect().top
  + document.querySelector('.stMain').scrollTop)"""
TOPS = f"() => ['.st-key-canvas', '.st-key-photo img'].map({TOP})"

WATCH = f"""() => {{
  const tops = (window.__tops = new Set());
  const look = () => {{
    if (document.querySelector('.st-key-photo img')) tops.add(({TOP})('.st-key-photo img'));
    requestAnimationFrame(look);
  }};
  look();
}}"""


def overlaps(one: dict, other: dict) -> bool:
    across = min(one["right"], other["right"]) - max(one["left"], other["left"])
    down = min(one["bottom"], other["bottom"]) - max(one["top"], other["top"])
    return across > 2 and down > 2


def faults(page: Page, width: int) -> list[str]:
    """What is wrong with the page as it lies now."""
    controls = page.evaluate(CONTROLS)
    found = [f"{c['name']} is cut off" for c in controls if c["left"] < -1 or c["right"] > width + 1]
    found += [
        f"{c['name']} is {c['right'] - c['left']:.0f} px wide"
        for c in controls
        if c["isSlider"] and c["right"] - c["left"] < LEAST_SLIDER_PX
    ]
    for position, one in enumerate(controls):
        found += [f"{one['name']} over {c['name']}" for c in controls[position + 1 :] if overlaps(one, c)]
    content = page.evaluate("document.scrollingElement.scrollWidth")
    return found + ([f"the page is {content} px wide"] if content > width else [])


# How far the middle of its icons lies from the middle of a button that shows nothing else, px.
OFF_CENTRE = """(name) => {
  const button = document.querySelector(`${name} button`);
  const found = button.querySelectorAll('[data-testid=stIconMaterial], svg');
  const icons = [...found].map((icon) => icon.getBoundingClientRect());
  const box = button.getBoundingClientRect();
  const middle = (Math.min(...icons.map((icon) => icon.left)) + Math.max(...icons.map((icon) => icon.right))) / 2;
  return Math.abs(middle - (box.left + box.right) / 2);
}"""


@pytest.fixture
def drawn(open_page: Callable[..., DrawPage]) -> DrawPage:
    """A face by parts, with Convert on the page: the fullest that it gets."""
    page = open_page()
    page.page.goto(f"{page.page.url}?example=outline_hair&stage1=parts")
    expect(page.photo_image).to_be_visible()
    expect(page.page.get_by_role("slider", name="Keep my lines: Nose")).to_be_visible()
    page.set_live(False)
    return page


def test_nothing_overlaps_or_is_cut_off_at_any_width_and_the_photo_lies_beside_the_paper(
    drawn: DrawPage,
) -> None:
    page, found = drawn.page, {}
    for width, height in SCREENS:
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_function(
            f"innerWidth === {width} && document.querySelector('.st-key-photo img').complete"
        )
        found[width] = faults(page, width)
        paper, photo = page.evaluate(TOPS)
        if width > 640 and abs(paper - photo) > 3:
            found[width].append(f"the photo begins at {photo} px, the paper at {paper} px")
        page.locator(".st-key-generator button p").first.evaluate(
            "(text, name) => (text.textContent = name)", LONG_NAME
        )
        found[width] += [f"with a long name: {fault}" for fault in faults(page, width)]
        if width > 640 and page.evaluate(TOPS) != [paper, photo]:
            found[width].append("a long name moves the photo")
        page.locator(".st-key-generator button p").first.evaluate(
            "(text) => (text.textContent = 'Pix2PixHD')"
        )
    assert not {width: several for width, several in found.items() if several}


def test_icons_lie_in_the_middle_of_their_buttons_and_the_entries_of_the_menu_on_its_left(
    drawn: DrawPage,
) -> None:
    page = drawn.page
    for width, height in ((390, 844), (768, 1024), (1024, 768)):
        page.set_viewport_size({"width": width, "height": height})
        for name in (".st-key-compare", ".st-key-download"):
            page.wait_for_function(
                f"([name, width]) => innerWidth === width && ({OFF_CENTRE.strip()})(name) <= 1",
                arg=[name, width],
            )
    drawn.rest()  # Streamlit's menus close again that are opened within a tenth of a second of a new size
    page.locator(".st-key-download button").first.click()
    words = page.locator(".st-key-files button p")
    expect(words).to_have_count(6)
    lefts = [box["x"] for word in words.all() if (box := word.bounding_box())]
    menu = page.get_by_test_id("stPopoverBody").bounding_box()
    assert menu is not None
    assert max(lefts) - min(lefts) < 1
    assert menu["width"] < 240


def test_the_photo_stays_in_its_place_while_another_is_made(page: DrawPage) -> None:
    before = page.draw_face()
    page.page.evaluate(WATCH)
    page.press_on_slider("Keep my lines", "Home")
    page.expect_other_photo(before)
    assert len(page.page.evaluate("[...window.__tops]")) == 1


def test_on_a_phone_a_small_photo_floats_while_the_photo_is_out_of_sight(phone: DrawPage) -> None:
    phone.draw_face()
    mini = phone.page.get_by_role("button", name="Show the photo")
    phone.page.evaluate("document.querySelector('.stMain').scrollTo(0, 0)")
    phone.page.set_viewport_size({"width": 390, "height": 600})
    expect(mini).to_be_visible()
    mini.click()
    expect(mini).to_be_hidden()
    expect(phone.photo_image).to_be_in_viewport(ratio=0.5)


def test_the_words_of_streamlits_own_widgets_are_in_the_visitors_language(browser, server_url: str) -> None:
    context = browser.new_context(**DESKTOP, locale="ko-KR")
    page = context.new_page()
    page.goto(f"{server_url}/collect")
    expect(page.get_by_test_id("stFileUploaderDropzone").first).to_contain_text("파일당 1GB")
    expect(page.get_by_test_id("stFileUploaderDropzone").first).to_contain_text("업로드")
    context.close()
