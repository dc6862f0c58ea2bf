"""``POST /api/images`` and ``GET /api/images/{id}``: pictures in and verdicts out, for programs.

On the same server and port as the pages. The only key is the bearer token of ``STUDIO_API_TOKEN``; cookies
play no part and no other site is let in (no CORS), so no web page can act for a visitor. `post_images`
describes the request and the answers:

    curl -H "Authorization: Bearer $STUDIO_API_TOKEN" -F file=@one.jpg -F file=@two.jpg \\
         -F licence=CC0 -F author=Ann http://localhost:8501/api/images
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache, wraps
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.config import settings
from dashboard.api_upload import BadUpload, Upload, UploadLimits, read_upload
from dashboard.shared.links import address
from dashboard.shared.plain_text import without_folders
from dashboard.shared.shared_library import shared_library

if TYPE_CHECKING:
    from curation.intake.ingestion import IntakeResult

logger = logging.getLogger(__name__)

REQUESTS_AT_ONCE = 4  # of one client
REQUESTS_IN_ALL = 32
THREADS = 2  # that put pictures into the library
SOURCE = "api"
SHOWN = (
    "status", "state", "verdict", "rule", "value", "threshold", "decision", "labels", "source", "licence", "added_at",
)  # fmt: skip
MAX_FIELD_LENGTH = 1000
LIMITS = UploadLimits()

_IS_ID = re.compile(r"[0-9a-f]{64}")
Handler = Callable[[Request], Awaitable[Response]]


@dataclass
class _Traffic:
    """Requests that are being read or worked on, by client; only the event loop's thread touches it."""

    requests: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def admit(self, client: str) -> Iterator[bool]:
        """Whether there is room for one more request of a client, which takes it until the block ends."""
        is_free = self.requests[client] < REQUESTS_AT_ONCE and self.requests.total() < REQUESTS_IN_ALL
        self.requests[client] += is_free
        try:
            yield is_free
        finally:
            self.requests[client] -= is_free
            self.requests += Counter()  # without those who are gone


_traffic = _Traffic()


def needs_token(handler: Handler) -> Handler:
    """Let only those in who send the token, before anything of their request's body is read."""

    @wraps(handler)
    async def guarded(request: Request) -> Response:
        token = settings().api_token
        if token is None:
            return _problem(
                403,
                "api_off",
                "The API is off. Set STUDIO_API_TOKEN to a secret of at least 16 characters, start the server "
                "again, and send it as 'Authorization: Bearer SECRET'.",
            )
        scheme, _, sent = request.headers.get("authorization", "").partition(" ")
        # Digests have one length, so the comparison tells nothing about the secret's.
        given, wanted = (
            hashlib.sha256(text.encode()).digest() for text in (sent.strip(), token.get_secret_value())
        )
        if scheme.lower() != "bearer" or not hmac.compare_digest(given, wanted):
            problem = _problem(401, "bad_token", "Send the token as 'Authorization: Bearer SECRET'.")
            problem.headers["WWW-Authenticate"] = 'Bearer realm="studio"'
            return problem
        return await handler(request)

    return guarded


@needs_token
async def post_images(request: Request) -> Response:
    """Take the files of a ``multipart/form-data`` request.

    Every part with a file name is a picture; the fields ``licence``, ``author``, ``page``, ``url`` and
    ``source`` apply to all of them. The answer holds one object a file: ``name``, ``outcome`` (``added``,
    ``known``, ``deleted``, ``refused``), ``id``, ``code`` and ``message``. Status 200 if the library holds at
    least one of them now, 422 if none; 400, 408, 413, 415 and 503 say that nothing was looked at.
    """
    with _traffic.admit(request.client.host if request.client else "") as is_free:
        if not is_free:
            busy = _problem(503, "busy", "Too many uploads at once. Try again in a few seconds.")
            busy.headers["Retry-After"] = "5"
            return busy
        try:
            async with read_upload(request, LIMITS) as upload:
                return await _take_upload(upload)
        except BadUpload as bad:
            problem = _problem(bad.status, bad.code, str(bad))
            problem.headers["Connection"] = "close"  # the rest of the body is not read
            return problem
        except ClientDisconnect:
            return Response(status_code=400)


async def _take_upload(upload: Upload) -> Response:
    from curation.library.records import LibraryError

    answers: list[dict[str, str]] = []
    taken = 0
    for file in upload.files:
        try:
            answer = await anyio.to_thread.run_sync(_take_file, file, upload, limiter=_limiter())
        except (LibraryError, OSError) as error:
            logger.exception("The library could not keep an upload")
            is_told = isinstance(error, LibraryError)
            message = without_folders(str(error)) if is_told else "The library cannot be written now."
            return _problem(503, "library", message, answers=answers)
        taken += answer.is_taken
        answers.append(
            {
                "name": answer.name,
                "outcome": answer.outcome,
                "id": answer.image_id,
                "code": answer.code,
                "message": answer.sentence,
            }
        )
    body = {"answers": answers, "taken": taken, "refused": len(answers) - taken}
    return JSONResponse(body, 200 if taken else 422)


def _take_file(file: UploadFile, upload: Upload) -> IntakeResult:
    """One file into the library; runs in a thread, and decodes in a child process."""
    from curation.intake.ingestion import IntakeResult, ingest_bytes, plain_name
    from curation.library.records import Provenance

    name = plain_name(file.filename or "")
    if file in upload.too_large:
        limit = f"{LIMITS.max_file_bytes / 1e6:g} MB"
        return IntakeResult(name, "refused", code="too_many_bytes", sentence=f"It is larger than {limit}.")
    fields = {key: plain_name(value.strip())[:MAX_FIELD_LENGTH] for key, value in upload.fields.items()}
    origin = Provenance(
        source=f"{SOURCE}:{fields['source']}" if fields.get("source") else SOURCE,
        name=name,
        url=fields.get("url", ""),
        page=fields.get("page", ""),
        licence=fields.get("licence") or fields.get("license", ""),
        author=fields.get("author", ""),
        uploader=SOURCE,
    )
    file.file.seek(0)
    return ingest_bytes(shared_library(), file.file.read(), origin)


@needs_token
async def get_image(request: Request) -> Response:
    """What the library knows of one image: state, verdict, and the rule and value that decided it."""
    image_id = request.path_params["image_id"]
    row = None
    if _IS_ID.fullmatch(image_id):
        row = await anyio.to_thread.run_sync(_describe, image_id, limiter=_limiter())
    if row is None:
        return _problem(404, "unknown_image", "The library holds no image of this id.")
    return JSONResponse(row)


def _describe(image_id: str) -> dict[str, Any] | None:
    table = shared_library().table()
    if image_id not in table.index:
        return None
    row = table.loc[image_id]
    return {"id": image_id} | {name: _plain(row[name]) for name in SHOWN if name in table.columns}


def _plain(value: Any) -> Any:
    """A cell of the table as JSON has it; a missing value as null."""
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return None if value != value else f"{value.isoformat(timespec='seconds')}Z"
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float) and value != value:
        return None
    return value if isinstance(value, str | int | float | bool) else None


@lru_cache(maxsize=1)
def _limiter() -> anyio.CapacityLimiter:
    return anyio.CapacityLimiter(THREADS)


def _problem(status: int, code: str, message: str, **more: Any) -> JSONResponse:
    return JSONResponse({"code": code, "message": message, **more}, status)


def routes() -> list[Route]:
    """What the server has to know of; see ``dashboard/app.py``."""
    return [
        Route(address("api/images"), post_images, methods=["POST"]),
        Route(address("api/images/{image_id}"), get_image, methods=["GET"]),
    ]
