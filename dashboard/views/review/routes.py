"""Pictures of the library over HTTP, so that a browser keeps them: ``GET /library/{kind}/{id}``.

An id is the SHA-256 of a file, so nobody comes upon one by counting. What is sent is always decoded and
written anew: no EXIF, no GPS, no foreign bytes.
"""

from __future__ import annotations

import io
import re
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from dashboard.shared.links import address
from dashboard.shared.shared_library import shared_library

if TYPE_CHECKING:
    from starlette.requests import Request

PREFIX = "library"
ORIGINAL_SIDE = 1280  # px, longer side of an original as it is shown
_ID = re.compile(r"[0-9a-f]{64}")
_STORED = {"thumb": "image/jpeg", "crop": "image/png", "sketch": "image/png"}
_HEADERS = {
    # The address carries the picture's version, so a day in the browser's own cache shows nothing stale.
    "Cache-Control": "private, max-age=86400",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'",
}
DECODING = 2  # at once


async def answer(request: Request) -> Response:
    """One picture, or 404."""
    # Who waits for an original to be decoded keeps none of the threads that serve everything else.
    limiter = _limiter() if request.path_params["kind"] == "original" else None
    return await anyio.to_thread.run_sync(_answer, request, limiter=limiter)


@lru_cache(maxsize=1)
def _limiter() -> anyio.CapacityLimiter:
    return anyio.CapacityLimiter(DECODING)


def _answer(request: Request) -> Response:
    kind, image_id = request.path_params["kind"], request.path_params["image_id"]
    if _ID.fullmatch(image_id) and kind in (*_STORED, "original"):
        path = Path(getattr(shared_library().files, kind)(image_id))
        if kind == "original":
            with suppress(FileNotFoundError, ValueError):  # UnsafeImage is a ValueError
                return Response(shown_original(path), media_type="image/jpeg", headers=_HEADERS)
        elif path.is_file():
            return FileResponse(path, media_type=_STORED[kind], headers=_HEADERS)
    return Response("There is no such picture.", 404, headers={"Cache-Control": "no-store"})


def shown_original(path: Path) -> bytes:
    """An original as JPEG bytes, upright, at most `ORIGINAL_SIDE` pixels long and without metadata."""
    from PIL import Image

    from core.images import read_photo

    if not path.is_file():
        raise FileNotFoundError(path.name)
    picture = Image.fromarray(read_photo(path))
    picture.thumbnail((ORIGINAL_SIDE, ORIGINAL_SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def routes() -> list[Route]:
    """What the server has to know of; see ``dashboard/app.py``."""
    return [Route(address(f"{PREFIX}/{{kind}}/{{image_id}}"), answer, methods=["GET"])]
