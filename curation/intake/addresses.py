"""Connect to public addresses only: resolve, pin and refuse what lies in private networks.

A list of URLs is written by strangers, and a URL can point anywhere: at this machine, at the router,
at a cloud's metadata service. So a name is resolved once, every address that it gives is checked, and
the caller connects to one of the *checked* addresses; a name that answers differently a moment later
(DNS rebinding) changes nothing.
"""

from __future__ import annotations

import io
import ipaddress
import re
import socket
import ssl
import string
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote, urljoin, urlsplit

import certifi
import urllib3.exceptions
import urllib3.util

# Public by the registries, but nothing that a picture can lie on; the rest is known to `ipaddress`.
_NEVER = tuple(
    ipaddress.ip_network(network)
    for network in (
        "100.64.0.0/10",  # carrier-grade NAT
        "168.63.129.16/32",  # a cloud's own service, seen from inside its machines only
        "192.0.0.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "::/96",  # IPv4-compatible
        "64:ff9b:1::/48",  # translation into local networks
        "2001::/23",  # Teredo, ORCHID and other protocol assignments
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
        "5f00::/16",  # segment routing
        "fec0::/10",  # site-local
    )
)
# Where clouds hand out keys to their own machines. No setting opens these: no picture lies there.
_METADATA = tuple(
    ipaddress.ip_network(network)
    for network in (
        "169.254.0.0/16",
        "100.100.100.200/32",
        "168.63.129.16/32",
        "192.0.0.192/32",
        "fd00:ec2::/32",
        "fd20:ce::254/128",
    )
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Whether an IP address lies in the public internet: no machine, network or service of our own.

    IPv4 addresses wrapped in IPv6 (mapped, NAT64) are judged by the address inside.

    >>> is_public("93.184.216.34"), is_public("::ffff:10.0.0.1"), is_public("169.254.169.254")
    (True, False, False)
    """
    ip = _unwrapped(address)
    if ip is None:
        return False
    is_special = ip.is_private or ip.is_multicast or ip.is_reserved or ip.is_unspecified or ip.is_link_local
    return ip.is_global and not is_special and not any(ip in network for network in _NEVER)


def is_metadata(address: str) -> bool:
    """Whether an IP address is (or wraps) one where a cloud tells its machines their secrets."""
    ip = _unwrapped(address)
    return ip is not None and any(ip in network for network in _METADATA)


def _unwrapped(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that counts; None for what is none, or has a scope (fe80::1%eth0) and so is local."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return None
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.scope_id is not None:
            return None
        if ip.ipv4_mapped is not None:
            return ip.ipv4_mapped
        if ip in _NAT64:
            return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip


MAX_URL_LENGTH = 4096
DEFAULT_PORTS = {"http": 80, "https": 443}
PORTS = ((80, 80), (443, 443), (8000, 9000))
LOOKUP_TIMEOUT_S = 10.0

_PLAIN = frozenset(string.printable) - frozenset(string.whitespace) - {"\\"}

Lookup = Callable[..., list[tuple]]


class FetchFailed(Exception):
    """A file that did not come.

    Attributes
    ----------
    code
        Short reason for programs, such as ``http_404``, ``timeout`` or ``too_large``.
    passing
        Whether another try may end better.
    retry_after_s
        How long the server asked to be left alone.
    """

    def __init__(
        self, code: str, sentence: str, *, passing: bool = False, retry_after_s: float | None = None
    ) -> None:
        super().__init__(sentence)
        self.code = code
        self.passing = passing
        self.retry_after_s = retry_after_s


class AddressRefused(FetchFailed):
    """A URL that is not fetched.

    Its code is ``bad_url``, ``bad_scheme``, ``credentials``, ``bad_port``, ``private_address``,
    ``metadata_address``, ``unknown_host`` or ``lookup_failed``.
    """


@dataclass(frozen=True)
class WebAddress:
    """A URL taken apart."""

    scheme: str
    host: str  # lower case, in ASCII (IDNA); an IPv6 address without its brackets
    port: int
    target: str  # path and query as they are sent

    @property
    def authority(self) -> str:
        """What the ``Host`` header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def site(self) -> str:
        """Scheme, host and port: what one robots.txt speaks for."""
        return f"{self.scheme}://{self.authority}"

    @property
    def url(self) -> str:
        return self.site + self.target


def parse_url(url: str, *, ports: tuple[tuple[int, int], ...] = PORTS) -> WebAddress:
    """Take a URL apart if it is one that a download may go to.

    Parameters
    ----------
    ports
        Ranges, both ends included.

    Raises
    ------
    AddressRefused
        If it is no complete http or https URL, carries a name and password, or names another port.
    """
    url = url.strip()
    if not url or len(url) > MAX_URL_LENGTH:
        raise AddressRefused("bad_url", f"A URL has 1 to {MAX_URL_LENGTH} characters; this has {len(url)}.")
    url = "".join(character if character in _PLAIN else _quoted(character) for character in url)
    scheme, separator, rest = url.partition("://")
    if scheme.lower() not in DEFAULT_PORTS:
        got = f"{scheme[:20]}://" if separator else "none"
        raise AddressRefused("bad_scheme", f"Only http:// and https:// are fetched, and this has {got}.")
    try:
        parts = urllib3.util.parse_url(_with_ascii_host(url))
    except (urllib3.exceptions.LocationParseError, ValueError, UnicodeError):
        raise AddressRefused("bad_url", "This is no URL that can be read.") from None
    if parts.auth is not None or "@" in re.split(r"[/?#]", rest, maxsplit=1)[0]:
        raise AddressRefused("credentials", "A URL with a name or password in it is not fetched.")
    host = (parts.host or "").lower().strip("[]")
    if not host or "%" in host:
        raise AddressRefused("bad_url", "The URL names no host that can be looked up.")
    address = WebAddress(scheme.lower(), host, parts.port or DEFAULT_PORTS[scheme.lower()], parts.request_uri)
    if parts.port == 0 or not any(low <= address.port <= high for low, high in ports):
        allowed = ", ".join(str(low) if low == high else f"{low} to {high}" for low, high in ports)
        raise AddressRefused("bad_port", f"Port {address.port} is not fetched from; allowed: {allowed}.")
    return address


def join_url(base: WebAddress, location: str) -> str:
    """Where a redirect from ``base`` to ``location`` leads, not yet checked."""
    try:
        return urljoin(base.url, location.strip()).partition("#")[0]
    except ValueError:
        raise AddressRefused("bad_url", "A redirect leads to something that is no URL.") from None


def resolve(
    host: str,
    port: int,
    *,
    allow_private: bool = False,
    timeout_s: float = LOOKUP_TIMEOUT_S,
    lookup: Lookup = socket.getaddrinfo,
) -> tuple[str, ...]:
    """Addresses of a host, all of them checked; connect to these and never look the name up again.

    Raises
    ------
    AddressRefused
        ``private_address`` if any of its addresses is not public, ``metadata_address`` if it is a cloud's
        metadata service (with ``allow_private`` as well), ``unknown_host`` if it has none,
        ``lookup_failed`` if the answer did not come.
    """
    try:
        found = _with_time_limit(lambda: lookup(host, port, type=socket.SOCK_STREAM), timeout_s)
    except socket.gaierror as error:
        if error.errno in (socket.EAI_AGAIN, socket.EAI_FAIL, socket.EAI_SYSTEM, socket.EAI_MEMORY):
            raise AddressRefused(
                "lookup_failed", f"{host} could not be looked up now.", passing=True
            ) from None
        raise AddressRefused("unknown_host", f"There is no host {host}.") from None
    except UnicodeError:
        raise AddressRefused("bad_url", "The URL names no host that can be looked up.") from None
    except OSError:
        raise AddressRefused("lookup_failed", f"{host} could not be looked up now.", passing=True) from None
    addresses = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not addresses:
        raise AddressRefused("unknown_host", f"There is no host {host}.")
    if any(map(is_metadata, addresses)):
        raise AddressRefused("metadata_address", f"{host} is where a cloud keeps its machines' secrets.")
    if not allow_private and not all(map(is_public, addresses)):
        raise AddressRefused(
            "private_address",
            f"{host} is no public address, and this server does not reach into its own network. "
            "If that is meant, set STUDIO_ALLOW_PRIVATE_ADDRESSES=1.",
        )
    return addresses


def _quoted(character: str) -> str:
    if (character.isspace() and character != " ") or character == "\\" or not character.isprintable():
        raise AddressRefused("bad_url", "The URL holds a control character or a backslash.")
    return "%20" if character == " " else character


def _with_ascii_host(url: str) -> str:
    """The URL with its host in IDNA and everything else percent-encoded."""
    if url.isascii():
        return url
    netloc = urlsplit(url).netloc
    head, _, tail = url.partition(netloc)
    host, colon, port = netloc.rpartition(":") if ":" in netloc else (netloc, "", "")
    return f"{head}{host.encode('idna').decode()}{colon}{port}" + quote(tail, safe="/?#[]@!$&'()*+,;=:%~-._")


def _with_time_limit(look: Callable[[], list[tuple]], timeout_s: float) -> list[tuple]:
    """The system's resolver has no time limit of its own."""
    answer: Future[list[tuple]] = Future()

    def work() -> None:
        try:
            answer.set_result(look())
        except Exception as error:
            answer.set_exception(error)

    threading.Thread(target=work, daemon=True, name="lookup").start()
    return answer.result(timeout_s)


def connect(
    address: WebAddress, checked: tuple[str, ...], *, deadline: float, timeout_s: float
) -> socket.socket:
    """A connection to one of the checked addresses, encrypted for the host's name where that is asked.

    Parameters
    ----------
    checked
        IP addresses of the host that `curation.intake.addresses.resolve` let pass, tried in turn.
    deadline
        On `time.monotonic`'s clock.

    Raises
    ------
    OSError
        If none answers in time, or the certificate is not the host's.
    """
    trouble: OSError | None = None
    for ip in checked[:4]:
        left = min(timeout_s, deadline - time.monotonic())
        if left <= 0:
            break
        try:
            stream = socket.create_connection((ip, address.port), timeout=left)
        except OSError as error:
            trouble = error
            continue
        if address.scheme == "http":
            return stream
        try:
            return _tls().wrap_socket(stream, server_hostname=address.host.rstrip("."))
        except BaseException:
            stream.close()
            raise
    raise trouble or TimeoutError("no time left to connect")


@cache
def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    return context


class TimedSocket:
    """As much of a socket as `http.client` uses, with a time limit over all reads together."""

    def __init__(self, stream: socket.socket, deadline: float, read_timeout_s: float) -> None:
        self._stream = stream
        self._deadline = deadline
        self._read_timeout_s = read_timeout_s

    def sendall(self, data: bytes) -> None:
        self._limit_time()
        self._stream.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_TimedReader(self))

    def receive_into(self, buffer: memoryview) -> int:
        self._limit_time()
        return self._stream.recv_into(buffer)

    def close(self) -> None:
        """The stream is closed by whoever opened it."""

    def _limit_time(self) -> None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time for this file is over")
        self._stream.settimeout(min(left, self._read_timeout_s))


class _TimedReader(io.RawIOBase):
    def __init__(self, source: TimedSocket) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]
        return self._source.receive_into(buffer)
