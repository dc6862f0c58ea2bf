"""Several visitors, small screens, fingers and slow answers."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.conftest import serve, visitors
from tests.e2e.draw_page import FACE, SCAR, DrawPage, oval


def test_two_visitors_drawing_at_once_keep_apart(open_page: Callable[..., DrawPage]) -> None:
    one, two = open_page(), open_page()
    for points in FACE:
        one.stroke(points)
        two.stroke([(512 - x, 0.9 * y) for x, y in points])
    two.stroke(SCAR)
    first, second = one.photo_of(len(FACE)), two.photo_of(len(FACE) + 1)
    assert not np.array_equal(one.drawing(), two.drawing())
    assert not np.array_equal(first, second)
    two.click(two.button("Clear"))
    two.expect_no_photo()
    one.expect_photo(first)
    one.press_on_slider("Keep my lines", "ArrowRight")
    one.expect_other_photo(first)
    one.press_on_slider("Keep my lines", "ArrowLeft")
    one.expect_photo(first)
    two.expect_no_photo()


def test_a_finger_draws_on_a_phone_and_nothing_sticks_out(phone: DrawPage) -> None:
    content, window = phone.width_on_screen()
    assert window == 390
    assert content <= window
    for points in FACE:
        phone.touch_stroke(points)
    photo = phone.photo_of(len(FACE))
    drawing = phone.drawing()
    # The finger's line lies where the mouse would have put it: the oval's left edge, the mouth's middle.
    assert drawing[270:290, 108:124].min() < 128
    assert drawing[366:402, 200:312].min() < 128
    content, window = phone.width_on_screen()
    assert content <= window
    phone.touch_stroke(SCAR)
    phone.expect_other_photo(photo)


def test_turning_a_phone_keeps_the_drawing(phone: DrawPage) -> None:
    for points in FACE:
        phone.touch_stroke(points)
    phone.rest()
    drawing = phone.drawing()
    phone.page.set_viewport_size({"width": 844, "height": 390})
    phone.expect_drawing(drawing)
    content, window = phone.width_on_screen()
    assert content <= window


@pytest.fixture
def slow_page(browser, tmp_path: Path) -> Iterator[DrawPage]:
    """A visitor of a server whose networks take long for the first drawing."""
    app = Path(__file__).with_name("slow_app.py")
    with serve(app, tmp_path / "log.txt") as url, visitors(browser, url) as open_one:
        yield open_one()


def test_a_slow_answer_never_replaces_a_newer_one(slow_page: DrawPage) -> None:
    slow_page.stroke(oval(256, 256, 150, 180))  # answered late
    slow_page.wait_until_it_works()
    slow_page.stroke(oval(256, 256, 100, 120))
    slow_page.stroke(SCAR)
    photo = slow_page.photo_of(3)
    ink = int(np.sum(slow_page.drawing() < 128))
    assert photo_says_ink(photo) == pytest.approx(ink, rel=0.02)


def photo_says_ink(photo: np.ndarray) -> int:
    """The number of dark pixels that the stand-in wrote into its picture."""
    red, green, blue = (int(value) for value in photo[0, 0])
    return red * 65536 + green * 256 + blue
