"""Which messages of a page reach Streamlit."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect
from streamlit.proto.BackMsg_pb2 import BackMsg

from dashboard.websocket_guards import MOST_BESIDE_BYTES, MOST_WIDGETS, MessageGuard


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    async for data in socket.iter_bytes():
        await socket.send_bytes(data)


@pytest.fixture
def page() -> TestClient:
    app = Starlette(routes=[WebSocketRoute("/stream", echo)], middleware=[Middleware(MessageGuard)])
    return TestClient(app)


def rerun(widgets: int = 0, value: str = "", **others: str) -> bytes:
    message = BackMsg()
    for name, text in others.items():
        setattr(message.rerun_script, name, text)
    for number in range(widgets):
        message.rerun_script.widget_states.widgets.add(id=str(number), json_value=value)
    message.rerun_script.is_auto_rerun = False
    return message.SerializeToString()


def operation(name: str) -> bytes:
    message = BackMsg()
    getattr(message.backend_operation_request, name).SetInParent()
    return message.SerializeToString()


LAST = rerun(query_string="last")


@pytest.mark.parametrize(
    "data",
    [
        BackMsg(clear_cache=True).SerializeToString(),
        BackMsg(load_git_info=True).SerializeToString(),
        BackMsg(set_run_on_save=True).SerializeToString(),
        BackMsg(debug_shutdown_runtime=True).SerializeToString(),
        operation("install_skills"),
        operation("dismiss_skills_nudge"),
    ],
)
def test_what_only_developers_send_is_passed_over(page: TestClient, data: bytes) -> None:
    with page.websocket_connect("/stream") as line:
        line.send_bytes(data)
        line.send_bytes(LAST)
        assert line.receive_bytes() == LAST


@pytest.mark.parametrize(
    "data",
    [
        rerun(query_string="?t=0.2", fragment_id="a"),
        rerun(widgets=1, value="x" * 10 * MOST_BESIDE_BYTES),  # a drawing
        rerun(widgets=MOST_WIDGETS),
        BackMsg(stop_script=True).SerializeToString(),
        BackMsg(app_heartbeat=True).SerializeToString(),
        operation("deferred_file"),
        operation("dataframe_chunk"),
        b"no message of Streamlit's",
    ],
)
def test_what_pages_send_comes_through_as_it_is(page: TestClient, data: bytes) -> None:
    with page.websocket_connect("/stream") as line:
        line.send_bytes(data)
        assert line.receive_bytes() == data


@pytest.mark.parametrize(
    "data",
    [
        rerun(query_string="x" * MOST_BESIDE_BYTES),
        rerun(fragment_id="x" * MOST_BESIDE_BYTES),
        rerun(widgets=MOST_WIDGETS + 1),
    ],
)
def test_a_page_that_says_too_much_of_itself_is_closed(page: TestClient, data: bytes) -> None:
    with page.websocket_connect("/stream") as line:
        line.send_bytes(data)
        with pytest.raises(WebSocketDisconnect) as refusal:
            line.receive_bytes()
        assert refusal.value.code == 1009
