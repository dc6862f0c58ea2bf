"""Who the studio answers: its own names, and its own pages."""

import logging

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from dashboard.hosts import HostGuard, refuse_if_open, warn_if_unreachable

NAMED = ("studio.example.org", "*.lan", "192.168.1.5")


async def hear(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close()


def client(*named: str) -> TestClient:
    def answer(_request: object) -> PlainTextResponse:
        return PlainTextResponse("the studio")

    routes = [Route("/", answer, methods=["GET", "POST", "PUT", "DELETE"]), WebSocketRoute("/stream", hear)]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(HostGuard, named=named)]))


def is_let_in(host: str, *named: str, origin: str | None = None, method: str = "GET") -> bool:
    headers = {"host": host} | ({"origin": origin} if origin else {})
    if method != "websocket":
        return client(*named).request(method, "/", headers=headers).status_code == 200
    try:
        with client(*named).websocket_connect("/stream", headers=headers):
            return True
    except WebSocketDisconnect:
        return False


def test_no_other_site_shows_the_studio_in_a_frame() -> None:
    assert client().get("/", headers={"host": "localhost"}).headers["x-frame-options"] == "SAMEORIGIN"


@pytest.mark.parametrize("method", ["GET", "POST", "websocket"])
@pytest.mark.parametrize(
    ("host", "named", "expected"),
    [
        ("localhost:8501", (), True),
        ("LOCALHOST.:8501", (), True),
        ("127.0.0.1:8501", (), True),
        ("[::1]:8501", (), True),
        ("evil.example:8501", (), False),
        ("localhost.evil.example", (), False),
        ("evil.example:80@localhost", (), False),
        ("localhost/evil.example", (), False),
        ("", (), False),
        ("192.168.1.5:8501", (), False),
        ("192.168.1.5:8501", NAMED, True),
        ("studio.example.org", NAMED, True),
        ("a.lan", NAMED, True),
        ("lan", NAMED, False),
        ("evillan", NAMED, False),
        ("anything.example", ("*",), True),
    ],
)
def test_only_named_hosts_are_served(method: str, host: str, named: tuple[str, ...], expected: bool) -> None:
    assert is_let_in(host, *named, method=method) is expected


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "websocket"])
@pytest.mark.parametrize(
    ("origin", "host", "expected"),
    [
        (None, "localhost:8501", True),  # a program
        ("http://localhost:8501", "localhost:8501", True),
        ("https://studio.example.org", "studio.example.org", True),
        ("https://studio.example.org", "127.0.0.1:8501", True),  # behind a proxy that sends its own host
        ("http://evil.example", "localhost:8501", False),
        ("http://localhost:3000", "localhost:8501", False),
        ("null", "localhost:8501", False),
        ("file://", "localhost:8501", False),
    ],
)
def test_only_own_pages_change_anything(origin: str | None, host: str, expected: bool, method: str) -> None:
    assert is_let_in(host, *NAMED, origin=origin, method=method) is expected


def test_two_hosts_are_none() -> None:
    answer = client().get("/", headers=[("host", "localhost"), ("host", "evil.example")])
    assert answer.status_code == 403


def test_the_refusal_says_what_to_set() -> None:
    answer = client().get("/", headers={"host": "192.168.1.5:8501"})
    assert (answer.status_code, "STUDIO_HOSTS" in answer.text) == (403, True)


@pytest.mark.parametrize(
    ("address", "named", "is_told"),
    [
        ("0.0.0.0", (), True),
        (None, (), True),
        ("localhost", (), False),
        ("127.0.0.1", (), False),
        ("0.0.0.0", NAMED, False),
    ],
)
def test_an_open_server_without_names_says_what_to_set(
    caplog: pytest.LogCaptureFixture, address: str | None, named: tuple[str, ...], is_told: bool
) -> None:
    with caplog.at_level(logging.WARNING):
        warn_if_unreachable(address, named)
    assert ("STUDIO_HOSTS=" in caplog.text) is is_told


@pytest.mark.parametrize("address", ["localhost", "127.0.0.1", "127.1.2.3", "::1", "unix:/run/studio.sock"])
def test_a_server_for_this_machine_alone_starts(address: str) -> None:
    refuse_if_open(address, is_allowed=False)


@pytest.mark.parametrize("address", [None, "", "0.0.0.0", "::", "192.168.1.5", "studio.example.org"])
def test_a_server_for_others_starts_only_if_that_is_meant(address: str | None) -> None:
    with pytest.raises(SystemExit, match="STUDIO_OPEN=1"):
        refuse_if_open(address, is_allowed=False)
    refuse_if_open(address, is_allowed=True)
