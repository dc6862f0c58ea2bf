"""The Chromium that the browser tests drive: the one installed here, else Playwright's own.

The one without windows comes first: it takes an eighth less of a core for the same tests.

``python -m tests.browser`` says which one it is, and lets Playwright fetch its own where there is none.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

INSTALLED_NAMES = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)
MISSING = (
    "no Chromium: none of CHROMIUM, chromium-headless-shell, chromium, chromium-browser and google-chrome is there, "
    "and Playwright's own is not or does not start. Install one (Debian: apt-get install chromium-headless-shell) or "
    "run: "
    "python -m playwright install --with-deps chromium"
)
FETCH_TIMEOUT_S = 600


def find_chromium() -> Path | None:
    """A Chromium that starts on this machine, or None."""
    named = os.environ.get("CHROMIUM")
    if named:
        found = shutil.which(named)
        if found is None or not _starts(Path(found)):
            raise FileNotFoundError(f"CHROMIUM={named} is no browser that starts here: unset it or change it")
        return Path(found)
    installed = [Path(path) for name in INSTALLED_NAMES if (path := shutil.which(name))]
    return next((path for path in installed if _starts(path)), None) or _playwright_chromium()


def _playwright_chromium() -> Path | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    return path if path.is_file() and _starts(path) else None


def _starts(path: Path) -> bool:
    """Whether the program runs at all; Playwright's lacks system libraries on a bare machine."""
    try:
        done = subprocess.run([path, "--version"], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def main() -> int:
    """Say which browser the tests take; fetch Playwright's if there is none. 0 when there is one."""
    found = find_chromium()
    if found is None:
        print("No Chromium is installed; asking Playwright for its own.", file=sys.stderr)
        try:
            command = [sys.executable, "-m", "playwright", "install", "chromium"]
            subprocess.run(command, timeout=FETCH_TIMEOUT_S, check=False)
        except subprocess.TimeoutExpired:
            print(f"Playwright's download did not end within {FETCH_TIMEOUT_S} s.", file=sys.stderr)
        found = _playwright_chromium()
    if found is None:
        print(f"The browser tests will be skipped: {MISSING}", file=sys.stderr)
        return 1
    print(f"Browser: {found}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
