"""Show an outline of the studio with the first byte, seconds before Streamlit's scripts have drawn the page.

Streamlit serves one HTML file for every page and has no setting for what is in it. React empties the element that it
draws into, so what stands there goes by itself.
"""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ROOT = b'<div id="root"></div>'
# In the colours of .streamlit/config.toml.
OUTLINE = b"""<div id="root"><style>
.first { --ground: #f6f5f2; --block: #eae8e2; --name: #5646d6; position: fixed; inset: 0; overflow: hidden;
  padding: 14px clamp(.9rem, 3vw, 3rem); background: var(--ground); font: 600 17px/32px "Source Sans", sans-serif; }
@media (prefers-color-scheme: dark) { .first { --ground: #15141b; --block: #22202b; --name: #a99dff; } }
.first b { color: var(--name); }
.first div { display: flex; flex-wrap: wrap; gap: 2rem; margin-top: 3rem; }
.first i { flex: 1 1 18rem; height: min(60vh, 34rem); border-radius: 12px; background: var(--block); }
</style><div class="first"><b>Sketch2Face Studio</b><div><i></i><i></i></div></div></div>"""


class FirstPaint:
    """Put the outline into the HTML of every page."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] != "http"
            or scope["method"] != "GET"
            or "text/html" not in Headers(scope=scope).get("accept", "")
        ):
            await self.app(scope, receive, send)
            return
        # The page is 8 kB: it may come as it is, which can be written into.
        kept = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        start: Message | None = None
        body = b""

        async def send_page(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start" and _is_page(message):
                start = message
            elif start is None:
                await send(message)
            else:
                body += message.get("body", b"")
                if not message.get("more_body"):
                    page = body.replace(ROOT, OUTLINE)
                    headers = MutableHeaders(raw=start["headers"])
                    headers["content-length"] = str(len(page))
                    for name in ("etag", "last-modified"):  # those of another content
                        del headers[name]
                    await send(start)
                    await send({"type": "http.response.body", "body": page})

        await self.app({**scope, "headers": kept}, receive, send_page)


def _is_page(start: Message) -> bool:
    headers = Headers(raw=start["headers"])
    return start["status"] == 200 and headers.get("content-type", "").startswith("text/html")
