"""``/api/images`` on the really served dashboard, spoken to as a program would."""

import hashlib
import io
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import requests
from PIL import Image

from core.config import ROOT
from curation.library.library import Library
from dashboard.api import LIMITS
from tests.e2e.conftest import serve
from tests.server_log import check_server_log

TOKEN = "a-token-of-the-tests-0123456789"
AUTHORISED = {"Authorization": f"Bearer {TOKEN}"}
APP = ROOT / "dashboard" / "app.py"


def jpeg(seed: int, size: int = 64) -> bytes:
    buffer = io.BytesIO()
    noise = np.random.default_rng(seed).integers(0, 255, (size, size, 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def url(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The dashboard with a token and a library of its own."""
    log = tmp_path_factory.mktemp("server") / "log.txt"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STUDIO_API_TOKEN", TOKEN)
        patch.setenv("STUDIO_DATA", str(data_dir))
        patch.setenv("STUDIO_CACHE", os.environ.get("STUDIO_CACHE", str(ROOT / "data" / "assets")))
        with serve(APP, log) as address:
            yield f"{address}/api/images"
    check_server_log(log)


def post(url: str, /, *files: tuple[str, bytes], headers: dict[str, str] | None = None, **fields: str):
    parts = [("file", (name, data)) for name, data in files]
    return requests.post(
        url, headers=AUTHORISED if headers is None else headers, files=parts, data=fields, timeout=120
    )


def test_pictures_are_taken_and_everything_else_is_answered_for(url: str, data_dir: Path) -> None:
    good, other = jpeg(1), jpeg(2)
    answer = post(
        url,
        ("good.jpg", good),
        ("page.jpg", b"<!doctype html><html></html>"),
        ("same.png", good),
        ("other.jpg", other),
        licence="CC0",
        author="Ann",
        url="https://a.example/1.jpg",
        page="https://a.example/",
        source="crawl",
    )
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    body = answer.json()
    assert (body["taken"], body["refused"]) == (3, 1)
    outcomes = [(each["name"], each["outcome"]) for each in body["answers"]]
    assert outcomes == [
        ("good.jpg", "added"),
        ("page.jpg", "refused"),
        ("same.png", "known"),
        ("other.jpg", "added"),
    ]
    assert body["answers"][0]["id"] == hashlib.sha256(good).hexdigest()
    assert body["answers"][1]["code"] and body["answers"][1]["message"].endswith(".")
    with Library.open(data_dir / "library") as library:
        assert library.read_original(body["answers"][3]["id"]) == other
        (origin,) = library.provenance(body["answers"][3]["id"])
    assert (origin.source, origin.licence, origin.author, origin.name) == (
        "api:crawl",
        "CC0",
        "Ann",
        "other.jpg",
    )
    assert (origin.url, origin.page) == ("https://a.example/1.jpg", "https://a.example/")


def test_a_request_of_nothing_but_refusals_is_422(url: str) -> None:
    answer = post(url, ("a.jpg", b"no picture"), ("b.jpg", b""))
    assert answer.status_code == 422
    assert [each["outcome"] for each in answer.json()["answers"]] == ["refused", "refused"]


def test_what_the_library_knows_of_an_image_can_be_asked(url: str) -> None:
    image_id = post(url, ("one.jpg", jpeg(3)), licence="CC-BY").json()["answers"][0]["id"]
    answer = requests.get(f"{url}/{image_id}", headers=AUTHORISED, timeout=60)
    assert answer.status_code == 200
    body = answer.json()
    assert (body["id"], body["licence"], body["source"]) == (image_id, "CC-BY", "api")
    assert {"state", "verdict", "rule", "value", "decision", "labels"} <= body.keys()
    assert body["added_at"].endswith("Z")


@pytest.mark.parametrize("image_id", ["0" * 64, "x", "..%2f..%2fetc", "A" * 64])
def test_an_unknown_image_is_404(url: str, image_id: str) -> None:
    assert requests.get(f"{url}/{image_id}", headers=AUTHORISED, timeout=60).status_code in (400, 404)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer \xff\xfe"},
        {"Cookie": f"token={TOKEN}"},
    ],
)
def test_without_the_token_nothing_is_taken(url: str, headers: dict[str, str]) -> None:
    answer = post(url, ("good.jpg", jpeg(4)), headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert requests.get(f"{url}/{'0' * 64}", headers=headers, timeout=60).status_code == 401


def test_other_sites_are_not_let_in(url: str) -> None:
    asked = requests.options(
        url,
        headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"},
        timeout=60,
    )
    assert asked.status_code == 405
    answer = requests.post(
        url,
        headers=AUTHORISED | {"Origin": "https://evil.example"},
        files={"f": ("a.jpg", jpeg(5))},
        timeout=60,
    )
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"{}", "application/json", 415, "not_multipart"),
        (jpeg(6), "image/jpeg", 415, "not_multipart"),
        (b"", "", 415, "not_multipart"),
        (b"nonsense", "multipart/form-data; boundary=x", 400, "bad_multipart"),
        (b"nonsense", "multipart/form-data", 400, "bad_multipart"),
        (
            b'--x\r\nContent-Disposition: form-data; name="licence"\r\n\r\nCC0\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
            422,
            "no_files",
        ),
    ],
)
def test_a_request_that_cannot_be_read_says_why(
    url: str, body: bytes, kind: str, status: int, code: str
) -> None:
    answer = requests.post(url, headers=AUTHORISED | {"Content-Type": kind}, data=body, timeout=60)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_too_many_files_are_413(url: str) -> None:
    answer = post(url, *[(f"{number}.jpg", b"x") for number in range(LIMITS.max_files + 1)])
    assert (answer.status_code, answer.json()["code"]) == (413, "too_many_parts")


def test_a_request_that_says_that_it_is_too_large_is_not_read(url: str) -> None:
    host, port = url.split("/")[2].split(":")
    with socket.create_connection((host, int(port)), timeout=60) as stream:
        head = (
            f"POST /api/images HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {TOKEN}\r\n"
            f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {LIMITS.max_request_bytes + 1}\r\n\r\n"
        )
        stream.sendall(head.encode())
        assert stream.recv(100).startswith(b"HTTP/1.1 413")


def test_one_file_too_large_costs_that_file_only(url: str) -> None:
    answer = post(url, ("large.jpg", b"\0" * (LIMITS.max_file_bytes + 1)), ("good.jpg", jpeg(7)))
    assert answer.status_code == 200
    assert [(each["outcome"], each["code"]) for each in answer.json()["answers"]] == [
        ("refused", "too_many_bytes"),
        ("added", ""),
    ]


def test_a_file_name_leads_nowhere_and_is_answered_in_plain_text(url: str, data_dir: Path) -> None:
    before = {path for path in data_dir.parent.rglob("*") if "library" not in path.parts}
    answer = post(url, ("../../evil\x1b[31m.jpg", jpeg(8)))
    assert answer.json()["answers"][0]["outcome"] == "added"
    assert answer.json()["answers"][0]["name"].isprintable()
    after = {path for path in data_dir.parent.rglob("*") if "library" not in path.parts}
    assert after - before == set()  # what other tests leave there may go meanwhile


def test_the_page_and_the_api_are_on_one_port(url: str) -> None:
    page = requests.get(url.removesuffix("/api/images"), timeout=60)
    assert page.status_code == 200
    assert "<html" in page.text


def test_without_a_token_set_the_api_is_off_and_says_how_to_switch_it_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STUDIO_API_TOKEN", raising=False)
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path))
    with serve(APP, tmp_path / "log.txt") as address:
        answer = post(f"{address}/api/images", ("good.jpg", jpeg(9)))
        assert answer.status_code == 403
        assert "STUDIO_API_TOKEN" in answer.json()["message"]
    assert not (tmp_path / "library").exists()
