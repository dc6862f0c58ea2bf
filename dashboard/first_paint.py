"""Show an outline of the studio with the first byte, seconds before Streamlit's scripts have drawn the page.

Streamlit serves one HTML file for every page and has no setting for what is in it. React empties the element that it
draws into, so what stands there goes by itself.
"""

from __future__ import annotations

from pathlib import Path

import streamlit
from starlette.datastructures import MutableHeaders
from starlette.responses import FileResponse
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


INDEX = Path(streamlit.__file__).parent / "static" / "index.html"


class FirstPaint:
    """Put the outline into Streamlit's page; any other answer, of whatever kind, passes as it comes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        # An answer with this tag is that file of this moment; no other document has it.
        self.tag = FileResponse(INDEX, stat_result=INDEX.stat()).headers["etag"]
        self.page = INDEX.read_bytes().replace(ROOT, OUTLINE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        is_page = False

        async def send_page(message: Message) -> None:
            nonlocal is_page
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                is_page = message["status"] == 200 and headers.get("etag") == self.tag
                if is_page:
                    headers["content-length"] = str(len(self.page))
                    for name in ("etag", "last-modified", "content-encoding"):  # those of another content
                        del headers[name]
                    await send({**message, "headers": headers.raw})
                    await send({"type": "http.response.body", "body": self.page})
                    return
            if not is_page:
                await send(message)

        await self.app(scope, receive, send_page)
