"""A page elsewhere that points its name at this machine gets nothing, whatever it asks for."""

import http.client
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

FOREIGN = "evil.example"
FRAME = "<!doctype html><p>free kittens</p><iframe src='{url}/collect'></iframe>"


def test_another_site_cannot_show_the_studio_in_a_frame(browser: Browser, server_url: str) -> None:
    class Foreign(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(FRAME.format(url=server_url).encode())

    with HTTPServer(("127.0.0.1", 0), Foreign) as site:  # another port is another origin
        Thread(target=site.serve_forever, daemon=True).start()
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{site.server_port}/", wait_until="load")
        frame = page.locator("iframe").element_handle().content_frame()
        assert frame is not None
        assert frame.locator("#root").count() == 0
        page.close()
        site.shutdown()


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/review",
        "/_stcore/health",
        "/_stcore/host-config",
        "/api/images/0",
        f"/library/thumb/{'0' * 64}",
    ],
)
def test_nothing_is_served_under_a_foreign_name(server_url: str, path: str) -> None:
    connection = http.client.HTTPConnection(urlsplit(server_url).netloc, timeout=30)
    connection.request("GET", path, headers={"Host": FOREIGN, "Origin": f"http://{FOREIGN}"})
    answer = connection.getresponse()
    assert (answer.status, b"STUDIO_HOSTS" in answer.read()) == (403, True)


@pytest.mark.parametrize(
    ("is_host_foreign", "is_origin_foreign"), [(True, True), (False, True), (True, False)]
)
def test_the_websocket_is_not_opened_for_another_site(
    server_url: str, is_host_foreign: bool, is_origin_foreign: bool
) -> None:
    here = urlsplit(server_url)
    host = FOREIGN if is_host_foreign else here.netloc
    with pytest.raises(InvalidStatus, match="403"):
        connect(
            f"ws://{host}/_stcore/stream",
            origin=f"http://{FOREIGN if is_origin_foreign else here.netloc}",
            address=(here.hostname, here.port),
            proxy=None,
            subprotocols=["streamlit"],
        )


def test_the_websocket_is_opened_for_the_own_page(server_url: str) -> None:
    with connect(
        server_url.replace("http", "ws", 1) + "/_stcore/stream", origin=server_url, subprotocols=["streamlit"]
    ) as websocket:
        assert websocket.subprotocol == "streamlit"
