"""The Compare page as a person uses it."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Locator, expect

from tests.e2e.watched_page import WatchedPage

WORK_MS = 300_000


class ComparePage(WatchedPage):
    """One visitor's browser page."""

    def open(self, url: str) -> None:
        self.page.goto(url)
        expect(self.page.locator(".st-key-compare_new button")).to_be_visible()
        self.rest()

    def rest(self) -> None:
        """Wait until the server has answered."""
        expect(self.page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")

    def fill(self, key: str, text: str) -> None:
        """Fill the input of a widget's key, and leave it."""
        box = self.page.locator(f".st-key-{key} input").first
        box.fill(text)
        box.press("Tab")
        self.rest()

    def add_own_set(self, number: int, name: str, path: Path) -> None:
        """One more row for outputs that are there already."""
        self.button("Add outputs of your own").click()
        expect(self.page.locator(f".st-key-compare_own_name_{number}")).to_be_visible()
        self.fill(f"compare_own_name_{number}", name)
        self.fill(f"compare_own_source_{number}_path", str(path))

    def add_own_zip(self, number: int, name: str, path: Path) -> None:
        """One more row, for a zip that is uploaded."""
        self.button("Add outputs of your own").click()
        row = self.page.locator(f".st-key-compare_own_{number}")
        row.get_by_text("Upload a zip", exact=True).click()
        row.locator("input[type=file]").set_input_files(path)
        expect(row.get_by_text(path.name)).to_be_visible()
        self.rest()
        self.fill(f"compare_own_name_{number}", name)

    def ask(self, title: str, real: Path, fakes: dict[str, Path]) -> None:
        """Fill in the form for folders on the server, up to its Start button."""
        self.fill("compare_title_new", title)
        self.fill("compare_real_source_new_path", str(real))
        for number, (name, path) in enumerate(fakes.items()):
            self.add_own_set(number, name, path)

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def wait_for_result(self) -> None:
        """Wait until the leaderboard is there."""
        expect(self.page.locator(".cmp-board")).to_be_visible(timeout=WORK_MS)
        self.rest()

    def show_section(self, name: str) -> None:
        place = self.page.locator(".st-key-compare_section")
        place.get_by_text(name, exact=True).click()
        self.rest()

    def verdict(self) -> Locator:
        return self.page.locator(".cmp-verdict")

    def entry_id(self) -> str:
        """The comparison that the address names."""
        expect(self.page).to_have_url(re.compile(r"result=\d"))
        found = re.search(r"result=([\w-]+)", self.page.url)
        assert found is not None
        return found[1]

    def download(self, starts_with: str) -> bytes:
        """A file of the Export menu."""
        self.page.locator("[class*='st-key-compare_export'] button").first.click()
        entry = self.page.get_by_role("button", name=re.compile(f"^{starts_with}"))
        with self.page.expect_download() as waiting:
            entry.click()
        self.page.keyboard.press("Escape")
        return Path(waiting.value.path()).read_bytes()

    def width_on_screen(self) -> tuple[int, int]:
        """Width of the page's content and of the window, px."""
        content, window = self.page.evaluate(
            "[document.scrollingElement.scrollWidth, document.scrollingElement.clientWidth]"
        )
        return content, window
