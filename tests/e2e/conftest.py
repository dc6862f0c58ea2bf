"""The served dashboard and a real Chromium.

The server is started once, as ``make run`` starts it, with the weights that ``STUDIO_WEIGHTS`` or the
repository gives it; each test opens pages in browser contexts of its own.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.config import ROOT, settings
from core.conversion.settings import DEFAULT_GENERATOR
from core.models.folder import AUTOENCODER_FILE, BANK_FILE
from core.processes.jobs import read_record
from tests.browser import MISSING, find_chromium
from tests.conftest import skip_or_fail
from tests.e2e.draw_page import DrawPage
from tests.server_log import check_server_log

BROWSER_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
DESKTOP = {"viewport": {"width": 1440, "height": 900}}
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
}
SERVER_START_S = 180
# The first page waits for the networks to be compiled, beside whatever else the machine does.
PATIENCE_MS = 150_000


@contextmanager
def serve(
    app: Path,
    log: Path,
    *,
    base_path: str = "",
    through: Sequence[str] = (),
    secrets: str = "",
    port: int = 0,
) -> Iterator[str]:
    """Address of a Streamlit server on a free port or ``port``, below a path where one is named; it ends after it.

    ``through`` is a command that takes the server's and runs it; ``secrets`` are Streamlit's, with ``{url}`` where
    the address belongs.
    """
    port = port or free_port()
    options = {
        "server.port": port,
        "server.address": "127.0.0.1",
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        "server.baseUrlPath": base_path,
    }
    url = f"http://127.0.0.1:{port}{base_path}"
    if secrets:
        path = log.with_name("secrets.toml")
        path.write_text(secrets.replace("{url}", url))
        options["secrets.files"] = path
    command = [*through, sys.executable, "-m", "streamlit", "run", str(app)]
    command += [part for name, value in options.items() for part in (f"--{name}", str(value))]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with log.open("wb") as output:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
        try:
            _wait_until_up(f"{url}/_stcore/health", server, log)
            yield url
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_up(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + SERVER_START_S
    while server.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)  # polls a process that is starting
    pytest.fail(f"the server did not come up:\n{log.read_text(errors='replace')[-2000:]}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Try a failed browser test once more, as browser test runners do; the summary names those that needed it."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.flaky(reruns=1))


def pid_of_last_job(folder: Path) -> int:
    """Wait until the process of the newest job of a folder has said who it is: a page shows the job before."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < deadline:
        newest = max((path for path in folder.glob("*.json") if path.stem.count(".") == 0), default=None)
        record = newest and read_record(newest.with_suffix(".process.json"))
        if record:
            return int(record["pid"])
        time.sleep(0.1)  # polls a process that is starting
    raise AssertionError(f"no process of a job in {sorted(folder.iterdir())}")


@pytest.fixture(scope="package")
def browser() -> Iterator:
    """One headless Chromium. Closed after these tests: its event loop would disturb others."""
    path = find_chromium()
    if path is None:
        skip_or_fail(MISSING)
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(path), args=BROWSER_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def server_url(browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The dashboard with its trained networks."""
    folder = settings().weights
    names = (AUTOENCODER_FILE, BANK_FILE, f"{DEFAULT_GENERATOR}.safetensors")
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        skip_or_fail(
            f"no weights to serve: {', '.join(missing)} not in {folder}. They come with the repository."
        )
    log = tmp_path_factory.mktemp("server") / "log.txt"
    with serve(ROOT / "dashboard" / "app.py", log) as url:
        yield url
    check_server_log(log)


@pytest.fixture
def open_page(browser, server_url: str) -> Iterator[Callable[..., DrawPage]]:
    """Opens the Draw page for a new visitor; at the end no page may have logged an error."""
    with visitors(browser, server_url) as open_one:
        yield open_one


@contextmanager
def visitors(browser, url: str) -> Iterator[Callable[..., DrawPage]]:
    """A function that opens the page in a browser context of its own; all are closed with the block."""
    contexts, pages = [], []

    def open_one(device: dict = DESKTOP, **options) -> DrawPage:
        context = browser.new_context(**device, accept_downloads=True, **options)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = DrawPage(context.new_page())
        pages.append(page)
        page.open(url)
        return page

    yield open_one
    errors = [error for page in pages for error in page.errors]
    for context in contexts:
        context.close()
    assert not errors, "the browser's console shows errors: " + "\n".join(errors)


@pytest.fixture
def page(open_page: Callable[..., DrawPage]) -> DrawPage:
    """A visitor at a desk."""
    return open_page()


@pytest.fixture
def phone(open_page: Callable[..., DrawPage]) -> DrawPage:
    """A visitor with a phone, 390 px wide, who draws with a finger."""
    return open_page(PHONE)
