"""Limit what pages take of the server over their websockets: how many are open, and what each may say.

Each page is a session with a memory of its own, and a thread while it runs. A browser may send it anything that
Streamlit understands, and Streamlit has messages for whoever develops an app, and takes them from every visitor: one of
them empties the caches of all, so that the networks are loaded anew, which took everybody half a minute. It also keeps
of each page what the last message said of the page's address and surroundings, of any size.
"""

from __future__ import annotations

import logging
from collections import Counter

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg

from dashboard import access

logger = logging.getLogger(__name__)

MOST = 512
MOST_OF_ONE = 32  # who is signed in
MOST_OF_STRANGERS = 128  # who are not, together, where sign-in is configured: they see its button and no more
KINDS = frozenset(
    {"rerun_script", "stop_script", "app_heartbeat", "file_urls_request", "backend_operation_request"}
)
OPERATIONS = frozenset({"deferred_file", "dataframe_chunk"})  # of the last of these kinds
MOST_WIDGETS = 5000  # of one page
MOST_BESIDE_BYTES = 200_000  # of what is said besides the widgets; an address comes with at most 65 kB


class WebsocketLimit:
    """Refuse websockets beyond a limit; a browser tries again by itself until others have left."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        most: int = MOST,
        of_one: int = MOST_OF_ONE,
        of_strangers: int = MOST_OF_STRANGERS,
    ) -> None:
        self.app = app
        self.most, self.of_one, self.of_strangers = most, of_one, of_strangers
        self._open: Counter[str] = Counter()  # by name; only the event loop's thread touches it

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return
        who = access.name_of(scope)
        allowed = self.most
        if access.has_sign_in():
            allowed = self.of_one if who else self.of_strangers
        if self._open[who] >= allowed or self._open.total() >= self.most:
            logger.warning(
                "%s has %d pages open, of %d: no more now.", who or "-", self._open[who], self._open.total()
            )
            await send({"type": "websocket.close", "code": 1013, "reason": "Too many pages are open"})
            return
        self._open[who] += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self._open[who] -= 1
            self._open += Counter()  # without those who are gone


class MessageGuard:
    """Pass over messages of other kinds, and close a page's line when one is larger than any page sends."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return

        async def receive_known() -> Message:
            while True:
                message = await receive()
                asked = _parsed(message)
                if asked is not None and not _is_known(asked):
                    logger.warning("A page sent %r, which none of ours does.", asked.WhichOneof("type"))
                elif asked is not None and _is_too_large(asked):
                    logger.warning("A page said more of itself than any does; its line was closed.")
                    await send({"type": "websocket.close", "code": 1009, "reason": "Too large for a page"})
                    return {"type": "websocket.disconnect", "code": 1009}
                else:
                    return message

        await self.app(scope, receive_known, send)


def _parsed(message: Message) -> BackMsg | None:
    """Read what a browser sent; None for what is no message of Streamlit's, which closes the line itself."""
    if message["type"] != "websocket.receive" or not message.get("bytes"):
        return None
    try:
        return BackMsg.FromString(message["bytes"])
    except DecodeError:
        return None


def _is_known(asked: BackMsg) -> bool:
    kind = asked.WhichOneof("type")
    if kind == "backend_operation_request":
        return asked.backend_operation_request.WhichOneof("payload") in OPERATIONS
    return kind in KINDS


def _is_too_large(asked: BackMsg) -> bool:
    if asked.WhichOneof("type") != "rerun_script":
        return False
    widgets = asked.rerun_script.widget_states
    beside = asked.ByteSize() - widgets.ByteSize()
    return len(widgets.widgets) > MOST_WIDGETS or beside > MOST_BESIDE_BYTES
