"""A newcomer's way through curation in a real browser: heap, rules, review by keys, version, export."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from core.config import ROOT, settings
from core.training.data import DataConfig, load_pairs
from curation.library.library import Library
from tests.e2e.conftest import DESKTOP, serve
from tests.e2e.review_page import ReviewPage
from tests.server_log import check_server_log

JOB_MS = 400_000  # the networks are compiled, the heap is painted, each picture is judged


@pytest.fixture(scope="module")
def studio(browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A dashboard with an empty library of its own."""
    folder = tmp_path_factory.mktemp("studio")
    mine = {"STUDIO_DATA": str(folder), "STUDIO_CACHE": str(settings().asset_cache)}
    before = {name: os.environ.get(name) for name in mine}
    os.environ.update(mine)
    log = folder / "log.txt"
    try:
        with serve(ROOT / "dashboard" / "app.py", log) as url:
            yield url, folder / "library"
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
    check_server_log(log)


@pytest.fixture
def page(browser, studio: tuple[str, Path]) -> Iterator[Page]:
    context = browser.new_context(**DESKTOP)
    context.set_default_timeout(60_000)
    yield context.new_page()
    context.close()


def finished_job(page: Page, title: str) -> Locator:
    """The job of that title, once it is done."""
    job = (
        page.locator("[class*='st-key-job_']").filter(has_text=title).first
    )  # twice while it moves to the done ones
    expect(job).to_contain_text("Done.", timeout=JOB_MS)
    return job


def train_for_one_step(command: str, folder: Path) -> None:
    """Run the command that the page shows, as far as one small step."""
    words = shlex.split(command.replace("\\\n", " "))
    assert words[:2] == ["python", "-m"]
    run = folder / "run"
    less = ["--loop.steps", "1", "--loop.batch_size", "2", "--loop.save_every", "1", "--loop.out", str(run)]
    done = subprocess.run(
        [sys.executable, *words[1:], *less], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert (run / "model.safetensors").is_file()


def mixed_zip() -> bytes:
    """Two pictures, a text that pretends to be one, and a name that climbs out of the archive."""
    rng = np.random.default_rng(3)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in ("a.png", "sub/b.png"):
            picture = io.BytesIO()
            Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(picture, "PNG")
            archive.writestr(name, picture.getvalue())
        archive.writestr("text.jpg", "not a picture at all")
        archive.writestr("../climbs.png", b"x")
    return buffer.getvalue()


def test_a_newcomer_takes_the_demo_heap_through_to_an_export(page: Page, studio: tuple[str, Path]) -> None:
    url, folder = studio
    page.goto(f"{url}/collect")
    page.get_by_role("tab", name="Demo heap").click()
    page.get_by_role("button", name="Load demo heap").click()
    finished_job(page, "Demo heap ·")
    with Library.open(folder) as library:
        table = library.table()
        assert len(table) > 90
        assert (table["status"] != "").all()
        kept = table.index[table["verdict"] == "keep"]
        assert 20 < len(kept) < 80
        reasons = set(table["rule"].astype(str))
        assert {"no_face", "duplicate", "yaw", "eye_distance", "covered", "sharpness"} <= reasons

    # Review what the rules would keep, by keys alone: all but the first two.
    review = ReviewPage(page)
    review.open(url, "?verdict=keep&who=ann")
    expect(review.grid).to_have_attribute("data-reviewer", "ann")
    ids = review.ids()
    review.tile(0).focus()
    review.press(["d", "d"])
    review.settled()
    review.press(["Shift+A"])
    review.settled()
    review.press(["z", "z"])
    review.settled()
    review.press(["y", "y"])
    review.settled()
    with Library.open(folder) as library:
        table = library.table()
        assert list(table.loc[ids[:2], "decision"]) == ["reject", "reject"]
        assert (table.loc[ids[2:], "decision"] == "keep").all()
        wanted = set(table.index[table["state"] == "keep"])

    page.goto(f"{url}/export")
    page.get_by_label("Name", exact=True).fill("first")
    page.get_by_role("button", name="Freeze").click()
    version = page.locator(".st-key-version_first")
    expect(version).to_be_visible()
    version.get_by_role("button", name="Export", exact=True).click()
    version.get_by_text("On the command line").click(timeout=JOB_MS)
    expect(version.get_by_text(re.compile("core.training"))).not_to_have_count(0)

    with Library.open(folder) as library:
        assert set(library.version("first").ids) == wanted
    out = next((folder / "exports").glob("first-pairs"))
    records = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    assert len(records) == len(wanted)
    photo = np.asarray(Image.open(next((out / "photos").glob("*.png"))))
    assert photo.shape == (512, 512, 3)
    pairs = load_pairs(DataConfig(out, image_size=64, validation="split"), "train")
    assert len(pairs) > 10
    train_for_one_step(
        version.locator("code").filter(has_text="core.training.autoencoder").inner_text(), folder
    )


def test_an_uploaded_heap_is_taken_apart_and_each_refusal_is_explained(
    page: Page, studio: tuple[str, Path]
) -> None:
    url, folder = studio
    page.goto(f"{url}/collect")
    page.get_by_role("textbox", name="Licence").fill("CC0")
    page.get_by_role("textbox", name="Licence").press("Tab")
    files = page.get_by_test_id("stFileUploader").first.locator("input[type=file]")
    heap = {"name": "heap.zip", "mimeType": "application/zip", "buffer": mixed_zip()}
    page_text = {"name": "page.png", "mimeType": "image/png", "buffer": b"<html>no picture</html>"}
    files.set_input_files([heap, page_text])
    page.get_by_role("button", name=re.compile("^Add 2")).click()
    job = finished_job(page, "Upload ·")
    expect(job).to_contain_text("2 added")
    expect(job).to_contain_text("3 refused")
    with Library.open(folder) as library:
        table = library.table()
        mine = table[table["source"].astype(str) == "upload"]
        assert set(mine["licence"].astype(str)) == {"CC0"}
        assert len(mine) == 2
    assert not list((folder / "jobs").glob("spool-*"))


def test_the_pages_of_curation_fit_a_phone(browser, studio: tuple[str, Path]) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    for name in ("collect", "rules", "overview", "export"):
        page.goto(f"{studio[0]}/{name}")
        expect(page.get_by_test_id("stApp")).to_have_attribute(
            "data-test-script-state", "notRunning", timeout=60_000
        )
        content, window = page.evaluate(
            "[document.scrollingElement.scrollWidth, document.scrollingElement.clientWidth]"
        )
        assert content <= window, name
    context.close()
