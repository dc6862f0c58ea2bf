"""The Review page as a person uses it: keys, clicks, handles, and what is seen on the screen."""

from __future__ import annotations

import re
from collections.abc import Sequence

from playwright.sync_api import Locator, expect

from tests.e2e.watched_page import WatchedPage


class ReviewPage(WatchedPage):
    """One reviewer's browser page."""

    def open(self, url: str, query: str = "") -> None:
        self.page.goto(f"{url}/review{query}")
        self.ready()

    def reload(self) -> None:
        self.page.reload()
        self.ready()

    def ready(self) -> None:
        expect(self.tiles.first).to_be_visible()
        self.settled()

    # ---- what is seen ------------------------------------------------------------------------------

    @property
    def grid(self) -> Locator:
        return self.page.locator(".review")

    @property
    def tiles(self) -> Locator:
        return self.page.locator(".review .tile")

    @property
    def detail(self) -> Locator:
        return self.page.locator("dialog.detail")

    def tile(self, place: int) -> Locator:
        return self.tiles.nth(place)

    def ids(self) -> list[str]:
        return self.tiles.evaluate_all("tiles => tiles.map((tile) => tile.dataset.id)")

    def decisions(self) -> list[str]:
        """What the tiles show: keep, reject, unsure, or nothing."""
        return self.tiles.evaluate_all("tiles => tiles.map((tile) => tile.dataset.decision)")

    def focused(self) -> int:
        """Place of the tile that the keys go to."""
        return self.tiles.evaluate_all("tiles => tiles.findIndex((tile) => tile.tabIndex === 0)")

    def settled(self) -> None:
        """Wait until the server has confirmed everything that was done."""
        expect(self.grid).to_have_attribute("data-pending", "0")

    def expect_decisions(self, wanted: Sequence[str], start: int = 0) -> None:
        """Wait until these tiles show these decisions."""
        for place, decision in enumerate(wanted, start):
            expect(self.tile(place)).to_have_attribute("data-decision", decision)

    def rest_of_page(self) -> Locator:
        return self.page.locator('.review .tile[data-decision=""]')

    def page_key(self) -> str:
        return self.grid.get_attribute("data-page") or ""

    # ---- what is done ------------------------------------------------------------------------------

    def name_oneself(self, name: str) -> None:
        self.page.locator(".review .bar [data-do=who]").click()
        self.page.get_by_label("Your name").fill(name)
        self.page.keyboard.press("Enter")
        expect(self.grid).to_have_attribute("data-reviewer", name)
        self.settled()
        self.tile(self.focused()).focus()

    def press(self, keys: str | Sequence[str]) -> None:
        """Press keys, as fast as the browser takes them."""
        for key in keys:
            self.page.keyboard.press(key)

    def turn(self, key: str = "n") -> None:
        """Go to another page and wait for it."""
        before = self.page_key()
        self.page.keyboard.press(key)
        expect(self.grid).not_to_have_attribute("data-page", before)
        self.settled()

    def look_closer(self) -> None:
        self.page.keyboard.press("Enter")
        expect(self.detail).to_have_attribute("data-ready", "")
        expect(self.detail).to_have_attribute("data-loaded", "")  # all three pictures

    def drag_handle(self, name: str, by: tuple[float, float]) -> None:
        """Move an eye or the mouth on the original, in pixels of the screen."""
        handle = self.detail.get_by_role("button", name=re.compile(name))
        box = handle.bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        mouse = self.page.mouse
        mouse.move(x, y)
        mouse.down()
        mouse.move(x + by[0] / 2, y + by[1] / 2)
        mouse.move(x + by[0], y + by[1])
        mouse.up()
