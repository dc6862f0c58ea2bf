"""Stage uploads straight on the disk, within a quota for each visitor, gone when the visitor is; take them over.

Streamlit keeps every upload in memory, and one limit (``server.maxUploadSize``) rules for all widgets. A middleware
takes the file out of the request and hands Streamlit an empty one in its place; `staged_files` gives pages what lies
on the disk, or says why it was not taken.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

import streamlit as st
from anyio import to_thread
from starlette.datastructures import Headers, MutableHeaders, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.config import settings
from core.names import normal_name
from core.processes.lock import hold, is_held
from dashboard.api_upload import BadUpload, UploadLimits, counted_stream
from dashboard.shared.formatting import size_text
from dashboard.shared.plain_text import as_text
from dashboard.shared.texts import _

logger = logging.getLogger(__name__)

FOLDER = ".uploads"
LOCK = "lock"
MIN_FREE_BYTES = 2_000_000_000  # of the disk; uploads leave so much to the studio itself
AWAY_S = 300.0  # a visitor whose connection was cut comes back within Streamlit's two minutes, or never
OVERHEAD_BYTES = 1_000_000  # of a request around its file
IDLE_S = 30.0  # an upload of which nothing comes for so long has no room kept for it any more
MIN_BYTES_PER_S = 2000
MOST_FILES = 20_000  # of one visitor at a time; empty ones take memory too
_UPLOAD = re.compile(r"/_stcore/upload_file/([^/]+)/([0-9A-Za-z-]{8,64})$")


@dataclass(frozen=True)
class StagedFile:
    """A file that a visitor uploaded."""

    name: str  # as the visitor's browser says; no file name of ours
    path: Path  # where it lies; `copy_to` gives it to others
    size: int
    session: str
    problem: str = ""  # why it was not taken, else empty; nothing lies at ``path`` then

    def read_bytes(self) -> bytes:
        """Its content."""
        return self.path.read_bytes()

    def copy_to(self, target: Path) -> None:
        """Put it elsewhere, without a second copy on the disk where the file system can.

        Raises
        ------
        OSError
            If there is no room; nothing is left behind.
        """
        try:
            os.link(self.path, target)
        except OSError:
            try:
                shutil.copyfile(self.path, target)
            except BaseException:
                target.unlink(missing_ok=True)
                raise


class Uploaded(Protocol):
    """What Streamlit's file uploader gives."""

    name: str
    file_id: str

    def getvalue(self) -> bytes: ...


@dataclass
class _Staging:
    """The files of this process by their ids."""

    files: dict[str, StagedFile] = field(default_factory=dict)
    away_since: dict[str, float] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, file_id: str, file: StagedFile) -> None:
        with self.lock:
            self.files[file_id] = file

    def drop(self, file_id: str, session: str | None = None) -> None:
        with self.lock:
            file = self.files.get(file_id)
            if file is None or session not in (None, file.session):
                return
            del self.files[file_id]
        file.path.unlink(missing_ok=True)

    def count(self, session: str) -> int:
        with self.lock:
            return sum(file.session == session for file in self.files.values())

    def used(self, session: str) -> int:
        with self.lock:
            return sum(file.size for file in self.files.values() if file.session == session)

    def coming(self) -> int:
        """Bytes of uploads that are under way: they have no name yet."""
        with self.lock:
            return sum(file.size for file in self.files.values() if not file.name)

    def sweep(self) -> None:
        """Drop what belongs to visitors who have gone."""
        now = time.monotonic()
        with self.lock:
            sessions = {file.session for file in self.files.values()}
            self.away_since = {
                session: self.away_since.get(session, now) for session in sessions if not _is_here(session)
            }
            gone = [
                file_id
                for file_id, file in self.files.items()
                if now - self.away_since.get(file.session, now) > AWAY_S
            ]
        for file_id in gone:
            self.drop(file_id)


staging = _Staging()


def staged_files(uploaded: Sequence[Uploaded], *, limit_mb: int) -> tuple[list[StagedFile], list[str]]:
    """Turn what a widget gives into files on the disk.

    Returns
    -------
    files
        Those that were taken.
    problems
        A sentence for each that was not; it is dropped.
    """
    files, problems = [], []
    for one in uploaded:
        file = staging.files.get(one.file_id) or _stage_from_memory(one)
        problem = file.problem
        if not problem and not file.size:
            problem = _("{name} is empty, or no longer here. Upload it again.", name=file.name)
        if not problem and file.size > limit_mb * 1_000_000:
            problem = _(
                "{name} has {size}; at most {most} are taken here.",
                name=file.name,
                size=size_text(file.size),
                most=size_text(limit_mb * 1e6),
            )
        if not problem:
            files.append(file)
            continue
        problems.append(problem)
        file.path.unlink(missing_ok=True)
        staging.add(one.file_id, replace(file, size=0, problem=problem))
    return files, problems


