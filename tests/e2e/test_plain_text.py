"""What people typed, as a real browser shows it: the same characters, no link, no picture, no foreign address."""

from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.e2e import typed_text_app
from tests.e2e.conftest import DESKTOP, PATIENCE_MS, serve
from tests.e2e.typed_text_app import TYPED

PLACES = ("stMarkdown", "stCaptionContainer", "stAlert", "stButton", "stButtonGroup", "stExpander")


def test_typed_text_is_shown_letter_by_letter(browser: Browser, tmp_path: Path) -> None:
    context = browser.new_context(**DESKTOP)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    with serve(Path(typed_text_app.__file__), tmp_path / "log.txt") as url:
        page.goto(url)
        expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
        last = page.locator(f".st-key-typed_{len(TYPED) - 1}")
        expect(last.get_by_test_id("stExpander")).to_be_visible()
        for number, text in enumerate(TYPED):
            row = page.locator(f".st-key-typed_{number}")
            wanted = " ".join(text.split())
            for place in PLACES:
                shown = row.get_by_test_id(place).first.inner_text().replace("\u2060", "")
                assert wanted in " ".join(shown.split()), (place, text, shown)
            assert row.locator("code").last.inner_text().replace("\u2060", "") == wanted
        typed = page.locator("[class*='st-key-typed_']")
        assert typed.locator("a, img, .katex, table, li, h1, blockquote, b, em, del").count() == 0
        assert not [address for address in asked if "evil" in address and not address.startswith(url)]
    context.close()
