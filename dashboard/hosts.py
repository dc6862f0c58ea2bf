"""Serve the studio under its own names only, so that no other web page can act through a visitor's browser.

A page elsewhere whose name is pointed at this machine (DNS rebinding) sends its own name as ``Host``; a page that
opens our websocket sends its own as ``Origin``. Streamlit's ``server.allowedHosts`` looks at websockets alone, so one
middleware in front of everything checks pages, static files, uploads, our own routes and the websocket alike. A page
that shows ours in a frame could have visitors click in it unseen, and Streamlit obeys frames of whole domains on which
anybody may have a page; so browsers are told to show it in none but its own.
"""

from __future__ import annotations

import ipaddress
import logging
from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.shared.texts import _

logger = logging.getLogger(__name__)

LOOPBACK = ("localhost", "127.0.0.1", "::1")
ANY = "*"
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class HostGuard:
    """Refuse requests and websockets whose ``Host`` is not one of ours, or whose ``Origin`` is another site.

    Parameters
    ----------
    named
        Names and addresses besides this machine's own; ``*.example.org`` takes every name below it, ``*`` any
        name at all.
    """

    def __init__(self, app: ASGIApp, named: tuple[str, ...] = ()) -> None:
        self.app = app
        self.named = named

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        problem = self._problem(scope, headers)
        if not problem:
            await self.app(scope, receive, _unframed(send))
        elif scope["type"] == "websocket":
            await send(
                {"type": "websocket.close", "code": 1008, "reason": "Host or Origin is not the studio's"}
            )
        else:
            await PlainTextResponse(problem, 403)(scope, receive, send)

    def _problem(self, scope: Scope, headers: Headers) -> str:
        hosts = headers.getlist("host")
        host = _split(f"//{hosts[0]}") if len(hosts) == 1 else None
        if host is None or host.path or not _matches(host.hostname or "", (*LOOPBACK, *self.named)):
            return _(
                "The studio is not served under this address. Open it as localhost, or have its operator name the "
                "address in STUDIO_HOSTS."
            )
        changes = scope["type"] == "websocket" or scope["method"] not in _READING
        origin = headers.get("origin")
        if not changes or origin is None or self._is_ours(origin, host):
            return ""
        return _("Another web page sent this request; the studio takes requests of its own pages only.")

    def _is_ours(self, origin: str, host: SplitResult) -> bool:
        site = _split(origin)
        if site is None or site.scheme not in ("http", "https"):
            return False
        if site.netloc.lower() == host.netloc.lower():
            return True
        # A proxy that does not pass the name on: the page's address is a named one, the host is ours.
        return _matches(site.hostname or "", tuple(name for name in self.named if name != ANY))


def _unframed(send: Send) -> Send:
    async def send_unframed(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)["X-Frame-Options"] = "SAMEORIGIN"
        await send(message)

    return send_unframed


def refuse_if_open(address: str | None, *, is_allowed: bool) -> None:
    """Refuse to listen for other machines without sign-in, unless the operator has said so.

    Raises
    ------
    SystemExit
        With the way out as its message.
    """
    if is_allowed or (address is not None and (is_loopback(address) or address.startswith("unix:"))):
        return
    raise SystemExit(
        f"The studio would listen on {address or 'all addresses'}, where others reach it, and asks nobody who they "
        "are: they could read the library, start trainings and delete pictures. Listen on localhost, configure "
        "sign-in (dashboard/README.md), or put a proxy with a login in front and set STUDIO_OPEN=1."
    )


def is_loopback(address: str) -> bool:
    """Tell whether only this machine reaches an address."""
    name = _plain(address)
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def warn_if_unreachable(address: str | None, named: tuple[str, ...]) -> None:
    """Say what to set where the server listens for others, but is served to this machine alone."""
    if named or (address is not None and is_loopback(address)):
        return
    logger.warning(
        "The studio listens on %s, but is only served as localhost. Name what others type into their browsers: "
        "STUDIO_HOSTS=studio.example.org,192.168.1.5",
        address or "all addresses",
    )


def _split(address: str) -> SplitResult | None:
    try:
        found = urlsplit(address)
        _port = found.port  # raises where it is no number
    except ValueError:
        return None
    return None if "@" in found.netloc or found.query or found.fragment else found


def _matches(name: str, known: tuple[str, ...]) -> bool:
    name = _plain(name)
    return any(
        pattern == ANY
        or (name.endswith(pattern[1:]) if pattern.startswith("*.") else name == _plain(pattern))
        for pattern in known
    )


def _plain(name: str) -> str:
    """A name as browsers may write it, in one form: no final dot, lower case, the short form of an IPv6 address."""
    name = name.strip().strip("[]").rstrip(".").lower()
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name
