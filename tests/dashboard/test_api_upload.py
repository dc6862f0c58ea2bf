"""Multipart requests read within limits, without a server: bodies that arrive in small pieces."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import chain, repeat

import pytest
from starlette.requests import ClientDisconnect, Request

from dashboard import api
from dashboard.api_upload import BadUpload, Upload, UploadLimits, read_upload
from tests.event_loop import wait_for

LIMITS = UploadLimits(
    max_file_bytes=1000, max_request_bytes=5000, max_files=3, max_fields=3, max_field_bytes=100
)


def part(name: str, data: bytes, filename: str | None = None) -> bytes:
    disposition = f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename else "")
    return f"--x\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + data + b"\r\n"


def pieces_of(body: bytes, size: int = 7) -> Iterator[bytes]:
    return (body[start : start + size] for start in range(0, len(body), size))


def request_of(pieces: Iterator[bytes], *, ends: bool = True, length: int | None = None) -> Request:
    async def receive() -> dict[str, object]:
        piece = next(pieces, None)
        if piece is None:
            return {"type": "http.request", "body": b""} if ends else {"type": "http.disconnect"}
        return {"type": "http.request", "body": piece, "more_body": True}

    headers = [(b"content-type", b"multipart/form-data; boundary=x")]
    headers += [(b"content-length", str(length).encode())] if length is not None else []
    return Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive)


def read(request: Request, limits: UploadLimits = LIMITS) -> tuple[Upload, list[bytes]]:
    async def run() -> tuple[Upload, list[bytes]]:
        async with read_upload(request, limits) as upload:
            return upload, [await file.read() for file in upload.files]

    return wait_for(run)


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_files_and_fields_arrive_whole_however_they_are_cut(size: int) -> None:
    body = (
        part("file", b"one", "1.jpg")
        + part("licence", b"CC0")
        + part("other", b"two" * 100, "2.jpg")
        + b"--x--\r\n"
    )
    upload, data = read(request_of(pieces_of(body, size)))
    assert data == [b"one", b"two" * 100]
    assert upload.fields == {"licence": "CC0"}
    assert upload.too_large == []


def test_a_file_above_the_limit_is_marked_and_not_kept() -> None:
    body = part("file", b"x" * 1001, "large") + part("file", b"y" * 1000, "small") + b"--x--\r\n"
    upload, data = read(request_of(pieces_of(body)))
    assert upload.too_large == [upload.files[0]]
    assert len(data[0]) <= 1000
    assert data[1] == b"y" * 1000


def test_a_body_without_end_is_cut_off_by_counting() -> None:
    def endless() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
        while True:
            yield b"x" * 100

    with pytest.raises(BadUpload) as bad:
        read(request_of(endless()))
    assert (bad.value.status, bad.value.code) == (413, "request_too_large")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"".join(part("f", b"x", str(number)) for number in range(4)) + b"--x--\r\n", 413),
        (b"".join(part(str(number), b"x") for number in range(4)) + b"--x--\r\n", 413),
        (part("licence", b"x" * 101) + b"--x--\r\n", 400),
        (part("licence", b"x") + b"--x--\r\n", 422),
        (b"--x\r\nContent-Disposition: form-data; " + b"a" * 5000, 400),
        (b"", 422),
    ],
)
def test_a_form_beyond_the_limits_is_refused(body: bytes, status: int) -> None:
    with pytest.raises(BadUpload) as bad:
        read(request_of(pieces_of(body, 50)))
    assert bad.value.status == status


def test_a_sender_who_leaves_is_noticed() -> None:
    with pytest.raises(ClientDisconnect):
        read(request_of(pieces_of(part("f", b"x" * 100, "f")), ends=False))


def test_more_requests_at_once_than_are_worked_on_are_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_API_TOKEN", "t" * 16)
    monkeypatch.setattr(api._traffic, "requests", Counter({"": api.REQUESTS_AT_ONCE}))
    request = request_of(iter(()))
    request.scope["headers"].append((b"authorization", b"Bearer " + b"t" * 16))
    answer = wait_for(lambda: api.post_images(request))
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert api._traffic.requests.total() == api.REQUESTS_AT_ONCE


def test_one_client_leaves_room_for_the_others() -> None:
    traffic = api._Traffic()
    with ExitStack() as stack:
        admitted = [stack.enter_context(traffic.admit("1.2.3.4")) for _ in range(6)]
        assert admitted == [True] * api.REQUESTS_AT_ONCE + [False, False]
        assert stack.enter_context(traffic.admit("5.6.7.8"))
    assert traffic.requests == Counter()


@pytest.mark.parametrize("drip_s", [0.02, 60.0])
def test_a_request_that_stops_coming_or_drips_is_cut_off(drip_s: float) -> None:
    """Six of them blocked the address for 75 s."""

    pieces = chain([part("file", b"", "1.jpg").removesuffix(b"\r\n")], repeat(b"-"))

    async def receive() -> dict[str, object]:
        await asyncio.sleep(drip_s)
        return {"type": "http.request", "body": next(pieces), "more_body": True}

    headers = [(b"content-type", b"multipart/form-data; boundary=x")]
    request = Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive)
    with pytest.raises(BadUpload, match="too slowly") as cut:
        read(request, replace(LIMITS, idle_s=0.2))
    assert cut.value.status == 408
