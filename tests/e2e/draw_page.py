"""The Draw page as a person uses it: strokes, buttons, and what is seen on the screen."""

from __future__ import annotations

import base64
import io
import math
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import ConsoleMessage, Download, Locator, Page, expect

PAPER = 512
PATIENCE_S = 60
Points = Sequence[tuple[float, float]]

# Notes when the page last spoke to the server and when it last heard from it.
LISTEN = """
  window.__sent = window.__heard = 0;
  window.__sockets = [];
  const Plain = window.WebSocket;
  window.WebSocket = class extends Plain {
    constructor(...options) {
      super(...options);
      window.__sockets.push(this);
      this.addEventListener('message', () => { window.__heard = performance.now(); });
    }
    send(data) { window.__sent = performance.now(); super.send(data); }
  };
"""

# A page is at rest when it was answered, Streamlit runs nothing, and all has been still for longer than
# the canvas waits before it sends a stroke.
AT_REST = """([quiet]) => {
  const now = performance.now();
  window.__asked ??= now;
  const app = document.querySelector('[data-testid="stApp"]');
  const isStill = app?.getAttribute('data-test-script-state') === 'notRunning'
    && window.__heard > window.__sent && now - Math.max(window.__heard, window.__asked) > quiet
    && [...document.querySelectorAll('img')].every((image) => image.complete);
  if (isStill) window.__asked = undefined;
  return isStill;
}"""

PAPER_PIXELS = """(surface) => {
  const page = document.createElement('canvas');
  page.width = page.height = 512;
  const pen = page.getContext('2d');
  pen.fillStyle = 'white';
  pen.fillRect(0, 0, 512, 512);
  pen.drawImage(surface, 0, 0, 512, 512);
  return page.toDataURL('image/png').split(',')[1];
}"""

IMAGE_BYTES = """async (image) => {
  const answer = await fetch(image.src);
  if (!answer.ok) throw new Error(`${answer.status} for ${image.src}`);
  const data = new Uint8Array(await answer.arrayBuffer());
  let text = '';
  for (const byte of data) text += String.fromCharCode(byte);
  return btoa(text);
}"""


def oval(x: float, y: float, width: float, height: float, start: float = 0, end: float = 360) -> Points:
    """Points on an ellipse, angles in degrees, clockwise from the right."""
    angles = [math.radians(start + (end - start) * i / 16) for i in range(17)]
    return [(x + width * math.cos(a), y + height * math.sin(a)) for a in angles]


FACE: tuple[Points, ...] = (
    oval(256, 280, 140, 185),
    oval(186, 244, 34, 16),
    oval(326, 244, 34, 16),
    [(256, 250), (240, 312), (266, 318)],
    oval(256, 384, 54, 16),
    oval(256, 210, 165, 165, 170, 370),
)
SCAR: Points = [(110, 150), (200, 200), (150, 420)]


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """Mean difference in grey levels; pictures of different sizes have nothing in common."""
    return float(np.abs(one.astype(int) - other.astype(int)).mean()) if one.shape == other.shape else 255.0


