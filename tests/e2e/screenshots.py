"""Takes the README's pictures of the Draw page: ``python -m tests.e2e.screenshots [OUT]``.

Serves the dashboard with its weights, draws in it as a visitor does, and writes PNG files of at most
400 kB each.
"""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, expect, sync_playwright

from core.config import ROOT
from core.images import write_atomically
from tests.browser import MISSING, find_chromium
from tests.e2e.conftest import BROWSER_FLAGS, DESKTOP, PATIENCE_MS, PHONE, serve
from tests.e2e.draw_page import DrawPage

OUT = ROOT / "dashboard" / "assets" / "screenshots"
MAX_BYTES = 400_000
EXAMPLE = "Start from: Long hair"
OTHERS = ("Start from: Glasses and a beard", "Start from: Curls", "Start from: Bob with a fringe")


def take(browser: Browser, url: str, device: dict, scheme: str, *, whole: bool = False) -> bytes:
    """A picture of the page in use, after some drawings, as PNG bytes."""
    context = browser.new_context(**device, color_scheme=scheme)
    context.set_default_timeout(PATIENCE_MS)
    page = DrawPage(context.new_page())
    page.open(url)
    for title in (*OTHERS, EXAMPLE):
        page.click(page.page.get_by_role("button", name=title))
    # A stroke of the visitor's own: a lock of hair.
    page.stroke([(300, 60), (340, 90), (362, 140)])
    expect(page.photo_image).to_be_visible()
    page.rest()
    page.page.mouse.move(2, 2)
    page.page.evaluate(
        "window.scrollTo(0, 0); document.querySelector('[data-testid=stMain]')?.scrollTo(0, 0)"
    )
    picture = page.page.screenshot(full_page=whole)
    context.close()
    return picture


def fit(picture: bytes) -> bytes:
    """The same picture in at most ``MAX_BYTES``: first with fewer colours, then smaller."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    data = picture
    for scale in (1.0, 0.85, 0.7, 0.5):
        if len(data) <= MAX_BYTES:
            break
        size = (round(image.width * scale), round(image.height * scale))
        buffer = io.BytesIO()
        image.resize(size, Image.Resampling.LANCZOS).quantize(256).save(buffer, "PNG", optimize=True)
        data = buffer.getvalue()
    return data


def main() -> int:
    """Write the three pictures. 0 when all are there."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else OUT
    path = find_chromium()
    if path is None:
        print(MISSING, file=sys.stderr)
        return 1
    out.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=PATIENCE_MS)
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(ROOT / "dashboard" / "app.py", Path(folder) / "log.txt") as url,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=str(path), args=BROWSER_FLAGS)
        for name, device, scheme in (
            ("draw-1440-light", DESKTOP, "light"),
            ("draw-1440-dark", DESKTOP, "dark"),
            ("draw-390", PHONE, "light"),
        ):
            data = fit(take(browser, url, device, scheme))
            write_atomically(out / f"{name}.png", data)
            print(f"{out / name}.png: {len(data) / 1000:.0f} kB")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
