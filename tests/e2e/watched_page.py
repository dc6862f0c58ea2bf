"""A browser page whose errors are noted."""

from __future__ import annotations

import re

from playwright.sync_api import ConsoleMessage, Page

# Streamlit looks for its own address one folder down first when a page is opened directly.
_HARMLESS = re.compile(r"/_stcore/(health|host-config)")


class WatchedPage:
    """What the pages of the tests have in common."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _note(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not _HARMLESS.search((message.location or {}).get("url", "")):
            self.errors.append(message.text)
