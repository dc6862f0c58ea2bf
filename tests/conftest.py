"""Fixtures that every test may use: shared material, a browser, the landmarker's model, few threads.

Two variables belong to the tests. ``STUDIO_SHARED`` names the folder of shared material; without it,
``shared`` beside the repository is taken where it exists. ``STUDIO_REQUIRE_BROWSER=1`` (or
``CI=true``) turns a missing browser or model file from a skip into a failure.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import assets
from core.errors import AssetMissing
from tests.browser import MISSING, find_chromium

ROOT = Path(__file__).resolve().parent.parent


def skip_or_fail(reason: str) -> None:
    """Leave the test out with a reason; where nothing may be missing, fail it instead."""
    if os.environ.get("STUDIO_REQUIRE_BROWSER") == "1" or os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session", autouse=True)
def _few_threads() -> None:
    """Two threads for torch, one beside other tests: tiny networks gain nothing from more, and a machine suffers."""
    import torch

    torch.set_num_threads(1 if "PYTEST_XDIST_WORKER" in os.environ else min(2, os.cpu_count() or 1))


@pytest.fixture(autouse=True)
def _own_main_module() -> Iterator[None]:
    """Tests of pages leave their script as ``__main__``, which every process that is spawned later would read."""
    before = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = before


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of shared material (reference checkpoints, photos)."""
    named = os.environ.get("STUDIO_SHARED")
    folder = Path(named) if named else ROOT.parent / "shared"
    if folder.is_dir():
        return folder
    if named:
        pytest.fail(f"STUDIO_SHARED={named} is no folder")
    pytest.skip(f"no shared material at {folder}; set STUDIO_SHARED to its folder")


@pytest.fixture(scope="session")
def omi_dir(shared_dir: Path) -> Path:
    """The folder of 904 synthetic faces, ``0001.jpg`` to ``0904.jpg``."""
    folder = shared_dir / "data" / "omi"
    if not folder.is_dir():
        pytest.skip(f"no photos at {folder}; set STUDIO_SHARED to the folder that holds data/omi")
    return folder


@pytest.fixture(scope="session")
def landmarker_path() -> Path:
    """MediaPipe's face landmarker model, fetched once if it is not here yet."""
    try:
        return assets.fetch("face_landmarker.task")
    except AssetMissing as error:
        skip_or_fail(str(error))
        raise


@pytest.fixture(scope="session")
def chromium_path() -> Path:
    """A Chromium that starts here, for Playwright's ``executable_path``."""
    found = find_chromium()
    if found is None:
        skip_or_fail(MISSING)
    assert found is not None
    return found
