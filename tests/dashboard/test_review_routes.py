"""Pictures of the library over HTTP."""

import io
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from curation.library.library import Library
from dashboard.views.review import routes
from tests.dashboard.review_library import SIZE, fill_library


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("painted")
    fill_library(folder, 1)
    return folder


@pytest.fixture
def served(painted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with Library.open(shutil.copytree(painted, tmp_path / "library")) as library:
        (image_id,) = library.table().index
        monkeypatch.setattr(routes, "shared_library", lambda: library)
        yield TestClient(Starlette(routes=routes.routes())), image_id, library


@pytest.mark.parametrize(
    ("kind", "form", "size"),
    [
        ("thumb", "JPEG", (128, 128)),
        ("crop", "PNG", (512, 512)),
        ("sketch", "PNG", (512, 512)),
        ("original", "JPEG", SIZE),
    ],
)
def test_each_kind_of_picture_is_served_for_the_browser_to_keep(
    served, kind: str, form: str, size: tuple[int, int]
):
    client, image_id, _ = served
    answer = client.get(f"/library/{kind}/{image_id}?v=1")
    assert answer.status_code == 200
    picture = Image.open(io.BytesIO(answer.content))
    assert (picture.format, picture.size) == (form, size)
    assert "private" in answer.headers["cache-control"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_an_original_is_shown_upright_and_without_metadata(served):
    client, image_id, library = served
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    exif[0x8825] = {1: "N", 2: (48.0, 51.0, 29.0)}  # a place on earth
    buffer = io.BytesIO()
    Image.new("RGB", (60, 40), "red").save(buffer, "JPEG", exif=exif)
    library.files.original(image_id).write_bytes(buffer.getvalue())
    shown = Image.open(io.BytesIO(client.get(f"/library/original/{image_id}").content))
    assert shown.size == (40, 60)
    assert not shown.getexif()


def test_a_large_original_is_made_smaller(served):
    client, image_id, library = served
    Image.new("RGB", (4000, 1000)).save(library.files.original(image_id), "PNG")
    shown = Image.open(io.BytesIO(client.get(f"/library/original/{image_id}").content))
    assert shown.size == (1280, 320)


@pytest.mark.parametrize(
    "path",
    [
        "thumb/../../library.sqlite",
        "thumb/abc",
        f"thumb/{'A' * 64}",
        f"thumb/{'0' * 64}",
        f"original/{'0' * 64}",
        f"secret/{'0' * 64}",
    ],
)
def test_anything_else_is_not_there(served, path: str):
    client, _, _ = served
    answer = client.get(f"/library/{path}")
    assert answer.status_code == 404
    assert b"/" not in answer.content


def test_an_original_that_is_no_picture_is_not_there(served):
    client, image_id, library = served
    library.files.original(image_id).write_bytes(b"<svg onload=alert(1)>")
    assert client.get(f"/library/original/{image_id}").status_code == 404


def test_originals_that_wait_to_be_decoded_keep_nobody_else_waiting(served, monkeypatch: pytest.MonkeyPatch):
    """Forty requests for originals took every thread that the server has for pages, uploads and pictures."""
    client, image_id, _ = served
    free, busy = threading.Event(), threading.Semaphore(0)

    def slow(_path: Path) -> bytes:
        busy.release()
        free.wait(30)
        return b""

    monkeypatch.setattr(routes, "shown_original", slow)
    with client, ThreadPoolExecutor(45) as pool:
        waiting = [pool.submit(client.get, f"/library/original/{image_id}") for _ in range(45)]
        assert all(busy.acquire(timeout=10) for _ in range(routes.DECODING))
        try:
            answer = client.get(f"/library/thumb/{image_id}")
            assert answer.status_code == 200
            assert not any(request.done() for request in waiting)
            assert not busy.acquire(blocking=False)
        finally:
            free.set()
