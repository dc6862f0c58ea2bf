"""Drawing with the mouse: the photo follows the pen, and nothing but the visitor takes a stroke away."""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image
from playwright.sync_api import expect

from tests.e2e.draw_page import FACE, SCAR, DrawPage, difference
from tests.e2e.keyboards import CONTROL, press_at

BLUE, VERMILION = [0, 114, 178], [213, 94, 0]
HAS_COLOUR = """(canvas, colour) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  for (let at = 0; at < data.length; at += 4)
    if (colour.every((value, channel) => Math.abs(data[at + channel] - value) < 20)) return true;
  return false;
}"""
# What a visitor may see of the canvas, frame by frame; its toolbar is transparent until a pointer lies over it.
WATCH_CANVAS = """
  window.__seen = [];
  const look = () => {
    for (const host of document.querySelectorAll('.st-key-canvas *')) {
      const [paper, toolbar] = ['.dc-container', '.dc-toolbar'].map((name) => host.shadowRoot?.querySelector(name));
      if (!paper) continue;
      const isSeen = (part) => part.checkVisibility({ visibilityProperty: true });
      window.__seen.push({ paper: isSeen(paper), toolbar: isSeen(toolbar) });
    }
    requestAnimationFrame(look);
  };
  look();
"""
NEARLY = 2.0  # mean difference of grey levels that the eye does not see


def test_strokes_of_the_mouse_become_a_photo_and_a_further_stroke_changes_it(page: DrawPage) -> None:
    page.expect_no_photo()
    before = page.draw_face()
    assert before.shape[0] == before.shape[1] >= 64
    assert np.mean(page.drawing() < 128) > 0.005
    page.stroke(SCAR)
    page.expect_other_photo(before)


def test_moving_keep_my_lines_changes_the_photo_and_keeps_the_strokes(page: DrawPage) -> None:
    before, drawing = page.draw_face(), page.drawing()
    page.press_on_slider("Keep my lines", "End")
    exactly_mine = page.expect_other_photo(before)
    page.press_on_slider("Keep my lines", "Home")
    page.expect_other_photo(exactly_mine)
    page.expect_drawing(drawing)


def test_the_own_lines_lie_over_sketch_and_photo_while_a_key_is_held_or_by_a_slider(page: DrawPage) -> None:
    page.draw_face()
    layers = [
        page.page.locator(f".st-key-{place} canvas.studio-lines-over") for place in ("refined", "photo")
    ]
    page.page.keyboard.down("d")
    for layer in layers:
        expect(layer).to_be_visible()
    assert all(layer.evaluate(HAS_COLOUR, BLUE) for layer in layers)
    assert layers[0].evaluate(HAS_COLOUR, VERMILION)
    page.page.keyboard.up("d")
    for layer in layers:
        expect(layer).to_be_hidden()
    page.press_on_slider("My drawing over the refined sketch", "End")
    expect(layers[0]).to_be_visible()
    assert layers[0].evaluate(HAS_COLOUR, BLUE)
    assert not layers[0].evaluate(HAS_COLOUR, VERMILION)


def test_nobody_sees_the_canvas_before_its_own_toolbar_is_taken_away(page: DrawPage, server_url: str) -> None:
    page.page.add_init_script(WATCH_CANVAS)
    page.open(server_url)
    seen = page.page.evaluate("window.__seen")
    assert seen[-1] == {"paper": True, "toolbar": False}
    assert not any(state["toolbar"] for state in seen)


def test_a_tile_under_the_pointer_does_not_look_chosen(page: DrawPage) -> None:
    """Such as on a page that opens under a pointer that rests where it pressed a link."""
    page.pick_example()
    chosen = page.results().first
    example = page.page.locator(".st-key-examples").get_by_role("button").nth(2)
    expect(chosen).to_have_attribute("aria-current", "true")
    example.hover()
    shadows = [tile.evaluate("tile => getComputedStyle(tile).boxShadow") for tile in (chosen, example)]
    accent = page.button("Pen").evaluate(
        "one => getComputedStyle(one).getPropertyValue('--st-primary-color')"
    )
    rgb = ", ".join(str(int(accent.strip()[at : at + 2], 16)) for at in (1, 3, 5))
    assert rgb in shadows[0] and rgb not in shadows[1], shadows


def test_tools_and_switches_never_take_a_stroke(page: DrawPage) -> None:
    page.draw_face()
    drawing = page.drawing()
    guide = page.page.locator(".st-key-canvas img.studio-guide")
    was_on = guide.get_attribute("data-on")
    page.click(page.button("Guide"))
    expect(guide).not_to_have_attribute("data-on", was_on or "")
    page.expect_drawing(drawing)
    page.set_live(False)
    page.expect_drawing(drawing)
    page.set_live(True)
    page.expect_drawing(drawing)
    page.press_on_slider("Brush size", "ArrowRight", 4)
    page.expect_drawing(drawing)
    page.click(page.page.get_by_text("Refine everything"))
    page.expect_drawing(drawing)
    page.click(page.button("Eraser"))
    page.press_on_slider("Eraser size", "ArrowRight")
    page.click(page.button("Pen"))
    page.expect_drawing(drawing)


