"""A training from form to model in a real browser, with a killed training and a killed server on the way."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from core.config import ROOT
from core.models.folder import generators
from core.training.run_control import stop_now
from core.training.runs import read_run, runs
from tests.e2e.conftest import DESKTOP, PHONE, pid_of_last_job, serve

TRAIN_MS = 300_000
MORE = """
loop: {log_every: 1, sample_every: 5, save_every: 5, amp: false}
generator: {ngf: 4, n_downsampling: 2, n_blocks: 1}
discriminator: {ndf: 4, n_layers: 1}
"""


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder of its own, with an export to train on."""
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path))
    pairs = tmp_path / "library" / "exports" / "v1-pairs"
    (pairs / "photos").mkdir(parents=True)
    rng = np.random.default_rng(0)
    angles = np.linspace(0, 2 * np.pi, 478, endpoint=False)
    mesh = np.stack([256 + 100 * np.cos(angles), 280 + 120 * np.sin(angles), np.zeros(478)], 1).tolist()
    with (pairs / "manifest.jsonl").open("w") as manifest:
        for number in range(10):
            photo = cv2.GaussianBlur(rng.integers(0, 256, (512, 512, 3), np.uint8), (0, 0), 9)
            cv2.imwrite(str(pairs / "photos" / f"{number:04d}.png"), photo)
            row = {"name": f"{number:04d}", "status": "kept", "yaw": 0.0, "landmarks": mesh}
            manifest.write(json.dumps(row | {"split": "val" if number > 7 else "train"}) + "\n")
    yield tmp_path
    for run in runs(tmp_path / "runs"):
        stop_now(tmp_path / "runs", run.name)


def open_page(browser, url: str, device: dict = DESKTOP) -> Page:
    context = browser.new_context(**device)
    context.set_default_timeout(120_000)
    page: Page = context.new_page()
    page.goto(url)
    return page


def fill(page: Page, label: str, text: str) -> None:
    box = page.get_by_label(label, exact=True)
    box.fill(text)
    box.press("Tab")
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def test_a_training_outlives_kills_and_becomes_a_model(browser, data: Path) -> None:
    root = data / "runs"
    with serve(ROOT / "dashboard" / "app.py", data / "log.txt") as url:
        page = open_page(browser, f"{url}/train")
        expect(page.get_by_text("8 pairs to train on, 2 held out")).to_be_visible()
        page.get_by_label("Resolution, px").click()
        page.get_by_role("option", name="64", exact=True).click()
        fill(page, "Steps", "4000")
        fill(page, "Name of the run", "mine")
        page.get_by_text("Further settings").click()
        fill(page, "YAML, over the preset", MORE)
        page.get_by_role("button", name="Start training").click()
        expect(page).to_have_url(re.compile("run=mine"))
        expect(page.get_by_text(re.compile(r"Step \d+ of 4,000 · .* left"))).to_be_visible(timeout=TRAIN_MS)
        expect(page.locator(".st-key-train_picture img")).to_be_visible(timeout=TRAIN_MS)

        os.kill(pid_of_last_job(root / "mine" / "attempts"), signal.SIGKILL)
        expect(page.get_by_text("Its process is gone")).to_be_visible()
        page.get_by_role("button", name="Resume").click()
        expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()
    assert read_run(root, "mine").is_alive  # the server is gone, the training is not

    with serve(ROOT / "dashboard" / "app.py", data / "log2.txt") as url:
        page = open_page(browser, f"{url}/train?run=mine")
        expect(page.get_by_text(re.compile(r"Step \d+ of 4,000 · .* left"))).to_be_visible(timeout=TRAIN_MS)
        page.get_by_role("button", name="Stop", exact=True).click()
        expect(page.get_by_text(re.compile("Stopped at step .* Everything is saved"))).to_be_visible()
        page.get_by_role("button", name="Use it").click()
        page.get_by_role("button", name="Put it there").click()
        expect(page.get_by_text("The Draw page offers it as")).to_be_visible()
        assert generators(data / "no-weights", data / "models") == ["mine"]
        phone = open_page(browser, f"{url}/train?run=mine", PHONE)
        expect(phone.get_by_role("heading", name="mine")).to_be_visible()
        content, window = phone.evaluate(
            "[document.scrollingElement.scrollWidth, document.scrollingElement.clientWidth]"
        )
        assert content <= window
        phone.context.close()
        page.context.close()
    for log in ("log.txt", "log2.txt"):
        assert "Traceback" not in (data / log).read_text(errors="replace")
