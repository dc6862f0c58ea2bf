"""Every page by axe-core's rules of WCAG 2 A and AA, in both themes: contrast, names, roles."""

from __future__ import annotations

import time
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.e2e.conftest import DESKTOP
from tests.e2e.test_review import served_library

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


def test_the_charts_of_a_library_with_faces_keep_to_wcag_aa(
    browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    context = browser.new_context(**DESKTOP)
    page = context.new_page()
    with served_library(tmp_path_factory.mktemp("overview"), 12) as (url, _library):
        page.goto(f"{url}/overview")
        expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
        expect(page.locator("[data-testid=stVegaLiteChart] svg.marks .role-mark")).not_to_have_count(0)
        found = violations_of(page)
    context.close()
    assert not found
