"""Takes the README's pictures: ``python -m tests.e2e.screenshots [OUT]``.

Serves the dashboard with its weights and a library that holds the sample dataset, uses it as a visitor does,
and writes WebP files.
"""

import io
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, expect, sync_playwright

from core.atomic_files import write_atomically
from core.config import ROOT, settings
from tests.browser import MISSING, find_chromium
from tests.e2e.conftest import BROWSER_FLAGS, DESKTOP, PATIENCE_MS, PHONE, serve
from tests.e2e.draw_page import DrawPage

OUT = ROOT / "dashboard" / "assets" / "screenshots"
FLAGS = [*BROWSER_FLAGS, "--font-render-hinting=none"]  # hinted letters stand unevenly in pictures
READY = {
    "review": ".review .tile img", "rules": ".rule-histogram", "overview": "canvas, svg.marks",
    "compare": ".cmp-board",
}  # fmt: skip
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


def load_sample_dataset(data: Path) -> None:
    """Fill the library of a data folder with the sample dataset, judged."""
    command = [sys.executable, "-m", "curation.add", "--demo", "--judge", "--library", str(data / "library")]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)


def take_page(browser: Browser, url: str, page: str) -> bytes:
    """A picture of one of the other pages."""
    context = browser.new_context(**DESKTOP, color_scheme="light")
    context.set_default_timeout(PATIENCE_MS)
    tab = context.new_page()
    tab.goto(f"{url}/{page}")
    expect(tab.locator(READY[page.partition("?")[0]]).first).to_be_visible()
    expect(tab.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    expect(tab.get_by_test_id("stSkeleton")).to_have_count(0)
    for image in tab.locator(READY[page.partition("?")[0]]).all():
        expect(image).not_to_have_js_property("naturalWidth", 0)
    picture = tab.screenshot()
    context.close()
    return picture


def encode(picture: bytes) -> bytes:
    """The same picture as WebP, which keeps faces and interface in their colours at a tenth of PNG's size."""
    buffer = io.BytesIO()
    Image.open(io.BytesIO(picture)).convert("RGB").save(buffer, "WEBP", quality=88, method=6)
    return buffer.getvalue()


def _write(path: Path, picture: bytes) -> None:
    data = encode(picture)
    write_atomically(path, data)
    print(f"{path}: {len(data) / 1000:.0f} kB")


def main() -> int:
    """Write the pictures. 0 when all are there."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else OUT
    path = find_chromium()
    if path is None:
        print(MISSING, file=sys.stderr)
        return 1
    out.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=PATIENCE_MS)
    folder = tempfile.mkdtemp()
    os.environ["STUDIO_CACHE"] = str(settings().asset_cache)
    os.environ["STUDIO_DATA"] = folder
    load_sample_dataset(Path(folder))
    with (
        serve(ROOT / "dashboard" / "app.py", Path(folder) / "log.txt") as url,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=str(path), args=FLAGS)
        for name, device, scheme in (
            ("draw-1440-light", DESKTOP, "light"),
            ("draw-1440-dark", DESKTOP, "dark"),
            ("draw-390", PHONE, "light"),
        ):
            _write(out / f"{name}.webp", take(browser, url, device, scheme))
        for name in ("review?who=ann", "rules", "overview", "compare"):
            _write(out / f"{name.partition('?')[0]}.webp", take_page(browser, url, name))
        browser.close()
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
