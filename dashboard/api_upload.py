"""A multipart request read within limits: small files in memory, larger ones in temporary files."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from curation.intake.picture import PictureLimits


@dataclass(frozen=True)
class UploadLimits:
    """What one request may bring."""

    max_file_bytes: int = PictureLimits().max_bytes  # a larger file is refused, and the others are taken
    # All of it together; it is counted, whatever ``Content-Length`` says.
    max_request_bytes: int = 512_000_000
    max_files: int = 100
    idle_s: float = 5.0  # a request of which nothing comes for so long is cut off
    # So is one that is slower than this on the whole, beyond the first ``idle_s``.
    min_bytes_per_s: int = 10_000
    max_fields: int = 20
    max_field_bytes: int = 10_000


class BadUpload(ValueError):
    """A request that is not read to its end, with the HTTP status and code that say why."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True)
class Upload:
    """What a request brought: files, those among them that were cut off at the limit, and text fields."""

    files: list[UploadFile]
    too_large: list[UploadFile]
    fields: dict[str, str]


class _Parser(MultiPartParser):
    """Starlette's parser, which counts the bytes of each file and drops those above the limit."""

    spool_max_size = 65_536  # beyond it a file is on disk: many requests stay small in memory

    def __init__(self, request: Request, limits: UploadLimits) -> None:
        super().__init__(
            request.headers,
            counted_stream(request, limits),
            max_files=limits.max_files,
            max_fields=limits.max_fields,
            max_part_size=limits.max_field_bytes,
        )
        self.too_large: list[UploadFile] = []
        self._limit = limits.max_file_bytes
        self._size = 0

    def on_part_begin(self) -> None:
        self._size = 0
        super().on_part_begin()

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._size += end - start
        file = self._current_part.file
        if file is None or self._size <= self._limit:
            super().on_part_data(data, start, end)
        elif not self.too_large or self.too_large[-1] is not file:
            self.too_large.append(file)


@asynccontextmanager
async def read_upload(request: Request, limits: UploadLimits) -> AsyncIterator[Upload]:
    """The files and fields of a request; temporary files are gone when the block ends.

    Raises
    ------
    BadUpload
        If it is no multipart form, larger than a limit, or brings no file.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise BadUpload(415, "not_multipart", "Send the pictures as multipart/form-data, one part a file.")
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limits.max_request_bytes:
        raise _too_large(limits.max_request_bytes)
    parser = _Parser(request, limits)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        too_many = error.message.startswith("Too many")
        raise BadUpload(
            413 if too_many else 400, "too_many_parts" if too_many else "bad_multipart", error.message
        ) from None
    try:
        yield _sort(form, parser.too_large)
    finally:
        await form.close()


def _sort(form: FormData, too_large: list[UploadFile]) -> Upload:
    items = form.multi_items()
    files = [value for _, value in items if isinstance(value, UploadFile)]
    if not files:
        raise BadUpload(
            422, "no_files", "The request holds no file. Send each picture as a part with a file name."
        )
    return Upload(files, too_large, {key: value for key, value in items if isinstance(value, str)})


async def counted_stream(request: Request, limits: UploadLimits) -> AsyncGenerator[bytes, None]:
    """Give a request's body as it comes, within its limits of size and time.

    Raises
    ------
    BadUpload
        If there is more of it, it stops coming, or it comes too slowly.
    """
    received, start = 0, anyio.current_time()
    chunks = request.stream()
    while True:
        slowest = start + limits.idle_s + received / limits.min_bytes_per_s
        try:
            if anyio.current_time() > slowest:
                raise TimeoutError
            with anyio.fail_after(limits.idle_s):
                chunk = await anext(chunks, None)
        except TimeoutError:
            raise BadUpload(
                408,
                "too_slow",
                "The request stopped coming, or came too slowly. Send it again, in smaller parts.",
            ) from None
        if chunk is None:
            return
        received += len(chunk)
        if received > limits.max_request_bytes:
            raise _too_large(limits.max_request_bytes)
        yield chunk


def _too_large(max_bytes: int) -> BadUpload:
    return BadUpload(
        413, "request_too_large", f"One request brings at most {max_bytes / 1e6:g} MB. Send several."
    )
