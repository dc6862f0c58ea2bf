"""The outline that is seen before Streamlit's scripts have drawn a page."""

from pathlib import Path

import streamlit
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import FileResponse, HTMLResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from dashboard.first_paint import ROOT, FirstPaint

INDEX = Path(streamlit.__file__).parent / "static" / "index.html"


def test_the_page_of_this_streamlit_gets_an_outline_and_nothing_else_does() -> None:
    other = "<p>report</p>"
    routes = [
        Route("/", lambda _request: FileResponse(INDEX)),
        Route("/other", lambda _request: HTMLResponse(other)),
        Route("/picture", lambda _request: FileResponse(INDEX, media_type="image/png")),
    ]
    layers = [Middleware(FirstPaint), Middleware(GZipMiddleware)]
    client = TestClient(Starlette(routes=routes, middleware=layers))
    client.headers["Accept"] = "text/html"
    page = client.get("/")
    assert page.content.count(b'<div id="root">') == 1 and ROOT not in page.content
    assert "Sketch2Face Studio</b>" in page.text and page.text.endswith("</html>\n")
    assert int(page.headers["content-length"]) == len(page.content)
    assert "etag" not in page.headers
    assert client.get("/other").text == other
    assert client.get("/picture").content == INDEX.read_bytes()
