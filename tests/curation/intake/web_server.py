"""A web server with bad manners, on this machine, for the tests of downloads."""

import gzip
import io
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
from PIL import Image


def picture(seed: int = 0, size: int = 64) -> bytes:
    """A JPEG that no other seed gives."""
    noise = np.random.default_rng(seed).integers(0, 255, (size, size, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "JPEG")
    return buffer.getvalue()


def picture_at(path: str) -> bytes:
    """What the server has at a path that is none of its bad manners."""
    return picture(zlib.crc32(path.encode()))


class WebServer(ThreadingHTTPServer):
    """Counts what it is asked for; ``robots`` is the body of robots.txt, or a status to answer with."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: Counter[str] = Counter()
        self.hosts: set[str] = set()
        self.moments: list[float] = []
        self.robots: str | int = 404
        self.redirects: dict[str, str] = {}
        self.flaky_status = 429
        self.flaky_headers: dict[str, str] = {"Retry-After": "0"}
        self.is_ending = threading.Event()

    @property
    def port(self) -> int:
        return self.server_address[1]

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}"


class _Handler(BaseHTTPRequestHandler):
    server: WebServer

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        path = self.path.lstrip("/")
        self.server.asked[path] += 1
        self.server.hosts.add(self.headers["Host"])
        if path == "robots.txt":
            self._answer_robots()
            return
        self.server.moments.append(time.monotonic())
        name = path.partition("?")[0].partition("/")[0]
        try:
            getattr(self, "_" + name.replace(".", "_"), self._picture)()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _send(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        fields = {"Content-Length": str(len(body)), "Content-Type": "image/jpeg"}
        for name, value in (
            fields | {name.replace("_", "-"): text for name, text in headers.items()}
        ).items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _answer_robots(self) -> None:
        if isinstance(self.server.robots, int):
            self._send(self.server.robots)
        else:
            self._send(200, self.server.robots.encode())

    def _picture(self) -> None:
        self._send(200, picture_at(self.path))

    def _endless(self) -> None:
        self._send(200, Content_Length="")
        while not self.server.is_ending.is_set():
            self.wfile.write(b"\xff" * 65_536)

    def _lying_length(self) -> None:
        self._send(200, picture() + b"\0" * 3_000_000, Content_Length="10")

    def _slow(self) -> None:
        self._send(200, b"\xff\xd8\xff", Content_Length="1000")
        self.server.is_ending.wait(30)

    def _trickle(self) -> None:
        self._send(200, b"\xff\xd8\xff", Content_Length="100000")
        while not self.server.is_ending.wait(0.02):
            self.wfile.write(b"\xff")

    def _slow_header(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not self.server.is_ending.wait(0.02):
            self.wfile.write(b"x")

    def _header_flood(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 5000 + b"\r\n")

    def _gzip_bomb(self) -> None:
        self._send(200, gzip.compress(b"\0" * 50_000_000), Content_Encoding="gzip")

    def _gzip(self) -> None:
        self._send(200, gzip.compress(picture(7)), Content_Encoding="gzip")

    def _brotli(self) -> None:
        self._send(200, picture(), Content_Encoding="br")

    def _cut_short(self) -> None:
        data = picture(8)
        self._send(
            200, data[:-100] if self.server.asked["cut_short"] == 1 else data, Content_Length=str(len(data))
        )

    def _flaky(self) -> None:
        if self.server.asked[self.path.lstrip("/")] < 3:
            headers = {name.replace("-", "_"): text for name, text in self.server.flaky_headers.items()}
            self._send(self.server.flaky_status, **headers)
        else:
            self._picture()

    def _busy_for_long(self) -> None:
        self._send(503, Retry_After="86400")

    def _redirect(self) -> None:
        self._send(302, Location=self.server.redirects[self.path.lstrip("/")])

    def _loop(self) -> None:
        self._send(301, Location="/loop")

    def _html_jpg(self) -> None:
        self._send(200, b"<!doctype html><html><body>Not found</body></html>")

    def _noai(self) -> None:
        self._send(200, picture(9), X_Robots_Tag="noimageai, noai")

    def _forbidden(self) -> None:
        self._send(403)

    def _broken(self) -> None:
        self.wfile.write(b"I am no web server\r\n\r\n")


@contextmanager
def serve_badly() -> Iterator[WebServer]:
    """The server, for as long as the block lasts."""
    with WebServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.is_ending.set()
            server.shutdown()
            thread.join()
