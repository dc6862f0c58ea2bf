"""Every page by axe-core's rules of WCAG 2 A and AA, in both themes: contrast, names, roles."""

from __future__ import annotations

import time
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.e2e.conftest import DESKTOP

PAGES = {
    "": ".st-key-examples button",
    "yourself": ".st-key-yourself_6 a",
    "collect": "h1, h2, h3, [data-testid=stTabs]",
    "rules": "p",
    "review": "p",
    "overview": "p",
    "export": "p",
    "train": "button[data-variant=segmented_control]",
    "models": "button",
    "compare": ".cmp-board",
    "audit": "p",
}
RULES = {"runOnly": ["wcag2a", "wcag2aa"]}
SETTLES_S = 30


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_keeps_to_wcag_aa(browser, server_url: str, scheme: Literal["light", "dark"]) -> None:
    context = browser.new_context(**DESKTOP, color_scheme=scheme)
    page, found = context.new_page(), {}
    for path, shown in PAGES.items():
        page.goto(f"{server_url}/{path}")
        expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
        expect(page.locator(f"[data-testid=stMain] :is({shown})").first).to_be_visible()
        found[path] = violations_of(page)
    context.close()
    assert not {path: violations for path, violations in found.items() if violations}


def violations_of(page: Page) -> dict[str, list[str]]:
    """What axe finds and goes on finding: the browser may apply a style a moment after the text that it is for."""
    deadline = time.monotonic() + SETTLES_S
    while True:
        violations = Axe().run(page, options=RULES).response["violations"]
        if not violations or time.monotonic() > deadline:
            return {one["id"]: [node["html"][:200] for node in one["nodes"][:3]] for one in violations}