def take_staged(uploaded: Uploaded | Sequence[Uploaded] | None, *, limit_mb: int) -> list[StagedFile]:
    """Turn what a widget gives into files on the disk as `staged_files`, and show why one was not taken."""
    several = uploaded if isinstance(uploaded, Sequence) else [uploaded] if uploaded is not None else []
    files, problems = staged_files(several, limit_mb=limit_mb)
    for problem in problems:
        st.error(as_text(problem), icon=":material/error:")
    return files


def drop_staged(uploaded: Sequence[Uploaded]) -> None:
    """Forget files that were taken over."""
    for one in uploaded:
        staging.drop(one.file_id)


def _stage_from_memory(uploaded: Uploaded) -> StagedFile:
    """Without the middleware, as in tests of single pages, Streamlit holds the content."""
    data = uploaded.getvalue()
    context = get_script_run_ctx()
    path = staging_folder() / secrets.token_hex(16)
    path.write_bytes(data)
    file = StagedFile(uploaded.name, path, len(data), context.session_id if context else "")
    staging.add(uploaded.file_id, file)
    return file


def staging_folder() -> Path:
    """Where this process keeps uploads; made anew, without those of processes that have ended."""
    return _own_folder(settings().data / FOLDER, os.getpid())


@lru_cache(maxsize=4)
def _own_folder(root: Path, _pid: int) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    folder = root / secrets.token_hex(8)
    with hold(root / LOCK, f"{root} is being tidied by another server. Start again."):
        for other in root.iterdir():
            if other.is_dir() and not is_held(other / LOCK):
                shutil.rmtree(other, ignore_errors=True)
        folder.mkdir()
        _held.enter_context(hold(folder / LOCK, f"{folder} is in use."))
    threading.Thread(target=_sweep_for_ever, name="sweep-uploads", daemon=True).start()
    return folder


_held = contextlib.ExitStack()


def is_only_server() -> bool:
    """Tell whether no other server keeps uploads in this data folder."""
    own = staging_folder()
    return not any(is_held(path / LOCK) for path in own.parent.iterdir() if path.is_dir() and path != own)


def _sweep_for_ever() -> None:
    while True:
        time.sleep(60)
        staging.sweep()


def _is_here(session: str) -> bool:
    from streamlit import runtime

    return runtime.exists() and runtime.get_instance().is_active_session(session)


