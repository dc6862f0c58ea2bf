"""Limit how many pages are open at once: each is a session with a memory of its own, and a thread while it runs."""

from __future__ import annotations

import logging
from collections import Counter

from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard import access

logger = logging.getLogger(__name__)

MOST = 512
MOST_OF_ONE = 32  # who is signed in
MOST_OF_STRANGERS = 128  # who are not, together, where sign-in is configured: they see its button and no more


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
