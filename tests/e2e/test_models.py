"""The Models page in a real browser: a checkpoint goes in, is looked at, corrected, and deleted."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Browser, Page, expect

from core.checkpoints import read_info
from core.config import ROOT
from core.generators.ugatit import AttentionTranslator, UGATITConfig
from tests.e2e.conftest import DESKTOP, PATIENCE_MS, PHONE, serve

APP = ROOT / "dashboard" / "app.py"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def url(browser: Browser, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    before = os.environ.get("STUDIO_DATA")
    os.environ["STUDIO_DATA"] = str(data)
    log = tmp_path_factory.mktemp("server") / "log.txt"
    try:
        with serve(APP, log) as address:
            yield f"{address}/models"
    finally:
        os.environ.pop("STUDIO_DATA")
        if before is not None:
            os.environ["STUDIO_DATA"] = before
    assert "Traceback" not in log.read_text(errors="replace"), log.read_text(errors="replace")[-4000:]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    network = AttentionTranslator(UGATITConfig(ngf=4, n_blocks=1, img_size=64))
    torch.save({"genA2B": network.state_dict()}, tmp_path / "selfie.pt")
    return tmp_path / "selfie.pt"


def open_page(browser: Browser, url: str, device: dict) -> Page:
    context = browser.new_context(**device)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(url)
    expect(page.get_by_role("button", name="Import a checkpoint")).to_be_visible()
    return page


def painted(page: Page) -> str:
    """The photo that the network made."""
    picture = page.locator(".model-trial img").nth(1)
    expect(picture).to_be_visible()
    return picture.get_attribute("src") or ""


def test_a_checkpoint_is_imported_with_a_preview_and_deleted(
    browser: Browser, url: str, data: Path, checkpoint: Path
) -> None:
    page = open_page(browser, url, DESKTOP)
    page.get_by_role("button", name="Import a checkpoint").click()
    page.locator("input[type=file]").set_input_files(str(checkpoint))
    page.get_by_role("button", name="Read it").click()
    expect(page.get_by_text("U-GAT-IT, full (64 px only)")).to_be_visible()
    first = painted(page)
    page.get_by_role("radio", name="White on black").click()
    expect(page.locator(".model-trial img").nth(1)).not_to_have_attribute("src", first)
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("selfie is imported").first).to_be_visible()
    info = read_info(data / "models" / "selfie.safetensors")
    assert info.conventions is not None and info.conventions.polarity == "white_on_black"

    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog")).to_contain_text("is deleted for good")
    page.get_by_role("button", name="Keep it").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert (data / "models" / "selfie.safetensors").is_file()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("selfie is deleted").first).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert not (data / "models" / "selfie.safetensors").exists()
    page.context.close()


def test_the_page_fits_a_phone(browser: Browser, url: str) -> None:
    page = open_page(browser, url, PHONE)
    page.locator(".st-key-open_pix2pixhd button").click()
    painted(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.context.close()


def test_an_upload_that_fails_says_so(browser: Browser, url: str, checkpoint: Path) -> None:
    page = open_page(browser, url, DESKTOP)
    page.route("**/_stcore/upload_file/**", lambda route: route.abort())
    page.get_by_role("button", name="Import a checkpoint").click()
    page.locator("input[type=file]").set_input_files(str(checkpoint))
    expect(page.get_by_test_id("stFileChipIconError")).to_be_visible()
    words = page.get_by_test_id("stFileUploader").evaluate("box => getComputedStyle(box, '::after').content")
    assert "The upload failed" in words
    page.context.close()
