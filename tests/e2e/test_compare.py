"""A comparison from form to report in a real browser, with a killed job and a killed server on the way."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import expect

from core.config import ROOT
from eval.comparison import comparison_store
from eval.comparison.cases import worst
from eval.comparison.export_html import to_html
from eval.comparison.result import Comparison, read_comparison, write_comparison
from tests.dashboard.comparison_example import example_comparison, write_pictures
from tests.e2e.compare_page import WORK_MS, ComparePage
from tests.e2e.conftest import DESKTOP, PATIENCE_MS, PHONE, pid_of_last_job, serve
from tests.e2e.keyboards import press_at
from tests.server_log import check_server_log

APP = ROOT / "dashboard" / "app.py"
SHIPPED = ROOT / "data" / "demo" / "comparison"
TEXT_WIDTH_PX = 703  # of A4 at 96 dpi, within the report's margins
KEPT = "20260101-000000-abcdef"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder of its own, with a kept comparison and with photos and outputs to compare."""
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path))
    rng = np.random.default_rng(0)
    for name in ("real", "near", "far"):
        (tmp_path / name).mkdir()
    for number in range(12):
        photo = cv2.GaussianBlur(rng.integers(0, 256, (96, 96, 3), np.uint8), (0, 0), 5)
        photo = cv2.normalize(photo, None, 0, 255, cv2.NORM_MINMAX)
        near = np.clip(photo + rng.normal(0, 4, photo.shape), 0, 255).astype(np.uint8)
        for name, picture in (("real", photo), ("near", near), ("far", cv2.GaussianBlur(photo, (0, 0), 6))):
            cv2.imwrite(str(tmp_path / name / f"{number:04d}.png"), picture)
    root = comparison_store.root_of(tmp_path)
    kept = example_comparison(10, title="Kept since January")
    write_comparison(root / KEPT, kept)
    write_pictures(root / KEPT, kept)
    yield tmp_path
    for entry in comparison_store.entries(root):
        comparison_store.cancel(root, entry.id)


def open_page(browser, url: str, device: dict = DESKTOP, **options) -> ComparePage:
    context = browser.new_context(**device, accept_downloads=True, **options)
    context.set_default_timeout(PATIENCE_MS)
    page = ComparePage(context.new_page())
    page.open(url)
    return page


def test_a_comparison_outlives_kills_and_becomes_a_report(browser, data: Path) -> None:
    root = comparison_store.root_of(data)
    with serve(APP, data / "log.txt") as url:
        page = open_page(browser, f"{url}/compare?new=1")
        page.ask("Two filters", data / "real", {"near": data / "near"})
        page.add_own_zip(1, "far", Path(shutil.make_archive(str(data / "far-set"), "zip", data / "far")))
        page.button("Start").click()
        entry_id = page.entry_id()
        expect(page.button("Cancel")).to_be_visible()
        os.kill(pid_of_last_job(root / entry_id / "job"), signal.SIGKILL)
        expect(page.page.get_by_text("Its process is gone")).to_be_visible()
        page.button("Go on").click()
        expect(page.button("Cancel")).to_be_visible()
        page.page.context.close()
    assert comparison_store.entry(root, entry_id).state in (
        "running",
        "done",
    )  # the server is gone, the job is not

    with serve(APP, data / "log2.txt") as url:
        page = open_page(browser, f"{url}/compare?result={entry_id}")
        page.wait_for_result()
        expect(page.page.locator(".cmp-board tbody tr").first).to_contain_text("near")
        page.show_section("Pairs")
        expect(page.page.locator(".cmp-pairs td.better")).to_contain_text("better")
        page.show_section("Images needed")
        expect(page.page.get_by_test_id("stVegaLiteChart")).to_be_visible()
        assert json.loads(page.download("JSON")) == json.loads((root / entry_id / "result.json").read_text())
        assert b"<svg" in page.download("HTML")
        assert b"near" in page.download("CSV")
        page.button("Repeat this comparison").click()
        expect(page.page).not_to_have_url(re.compile(entry_id))
        again = page.entry_id()
        page.button("Cancel").click()
        expect(page.page.get_by_text("It was cancelled")).to_be_visible(timeout=WORK_MS)
        assert comparison_store.entry(root, again).state == "cancelled"
        assert not page.errors
        page.page.context.close()
    for log in ("log.txt", "log2.txt"):
        check_server_log(data / log)


