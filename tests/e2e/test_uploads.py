"""What each page promises to take is taken: a file of 200 MB on every page, and the Inception's 91 MB."""

from __future__ import annotations

import re
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from core.config import ROOT
from dashboard.shared.uploads import FOLDER, LOCK
from eval.inception import REFERENCE_BYTES
from tests.e2e.conftest import DESKTOP, PATIENCE_MS, serve

LARGE_BYTES = 200_000_000
MB = 1_000_000


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def server(
    browser: Browser, data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path]]:
    log = tmp_path_factory.mktemp("server") / "log.txt"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STUDIO_DATA", str(data))
        with serve(ROOT / "dashboard" / "app.py", log) as url:
            yield url, log
    assert "Traceback" not in log.read_text(errors="replace"), log.read_text(errors="replace")[-4000:]


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(**DESKTOP)
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nothing but zeros that take no room on the disk."""
    path = tmp_path_factory.mktemp("large") / "large.pth"
    with path.open("wb") as file:
        file.truncate(LARGE_BYTES)
    return path


@pytest.fixture(scope="module")
def large_zip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of 200 MB: zeros that are stored as they are."""
    path = tmp_path_factory.mktemp("zip") / "large.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive, archive.open("zeros.bin", "w") as entry:
        for _ in range(200):
            entry.write(bytes(MB))
    return path


def staged(data: Path) -> list[int]:
    """Sizes of what lies in the server's staging folder."""
    return [path.stat().st_size for path in (data / FOLDER).glob("*/*") if path.name != LOCK]


def test_collect_takes_an_archive_of_200_mb(page: Page, server, data: Path, large_zip: Path) -> None:
    page.goto(f"{server[0]}/collect")
    page.get_by_test_id("stFileUploader").first.locator("input[type=file]").set_input_files(large_zip)
    add = page.get_by_role("button", name=re.compile(r"^Add 1 \(200 MB\)"))
    expect(add).to_be_enabled()
    assert staged(data) == [large_zip.stat().st_size]
    add.click()
    job = page.locator("[class*='st-key-job_']").filter(has_text="Upload").first
    expect(job).to_contain_text("1 refused")  # the zeros are no picture, and it says so
    assert staged(data) == []


def test_models_reads_a_checkpoint_of_200_mb(page: Page, server, large: Path) -> None:
    page.goto(f"{server[0]}/models")
    page.get_by_role("button", name="Import a checkpoint").click()
    page.locator("input[type=file]").set_input_files(large)
    page.get_by_role("button", name="Read it").click()
    expect(page.get_by_text(re.compile(r"large\.pth is no checkpoint"))).to_be_visible()


def test_compare_keeps_a_set_of_200_mb(page: Page, server, data: Path, large_zip: Path) -> None:
    page.goto(f"{server[0]}/compare?new=1")
    page.get_by_role("button", name="Add outputs of your own").click()
    row = page.locator(".st-key-compare_own_0")
    row.get_by_text("Upload a zip", exact=True).click()
    row.locator("input[type=file]").set_input_files(large_zip)
    deadline, sizes = time.monotonic() + PATIENCE_MS / 1000, []
    while sizes != [large_zip.stat().st_size] and time.monotonic() < deadline:
        page.wait_for_timeout(100)  # polls for what the server has kept
        sizes = [path.stat().st_size for path in (data / "comparisons" / ".uploads").glob("*/large.zip")]
    assert sizes == [large_zip.stat().st_size]
    expect(row.get_by_role("alert")).to_have_count(0)


def test_compare_reads_inception_weights_of_91_mb(page: Page, server, tmp_path: Path) -> None:
    weights = tmp_path / "inception.pth"
    with weights.open("wb") as file:
        file.truncate(REFERENCE_BYTES)
    page.goto(f"{server[0]}/compare?new=1")
    protocol = page.get_by_role("combobox", name="Protocol")
    protocol.fill("fid_clean")
    protocol.press("Enter")
    page.get_by_role("button", name="Upload", exact=True).click()
    page.get_by_test_id("stPopoverBody").locator("input[type=file]").set_input_files(weights)
    expect(page.get_by_text("the uploaded file cannot be read as plain weights")).to_be_visible()


def test_the_estimate_is_for_the_photos_that_are_chosen(
    page: Page, server: tuple[str, Path], tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "some.zip", "w") as archive:
        for name in ("a.png", "b.png", "__MACOSX/a.png"):
            archive.writestr(name, "x")
    (tmp_path / "c.png").write_text("x")
    page.goto(f"{server[0]}/yourself")
    expect(page.get_by_text("for 300 photos")).to_be_visible()
    page.locator("input[type=file]").first.set_input_files([tmp_path / "some.zip", tmp_path / "c.png"])
    expect(page.get_by_text("for 3 photos")).to_be_visible()
    expect(page.get_by_label("How many photos?")).to_have_count(0)