class UploadStaging:
    """Take uploaded files out of requests before Streamlit reads them into memory."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = _UPLOAD.search(scope["path"]) if scope["type"] == "http" else None
        if found is None or scope["method"] not in ("PUT", "DELETE") or not _is_here(found[1]):
            await self.app(scope, receive, send)
        elif scope["method"] == "DELETE":
            staging.drop(found[2], found[1])
            await self.app(scope, receive, send)
        else:
            await self._put(scope, receive, send, session=found[1], file_id=found[2])

    async def _put(self, scope: Scope, receive: Receive, send: Send, *, session: str, file_id: str) -> None:
        declared = Headers(scope=scope).get("content-length", "")
        most = st.get_option("server.maxUploadSize") * 1024 * 1024 + OVERHEAD_BYTES
        if not declared.isdecimal() or int(declared) > most:
            refusal = _(
                "Expected a file of at most {most:,.0f} MB, its size told beforehand.", most=most / 1e6
            )
            await _refuse(refusal, 413)(scope, receive, send)
            return
        staging.drop(file_id)
        if staging.count(session) >= MOST_FILES:
            refusal = _(
                "At most {most:,} files can be uploaded at a time. Add those that are here first.",
                most=MOST_FILES,
            )
            await _refuse(refusal, 413)(scope, receive, send)
            return
        reserved = await to_thread.run_sync(_reserve, file_id, session, int(declared))
        path, problem = reserved.path, reserved.problem
        try:
            upload = await _read(
                Request(scope, receive), Path(os.devnull) if problem else path, int(declared)
            )
        except (MultiPartException, ClientDisconnect, BadUpload, OSError) as error:
            staging.drop(file_id)
            logger.warning("An upload was not taken: %s", error)
            status = error.status if isinstance(error, BadUpload) else 400
            await _refuse(_("The upload cannot be read."), status)(scope, receive, send)
            return
        name = upload.filename or "file"
        problem = problem and _("{name} was not taken: {problem}", name=name, problem=problem)
        staging.add(
            file_id, replace(reserved, name=name, size=0 if problem else upload.size or 0, problem=problem)
        )
        status = await self._hand_on(scope, send, name, upload.content_type or "application/octet-stream")
        if status != 204:
            staging.drop(file_id)

    async def _hand_on(self, scope: Scope, send: Send, name: str, kind: str) -> int:
        """Have Streamlit note an empty file of that name; give the status that it answered with."""
        plain = re.sub(r'["\\\x00-\x1f\x7f]', "_", name)
        boundary = secrets.token_hex(16)
        body = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{plain}"\r\n'
            f"Content-Type: {re.sub(r'[^ -~]', '', kind)}\r\n\r\n\r\n--{boundary}--\r\n"
        ).encode()
        headers = MutableHeaders(raw=list(scope["headers"]))
        headers["content-type"] = f"multipart/form-data; boundary={boundary}"
        headers["content-length"] = str(len(body))
        status = 0

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def note(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        await self.app({**scope, "headers": headers.raw}, receive, note)
        return status


def _refuse(why: str, status: int) -> PlainTextResponse:
    """Answer before the whole request has been read."""
    return PlainTextResponse(why, status, headers={"Connection": "close"})


_reserving = threading.Lock()


def _reserve(file_id: str, session: str, size: int) -> StagedFile:
    """Take room for an upload before it comes, so that uploads at once share what there is."""
    staging.sweep()
    path = staging_folder() / secrets.token_hex(16)
    with _reserving:
        problem = _no_room(session, size)
        reserved = StagedFile("", path, 0 if problem else size, session, problem)
        staging.add(file_id, reserved)
    return reserved


def _no_room(session: str, size: int) -> str:
    """Why a visitor may not upload so much more now; empty if that is all right."""
    quota = settings().upload_quota_mb * 1_000_000
    if staging.used(session) + size > quota:
        return _(
            "you have used up the {quota:,.0f} MB that a visitor may upload. Remove some, or reload the page.",
            quota=quota / 1e6,
        )
    if shutil.disk_usage(staging_folder()).free - staging.coming() - size < MIN_FREE_BYTES:
        return _("the server's disk is full. Tell its operator.")
    return ""


class _ToDisk(MultiPartParser):
    """Starlette's parser, which writes the one file of a request to a place of our choice."""

    def __init__(self, request: Request, path: Path, most: int) -> None:
        limits = UploadLimits(max_request_bytes=most, idle_s=IDLE_S, min_bytes_per_s=MIN_BYTES_PER_S)
        super().__init__(request.headers, counted_stream(request, limits), max_files=1, max_fields=0)
        self._path, self._most = path, most

    def on_headers_finished(self) -> None:
        super().on_headers_finished()
        file: Any = self._current_part.file
        if file is not None:
            file.file.close()
            file.file = self._path.open("wb")
            self._files_to_close_on_error.append(file.file)

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._most -= end - start
        if self._most < 0:
            raise MultiPartException("It is longer than it was told to be.")
        super().on_part_data(data, start, end)


async def _read(request: Request, path: Path, most: int) -> UploadFile:
    form = await _ToDisk(request, path, most).parse()
    upload = next((value for value in form.values() if isinstance(value, UploadFile)), None)
    if upload is None:
        raise MultiPartException("It holds no file.")
    await upload.close()
    return upload


SPOOL = "spool"


def spool_pictures(library: Path, files: Iterable[StagedFile]) -> Path:
    """Write pictures into a new folder below ``<library>/jobs``; their names stay readable and harmless.

    Raises
    ------
    OSError
        If there is no room; what was written is removed.
    """
    with _new_folder(_spool(library)) as folder:
        for number, file in enumerate(files):
            file.copy_to(folder / f"{number:05d}-{harmless(file.name)}")
        return folder


def spool_archive(library: Path, file: StagedFile) -> Path:
    """Put an archive into a new folder of its own below ``<library>/jobs``; return the file."""
    return keep_in_folder(_spool(library), file)


def keep_in_folder(folder: Path, file: StagedFile) -> Path:
    """Put an upload into a folder that is made for it; return the file.

    Raises
    ------
    OSError
        If there is no room; nothing is left behind.
    """
    with _new_folder(folder):
        file.copy_to(folder / harmless(file.name))
        return folder / harmless(file.name)


def spool_file(library: Path, name: str, data: bytes) -> Path:
    """Write one file, such as a list, into a new folder of its own; return the file."""
    with _new_folder(_spool(library)) as folder:
        (folder / harmless(name)).write_bytes(data)
        return folder / harmless(name)


def harmless(name: str) -> str:
    """A file name without folders and without characters that mean something to a file system."""
    plain = re.sub(r"[^\w.\- ]", "_", PurePosixPath(normal_name(name).replace("\\", "/")).name)
    return plain.strip(" .")[-80:] or "file"


def _spool(library: Path) -> Path:
    return library / "jobs" / f"{SPOOL}-{secrets.token_hex(8)}"


@contextlib.contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """Make a folder that a job takes over; it goes again where the block fails."""
    folder.mkdir(parents=True)
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
