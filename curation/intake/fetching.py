"""One file from the web: redirects followed by hand, every hop checked, every limit enforced.

The connection goes to an address that was checked (see `curation.intake.addresses`), while the host's
name stays in the ``Host`` header and in the TLS handshake. Proxies named in the environment are not
used: a proxy would look the name up once more, out of our sight.
"""

from __future__ import annotations

import http.client
import ssl
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from email.utils import parsedate_to_datetime

from core.config import settings
from curation.intake.addresses import (
    PORTS,
    FetchFailed,
    TimedSocket,
    WebAddress,
    connect,
    join_url,
    parse_url,
    resolve,
)

REDIRECTS = frozenset({301, 302, 303, 307, 308})
PASSING_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529})
CHUNK_BYTES = 65_536


@dataclass(frozen=True)
class FetchLimits:
    """What one file may cost."""

    # Counted while reading, after any content encoding is undone; ``Content-Length`` is not trusted.
    max_bytes: int = 30_000_000
    # connect_timeout_s, read_timeout_s: for connecting (TLS included), and for any wait for the next bytes.
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 15.0
    total_timeout_s: float = 60.0  # for the file as a whole, redirects included
    max_redirects: int = 5
    ports: tuple[tuple[int, int], ...] = PORTS  # ranges of ports that may be connected to, both ends included
    # Whether addresses that are not public may be reached; by default the setting ``STUDIO_ALLOW_PRIVATE_ADDRESSES``
    # decides.
    allow_private: bool | None = None

    def reaches_private(self) -> bool:
        """Tell whether addresses that are not public may be reached."""
        if self.allow_private is not None:
            return self.allow_private
        return settings().allow_private_addresses


@dataclass(frozen=True)
class Fetched:
    """A file as it came, and what the server said of it."""

    data: bytes
    address: WebAddress
    headers: Message


def fetch(
    url: str,
    limits: FetchLimits,
    *,
    user_agent: str,
    accept: str = "image/*,*/*;q=0.1",
    before_hop: Callable[[WebAddress], None] | None = None,
    keep_start: bool = False,
    resolve_host: Callable[..., tuple[str, ...]] = resolve,
) -> Fetched:
    """Get one file.

    Parameters
    ----------
    before_hop
        Called with every address before it is connected to (robots rules, pace); raises to refuse.
    keep_start
        Of a file that is too large give the first ``max_bytes`` instead of failing.

    Raises
    ------
    AddressRefused
        If the URL, or a redirect, leads where no download may go.
    FetchFailed
        If the file does not come within the limits.
    """
    deadline = time.monotonic() + limits.total_timeout_s
    address = parse_url(url, ports=limits.ports)
    for _ in range(limits.max_redirects + 1):
        if before_hop is not None:
            started = time.monotonic()
            before_hop(address)
            deadline += time.monotonic() - started  # waiting for our turn is not the server's fault
        left = deadline - time.monotonic()
        if left <= 0:
            raise _too_slow(limits)
        private = limits.reaches_private()
        checked = resolve_host(address.host, address.port, allow_private=private, timeout_s=left)
        headers = {"User-Agent": user_agent, "Accept": accept}
        try:
            answer = _get(address, checked, deadline, limits, headers, keep_start=keep_start)
        except TimeoutError:
            raise _too_slow(limits) from None
        except ssl.SSLCertVerificationError:
            raise FetchFailed("bad_certificate", f"{address.host} has no valid certificate.") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise FetchFailed(
                "broken_connection",
                f"The connection to {address.host} broke ({type(error).__name__}).",
                passing=True,
            ) from None
        if isinstance(answer, Fetched):
            return answer
        address = parse_url(join_url(address, answer), ports=limits.ports)
    raise FetchFailed("too_many_redirects", f"More than {limits.max_redirects} redirects in a row.")


def _get(
    address: WebAddress,
    checked: tuple[str, ...],
    deadline: float,
    limits: FetchLimits,
    headers: dict[str, str],
    *,
    keep_start: bool,
) -> Fetched | str:
    """The file, or where a redirect leads."""
    stream = connect(address, checked, deadline=deadline, timeout_s=limits.connect_timeout_s)
    connection = http.client.HTTPConnection(address.host, address.port)
    connection.sock = TimedSocket(stream, deadline, limits.read_timeout_s)
    try:
        connection.putrequest("GET", address.target, skip_host=True, skip_accept_encoding=True)
        fixed = {"Host": address.authority, "Accept-Encoding": "identity", "Connection": "close"}
        for name, value in {**fixed, **headers}.items():
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        if response.status in REDIRECTS and response.headers.get("Location"):
            return response.headers["Location"].encode("latin-1", "replace").decode("utf-8", "replace")
        if response.status != 200:
            raise _bad_status(response, address)
        body = _read_body(response, limits.max_bytes, keep_start=keep_start)
        return Fetched(body, address, response.headers)
    finally:
        connection.close()
        stream.close()


def _read_body(response: http.client.HTTPResponse, max_bytes: int, *, keep_start: bool = False) -> bytes:
    """The body with gzip or deflate undone, cut off as soon as either form passes the limit."""
    encoding = (response.headers.get("Content-Encoding") or "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip", "deflate"):
        raise FetchFailed("bad_encoding", f"The server sent the file as {encoding[:20]!r}, unasked.")
    inflate = None if encoding == "identity" else zlib.decompressobj(47)  # zlib or gzip, by its header
    if response.length is not None and response.length > max_bytes and not keep_start:
        raise _too_large(max_bytes)
    expected, received, body = response.length, 0, bytearray()
    while chunk := response.read(CHUNK_BYTES):
        received += len(chunk)
        if inflate is not None:
            try:
                chunk = inflate.decompress(chunk, max_bytes - len(body) + 1)
            except zlib.error:
                raise FetchFailed("bad_encoding", "The file's content encoding is damaged.") from None
        body += chunk
        if len(body) > max_bytes or received > max_bytes:
            if keep_start:
                return bytes(body[:max_bytes])
            raise _too_large(max_bytes)
    if (expected is not None and received < expected) or (inflate is not None and not inflate.eof):
        raise FetchFailed("cut_short", "The server stopped in the middle of the file.", passing=True)
    return bytes(body)


def _bad_status(response: http.client.HTTPResponse, address: WebAddress) -> FetchFailed:
    return FetchFailed(
        f"http_{response.status}",
        f"{address.host} answered {response.status} {(response.reason or '')[:60]}".rstrip() + ".",
        passing=response.status in PASSING_STATUS,
        retry_after_s=_seconds_to_wait(response.headers.get("Retry-After")),
    )


def _seconds_to_wait(retry_after: str | None) -> float | None:
    """``Retry-After`` as seconds from now; it comes as a number or as a date."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _too_slow(limits: FetchLimits) -> FetchFailed:
    return FetchFailed(
        "timeout",
        f"The file did not come in time ({limits.connect_timeout_s:g} s to connect, "
        f"{limits.read_timeout_s:g} s between bytes, {limits.total_timeout_s:g} s in all).",
        passing=True,
    )


def _too_large(max_bytes: int) -> FetchFailed:
    return FetchFailed("too_large", f"The file is larger than {max_bytes / 1e6:g} MB.")
