"""The outline that is seen before Streamlit's scripts have drawn a page."""

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Message

from dashboard.first_paint import INDEX, ROOT, FirstPaint
from tests.event_loop import wait_for

OTHER = "<p>report</p>" * 1000


def other(_request: Request) -> Response:
    return HTMLResponse(
        OTHER, headers={"ETag": '"of the report"', "Last-Modified": "Fri, 27 Nov 2026 03:00:00 GMT"}
    )


ROUTES = [
    Route("/", lambda _request: FileResponse(INDEX)),
    Route("/other", other),
]


@pytest.fixture
def client() -> TestClient:
    layers = [Middleware(FirstPaint), Middleware(GZipMiddleware)]
    client = TestClient(Starlette(routes=ROUTES, middleware=layers))
    client.headers["Accept"] = "text/html"
    return client


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_the_page_of_this_streamlit_gets_an_outline(client: TestClient, encoding: str) -> None:
    page = client.get("/", headers={"Accept-Encoding": encoding})
    assert page.content.count(b'<div id="root">') == 1 and ROOT not in page.content
    assert "Sketch2Face Studio</b>" in page.text and page.text.endswith("</html>\n")
    assert int(page.headers["content-length"]) == len(page.content)
    assert not {"etag", "last-modified", "content-encoding"} & page.headers.keys()


def test_other_html_is_as_it_was_sent(client: TestClient) -> None:
    report = client.get("/other")
    assert report.text == OTHER
    assert report.headers["etag"] == '"of the report"' and "last-modified" in report.headers
    assert report.headers["content-encoding"] == "gzip"
    assert client.get("/", headers={"Range": "bytes=0-9"}).content == INDEX.read_bytes()[:10]


def test_other_html_is_not_held_back_until_it_is_whole() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def app(_scope: object, _receive: object, send: object) -> None:
        headers = [(b"content-type", b"text/html")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})  # type: ignore[operator]
        await send({"type": "http.response.body", "body": b"one", "more_body": True})  # type: ignore[operator]
        assert [message.get("body") for message in sent] == [None, b"one"]

    scope = {"type": "http", "method": "GET", "headers": [(b"accept", b"text/html")]}
    wait_for(FirstPaint(app), scope, None, send)  # type: ignore[arg-type]
    assert len(sent) == 2
