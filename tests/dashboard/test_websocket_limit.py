"""How many pages may be open at once."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.types import Scope
from starlette.websockets import WebSocket, WebSocketDisconnect

from dashboard import access
from dashboard.websocket_guards import WebsocketLimit


async def stream(socket: WebSocket) -> None:
    await socket.accept()
    async for _ in socket.iter_text():
        pass


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch) -> TestClient:
    def name_of(scope: Scope) -> str:
        return HTTPConnection(scope).headers.get("who", "")

    monkeypatch.setattr(access, "has_sign_in", lambda: True)
    monkeypatch.setattr(access, "name_of", name_of)
    limit = Middleware(WebsocketLimit, most=6, of_one=2, of_strangers=3)
    return TestClient(Starlette(routes=[WebSocketRoute("/stream", stream)], middleware=[limit]))


def opens(studio: TestClient, stack: ExitStack, who: str) -> bool:
    try:
        stack.enter_context(studio.websocket_connect("/stream", headers={"who": who}))
    except WebSocketDisconnect as refusal:
        assert refusal.code == 1013
        return False
    return True


def test_one_visitor_has_so_many_pages_open_and_others_have_their_own(studio: TestClient) -> None:
    with ExitStack() as stack:
        assert [opens(studio, stack, "ann") for _ in range(3)] == [True, True, False]
        assert [opens(studio, stack, "") for _ in range(4)] == [True, True, True, False]
        assert [opens(studio, stack, "bob") for _ in range(2)] == [True, False]  # six in all
    with ExitStack() as stack:
        assert opens(studio, stack, "ann")


def test_without_sign_in_all_pages_count_together(
    studio: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "has_sign_in", lambda: False)
    with ExitStack() as stack:
        assert [opens(studio, stack, "") for _ in range(7)] == [True] * 6 + [False]