def test_the_brush_draws_as_wide_as_it_says(page: DrawPage) -> None:
    line = [(100, 256), (256, 256), (400, 256)]
    page.stroke(line)
    page.rest()
    thin = int(np.sum(page.drawing()[:, 250] < 128))
    page.press_on_slider("Brush size", "End")
    page.stroke([(x, y + 100) for x, y in line])
    page.rest()
    thick = int(np.sum(page.drawing()[300:, 250] < 128))
    assert 2 <= thin <= 5
    assert 10 <= thick <= 14


def test_the_eraser_takes_ink_away_and_the_photo_follows(page: DrawPage) -> None:
    before, drawing = page.draw_face(), page.drawing()
    page.click(page.button("Eraser"))
    page.stroke([(200, 384), (256, 384), (312, 384)])
    page.expect_other_photo(before)
    assert np.sum(page.drawing() < 128) < np.sum(drawing < 128) - 100


def test_undo_and_redo_go_back_and_forth_by_button_and_by_key(page: DrawPage) -> None:
    before, drawing = page.draw_face(), page.drawing()
    page.stroke(SCAR)
    page.rest()
    scarred = page.drawing()
    assert not np.array_equal(scarred, drawing)
    page.click(page.button("Undo"))
    page.expect_drawing(drawing)
    page.expect_photo(before)
    page.click(page.button("Redo"))
    page.expect_drawing(scarred)
    page.page.keyboard.press("Control+z")
    page.rest()
    page.expect_drawing(drawing)
    page.page.keyboard.press("Control+Shift+z")
    page.rest()
    page.expect_drawing(scarred)


def test_keys_work_by_their_place_under_a_hangul_and_a_cyrillic_layout(page: DrawPage) -> None:
    press_at(page.page, "KeyE", "ㄷ")
    expect(page.button("Eraser")).to_have_attribute("aria-pressed", "true")
    press_at(page.page, "KeyB", "и")
    expect(page.button("Pen")).to_have_attribute("aria-pressed", "true")
    page.stroke(SCAR)
    page.photo_of(1)
    press_at(page.page, "KeyZ", "ㅋ", modifiers=CONTROL)
    page.expect_no_photo()


def test_clear_empties_paper_and_photo_and_can_be_undone(page: DrawPage) -> None:
    page.draw_face()
    drawing = page.drawing()
    page.click(page.button("Clear"))
    page.expect_no_photo()
    assert page.drawing().min() == 255
    page.click(page.button("Undo"))
    expect(page.photo_image).to_be_visible()
    page.expect_drawing(drawing, nearly=NEARLY)


def test_by_hand_nothing_happens_before_convert_and_then_the_last_stroke_counts(page: DrawPage) -> None:
    before = page.draw_face()
    page.set_live(False)
    page.stroke(SCAR)
    expect(page.page.get_by_text("Press Convert")).to_be_visible()
    page.expect_photo(before)
    page.stroke([(380, 150), (300, 180)])
    page.page.get_by_role("button", name="Convert").click()
    converted = page.expect_other_photo(before)
    # Convert has taken the stroke before it: there is nothing left for the live photo to catch up with.
    page.set_live(True)
    page.expect_photo(converted)


def test_after_a_burst_of_strokes_the_photo_is_that_of_the_whole_drawing(
    open_page: Callable[..., DrawPage],
) -> None:
    page = open_page()
    for points in FACE:
        page.stroke(points)
    for step in range(8):
        page.stroke([(100 + 6 * step, 100 + 20 * step), (140 + 6 * step, 120 + 20 * step)])
    photo, drawing = page.photo_of(len(FACE) + 8), page.drawing()
    _, data = page.download("Drawing")
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data)).convert("L")), drawing)
    # Let the networks answer the same drawing anew: there and back again with the slider.
    page.press_on_slider("Keep my lines", "ArrowRight")
    page.expect_other_photo(photo)
    page.press_on_slider("Keep my lines", "ArrowLeft")
    page.expect_photo(photo)
    page.expect_drawing(drawing)


def test_an_example_is_one_click_away_and_undo_brings_the_own_drawing_back(page: DrawPage) -> None:
    photo, drawing = page.draw_face(), page.drawing()
    assert page.pick_example(1).startswith("Start from: ")
    page.expect_other_photo(photo)
    assert difference(page.drawing(), drawing) > NEARLY
    page.click(page.button("Undo"))
    page.expect_drawing(drawing, nearly=NEARLY)


def test_the_strip_brings_drawing_settings_and_photo_back(page: DrawPage) -> None:
    first, drawing = page.draw_face(), page.drawing()
    page.pick_example(2)
    example = page.expect_other_photo(first)
    page.press_on_slider("Keep my lines", "Home")
    page.expect_other_photo(example)
    page.rest()  # the strip is drawn after the photo
    # Newest first: the example at t = 0, the example, the face.
    page.click(page.results().nth(2))
    page.expect_photo(first)
    page.expect_drawing(drawing)
    expect(page.page.get_by_role("slider", name="Keep my lines")).to_have_value("0.5")


def test_the_nearest_training_faces_can_be_seen(page: DrawPage) -> None:
    page.draw_face()
    page.page.locator(".st-key-more button").first.click()
    faces = page.page.locator(".studio-faces img")
    expect(faces.first).to_be_visible()
    assert faces.count() >= 3
    assert page.pixels_of(faces.first).shape[0] >= 32