class DrawPage:
    """One visitor's browser page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        self.is_cut = False  # the browser notes each try to reach a server that cannot be reached
        page.add_init_script(LISTEN)
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _note(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not self.is_cut:
            self.errors.append(message.text)

    def open(self, url: str) -> None:
        self.page.goto(url)
        expect(self.page.locator(".st-key-canvas .dc-container")).to_be_visible()
        expect(self.button("Pen")).to_be_visible()
        self.rest()

    # ---- what is seen ------------------------------------------------------------------------------

    @property
    def photo_image(self) -> Locator:
        return self.page.locator(".st-key-photo img")

    def rest(self, quiet_ms: int = 300) -> None:
        """Wait until the page has answered everything."""
        self.page.wait_for_function(AT_REST, arg=[quiet_ms], polling=50)

    def wait_until_it_works(self) -> None:
        """Wait until the server has begun to answer."""
        expect(self.page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "running")

    def photo(self) -> np.ndarray:
        """Pixels of the photo once the page is at rest, (S, S, 3) uint8."""
        self.rest()
        return self.pixels_of(self.photo_image)

    def photo_of(self, strokes: int) -> np.ndarray:
        """Pixels of the photo of a drawing of that many strokes, once it is shown.

        A slow browser may send its last stroke only after it has been still for a while.
        """
        expect(self.photo_image).to_have_attribute("alt", re.compile(rf"\b{strokes} strokes?$"))
        return self.photo()

    def refined(self) -> np.ndarray:
        self.rest()
        return self.pixels_of(self.page.locator(".st-key-refined img"))

    def pixels_of(self, image: Locator) -> np.ndarray:
        data = base64.b64decode(image.evaluate(IMAGE_BYTES))
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))

    def drawing(self) -> np.ndarray:
        """What is on the paper, (512, 512) uint8, as the visitor sees it but without the guide."""
        surface = self.page.locator(".st-key-canvas canvas.dc-canvas.lower-canvas")
        data = base64.b64decode(surface.evaluate(PAPER_PIXELS))
        return np.asarray(Image.open(io.BytesIO(data)).convert("L"))

    def expect_drawing(self, wanted: np.ndarray, *, nearly: float = 0) -> None:
        """Wait until the paper shows this drawing, up to a mean difference in grey levels."""
        self.rest()
        self._eventually(lambda: difference(self.drawing(), wanted) <= nearly, "the drawing is another one")

    def expect_ink(self, left: int, top: int, right: int, bottom: int) -> None:
        """Wait until something is drawn within these bounds."""
        self._eventually(lambda: self.drawing()[top:bottom, left:right].min() < 128, "nothing is drawn there")

    def expect_photo(self, wanted: np.ndarray, *, nearly: float = 0) -> None:
        """Wait until this photo is shown."""
        self._eventually(lambda: difference(self.photo(), wanted) <= nearly, "the photo is another one")

    def expect_other_photo(self, before: np.ndarray) -> np.ndarray:
        """Wait until another photo than this one is shown; return it."""
        self._eventually(lambda: difference(self.photo(), before) > 0, "the photo stays the same")
        return self.photo()

    def _eventually(self, holds: Callable[[], bool], complaint: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline, complaint
            self.page.wait_for_timeout(100)

    def expect_no_photo(self) -> None:
        expect(self.page.locator(".st-key-photo .studio-empty")).to_be_visible()
        expect(self.photo_image).to_have_count(0)

    def alert(self) -> Locator:
        return self.page.get_by_test_id("stAlert")

    def width_on_screen(self) -> tuple[int, int]:
        """Width of the page's content and of the window, px."""
        content, window = self.page.evaluate(
            "[document.scrollingElement.scrollWidth, document.scrollingElement.clientWidth]"
        )
        return content, window

    # ---- what is done ------------------------------------------------------------------------------

    def button(self, name: str) -> Locator:
        return self.page.locator(".st-key-toolbar").get_by_role("button", name=name, exact=True)

    def _on_screen(self, points: Points) -> Points:
        surface = self.page.locator(".st-key-canvas canvas.upper-canvas")
        surface.scroll_into_view_if_needed()
        box = surface.bounding_box()
        assert box is not None
        scale = box["width"] / PAPER
        return [(box["x"] + x * scale, box["y"] + y * scale) for x, y in points]

    def stroke(self, points: Points) -> None:
        """Draw with the mouse, in pixels of the paper."""
        first, *others = self._on_screen(points)
        mouse = self.page.mouse
        mouse.move(*first)
        mouse.down()
        for point in others:
            mouse.move(*point)
        mouse.up()

    def touch_stroke(self, points: Points) -> None:
        """Draw with a finger."""
        finger = self.page.context.new_cdp_session(self.page)
        first, *others = self._on_screen(points)

        def send(kind: str, place: Sequence[tuple[float, float]]) -> None:
            touches = [{"x": x, "y": y} for x, y in place]
            finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

        send("touchStart", [first])
        for point in others:
            send("touchMove", [point])
        send("touchEnd", [])
        finger.detach()

    def pinch(self, first: Points, second: Points) -> None:
        """Two fingers, the second a little later than the first, as when zooming."""
        finger = self.page.context.new_cdp_session(self.page)
        one, two = self._on_screen(first), self._on_screen(second)

        def send(kind: str, *places: tuple[float, float]) -> None:
            touches = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
            finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

        send("touchStart", one[0])
        send("touchMove", one[1])
        send("touchStart", one[1], two[0])
        for place, other in zip(one[2:], two[1:], strict=False):
            send("touchMove", place, other)
        send("touchEnd")
        finger.detach()

    def cut_line(self) -> None:
        """Cut the connection to the server, until `mend_line`."""
        self.is_cut = True
        self.page.context.set_offline(True)
        self.page.evaluate("window.__sockets.forEach((socket) => socket.close())")
        expect(self.page.locator(".st-key-toolbar .line")).to_be_visible()

    def mend_line(self) -> None:
        self.page.context.set_offline(False)
        expect(self.page.locator(".st-key-toolbar .line")).to_be_hidden()
        self.is_cut = False

    def go_to(self, name: str) -> None:
        """Click a page's name at the top."""
        self.page.get_by_role("link", name=name, exact=True).first.click()

    def draw_face(self) -> np.ndarray:
        """Draw a whole face with the mouse; return its photo."""
        for points in FACE:
            self.stroke(points)
        return self.photo_of(len(FACE))

    def set_live(self, is_on: bool) -> None:
        box = self.page.locator(".st-key-live input")
        if box.is_checked() != is_on:
            self.page.locator(".st-key-live label").click()
        expect(box).to_be_checked(checked=is_on)
        self.rest()

    def press_on_slider(self, name: str, key: str, times: int = 1) -> None:
        slider = self.page.get_by_role("slider", name=name)
        slider.focus()
        for _ in range(times):
            slider.press(key)
        self.rest()

    def click(self, locator: Locator) -> None:
        locator.click()
        self.rest()

    def pick_example(self, position: int = 0) -> str:
        """Click an example; return its title."""
        example = self.page.locator(".st-key-examples").get_by_role("button").nth(position)
        title = example.get_attribute("aria-label") or ""
        self.click(example)
        return title

    def results(self) -> Locator:
        """The strip of recent results, newest first."""
        return self.page.locator(".st-key-recent").get_by_role("button")

    def upload(self, name: str, data: bytes, mime: str = "image/png") -> None:
        chooser = self.page.locator(".st-key-upload_menu_popover input[type=file], input[type=file]").first
        if not chooser.count():
            self.page.get_by_role("button", name="Upload", exact=False).first.click()
        chooser.wait_for(state="attached")
        chooser.set_input_files({"name": name, "mimeType": mime, "buffer": data})

    def download(self, name: str) -> tuple[str, bytes]:
        """File name and bytes of an entry of the Download menu."""
        entry = self.page.get_by_role("button", name=name, exact=True)
        if not entry.is_visible():
            self.page.locator(".st-key-download button").first.click()
        entry.wait_for(state="visible")
        with self.page.expect_download() as waiting:
            entry.click()
        file: Download = waiting.value
        data = Path(file.path()).read_bytes()
        self.page.keyboard.press("Escape")
        return file.suggested_filename, data