def test_cases_are_enlarged_and_walked_through_with_the_keyboard(browser, data: Path) -> None:
    with serve(APP, data / "log.txt") as url:
        page = open_page(browser, f"{url}/compare?result={KEPT}")
        page.wait_for_result()
        expect(page.verdict()).to_contain_text("pix2pixhd is better than cyclegan and ugatit.")
        first = page.page.get_by_role("button", name="pix2pixhd, case 0801", exact=False)
        first.focus()
        page.page.keyboard.press("ArrowDown")
        page.page.keyboard.press("Enter")
        dialog = page.page.get_by_role("dialog", name="One case")
        expect(dialog.get_by_role("heading", name="0802")).to_be_visible()
        page.page.keyboard.press("ArrowRight")
        expect(dialog.get_by_role("heading", name="0803")).to_be_visible()
        page.page.keyboard.press("d")
        difference = dialog.get_by_role("img", name=re.compile("Difference of pix2pixhd"))
        expect(difference).to_be_visible()
        press_at(page.page, "KeyD", "ㅇ")
        expect(difference).to_be_hidden()
        page.page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        page.page.locator("[class*='st-key-compare_order'] input").first.click()
        page.page.get_by_role("option", name="Worst of cyclegan").click()
        page.rest()
        hardest = worst(example_comparison(10), "cyclegan", "landmarks", 1)[0].name
        expect(page.page.locator(".case").first.locator(".name")).to_contain_text(hardest)
        assert not page.errors
        page.page.context.close()

        phone = open_page(browser, f"{url}/compare?result={KEPT}", PHONE, color_scheme="dark", locale="ko-KR")
        phone.wait_for_result()
        content, window = phone.width_on_screen()
        assert content <= window
        phone.page.get_by_role("button", name="다음 페이지").click()
        expect(phone.page.locator(".case").first.locator(".name")).to_contain_text("0809")
        phone.page.context.close()
    check_server_log(data / "log.txt")


def with_long_names(comparison: Comparison) -> Comparison:
    """The models called what folders of experiments are called."""
    models = [
        one.model_copy(update={"name": f"{one.name}_lr0.0002_beta0.5_batch16_" * 2})
        for one in comparison.models
    ]
    return comparison.model_copy(update={"models": tuple(models)})


@pytest.mark.parametrize("rename", [lambda made: made, with_long_names], ids=["shipped", "long names"])
def test_the_report_prints_on_whole_pages_and_no_text_is_cut(browser, rename) -> None:
    page = browser.new_page(viewport={"width": TEXT_WIDTH_PX, "height": 900})
    page.set_content(to_html(rename(read_comparison(SHIPPED)), SHIPPED))
    printed = page.pdf(prefer_css_page_size=True, print_background=True)
    assert set(re.findall(rb"/MediaBox \[0 0 (\d+)[.\d]* (\d+)", printed)) == {(b"594", b"841")}  # A4
    assert page.locator("section").count() <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 24
    page.emulate_media(media="print")
    cut = page.evaluate(
        """() => [...document.querySelectorAll("main, main *")].filter((one) => {
        const { left, right } = one.getBoundingClientRect();
        return left < 0 || right > innerWidth || (one instanceof HTMLElement && one.scrollWidth > one.clientWidth
            && getComputedStyle(one).display !== "inline");
        })
        .map((one) => one.textContent)"""
    )
    page.close()
    assert cut == []
