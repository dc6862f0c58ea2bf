"""Every page by axe-core's rules of WCAG 2 A and AA, in both themes: contrast, names, roles."""

from __future__ import annotations

from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.e2e.conftest import DESKTOP

PAGES = {
    "": ".st-key-examples button",
    "collect": "h1, h2, h3, [data-testid=stTabs]",
    "rules": "p",
    "review": "p",
    "overview": "p",
    "export": "p",
    "train": "button[data-variant=segmented_control]",
    "models": "button",
    "compare": ".cmp-board",
}
RULES = {"runOnly": ["wcag2a", "wcag2aa"]}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_keeps_to_wcag_aa(browser, server_url: str, scheme: Literal["light", "dark"]) -> None:
    context = browser.new_context(**DESKTOP, color_scheme=scheme)
    page, found = context.new_page(), {}
    for path, shown in PAGES.items():
        page.goto(f"{server_url}/{path}")
        expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
        expect(page.locator(f"[data-testid=stMain] :is({shown})").first).to_be_visible()
        violations = Axe().run(page, options=RULES).response["violations"]
        found[path] = {one["id"]: [node["html"][:200] for node in one["nodes"][:3]] for one in violations}
    context.close()
    assert not {path: violations for path, violations in found.items() if violations}
