"""The whole studio below a path, as a proxy hands it on: ``--server.baseUrlPath=/studio``."""

import re
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import visitors
from tests.e2e.draw_page import FACE
from tests.e2e.review_page import ReviewPage
from tests.e2e.test_review import served_library

PAGES = ("draw", "yourself", "collect", "rules", "overview", "export", "train", "models", "compare", "audit")


@pytest.fixture(scope="module")
def studio_url(browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served_library(tmp_path_factory.mktemp("base"), 2, base_path="/studio") as (url, _):
        yield url


def test_a_drawing_becomes_a_photo_that_is_counted(browser, studio_url: str) -> None:
    with visitors(browser, studio_url) as open_one:
        page = open_one()
        for stroke in FACE:
            page.stroke(stroke)
        page.photo_of(len(FACE))
    with urllib.request.urlopen(f"{studio_url}/health", timeout=30) as answer:
        assert (answer.status, answer.read()) == (200, b'{"ready":true}')
    with urllib.request.urlopen(f"{studio_url}/metrics", timeout=30) as answer:
        figures = answer.read().decode()
    made = re.search(r'studio_conversions_total\{generator="pix2pixhd",outcome="made"\} (\S+)', figures)
    assert made is not None and float(made[1]) >= 1, figures


def test_every_page_opens_by_its_address(browser, studio_url: str) -> None:
    # Without a look at the console: to find the base path Streamlit asks below each page's address first.
    context = browser.new_context()
    page = context.new_page()
    for name in PAGES:
        page.goto(f"{studio_url}/{name}")
        expect(page.get_by_test_id("stMainBlockContainer")).to_contain_text(re.compile(r"\w"))
        expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
        expect(page.get_by_test_id("stException")).to_have_count(0)
        expect(page.get_by_text("Page not found")).to_have_count(0)
    context.close()


def test_review_shows_its_pictures(browser, studio_url: str) -> None:
    context = browser.new_context()
    page = ReviewPage(context.new_page())
    page.open(studio_url)
    picture = page.tile(0).locator("img").first
    expect(picture).to_be_visible()
    assert picture.evaluate("async (image) => { await image.decode(); return image.naturalWidth; }") > 0
    context.close()


def test_the_api_answers_below_the_path(studio_url: str) -> None:
    request = urllib.request.Request(f"{studio_url}/api/images", data=b"", method="POST")
    with pytest.raises(urllib.error.HTTPError) as answer:
        urllib.request.urlopen(request, timeout=30)
    assert answer.value.code in (401, 403)
    assert "Bearer" in answer.value.read().decode()
