"""Uploads lie on the disk, within limits, and Streamlit gets an empty file in their place."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Message

from dashboard.shared import uploads
from dashboard.shared.uploads import StagedFile, UploadStaging, drop_staged, staged_files, staging
from tests.event_loop import wait_for

ADDRESS = "/studio/_stcore/upload_file/{session}/{file_id}"
ID = "0b5f1a3c-file"


@dataclass
class FromWidget:
    """What Streamlit's widget gives: its record of an upload."""

    name: str
    file_id: str = ID
    data: bytes = b""

    def getvalue(self) -> bytes:
        return self.data


@dataclass
class Server:
    client: TestClient
    seen: list[tuple[str, str, int]]  # name, kind and size that Streamlit was handed

    def put(self, data: bytes, *, file_id: str = ID, name: str = "a.zip", session: str = "ann") -> int:
        address = ADDRESS.format(session=session, file_id=file_id)
        return self.client.put(address, files={"file": (name, data, "application/zip")}).status_code


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Visitors whose pages are open."""
    sessions = {"ann", "bob"}
    monkeypatch.setattr(uploads, "_is_here", sessions.__contains__)
    return sessions


@pytest.fixture
def server(here: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path))
    monkeypatch.setenv("STUDIO_UPLOAD_QUOTA_MB", "2")
    monkeypatch.setattr(uploads, "MIN_FREE_BYTES", 0)
    seen: list[tuple[str, str, int]] = []

    async def streamlit(request: Request) -> Response:
        if request.method == "PUT":
            if request.path_params["session_id"] not in here:
                return Response(status_code=400)
            upload = (await request.form())["file"]
            assert isinstance(upload, UploadFile)
            seen.append((upload.filename or "", upload.content_type or "", len(await upload.read())))
        return Response(status_code=204)

    path = ADDRESS.replace("session}", "session_id}")
    routes = [Route(path, streamlit, methods=["PUT", "DELETE"])]
    yield Server(TestClient(Starlette(routes=routes, middleware=[Middleware(UploadStaging)])), seen)
    for file_id in list(staging.files):
        staging.drop(file_id)


def on_disk(folder: Path) -> list[int]:
    files = (folder / uploads.FOLDER).glob("*/*")
    return sorted(path.stat().st_size for path in files if path.name != uploads.LOCK)


def test_the_content_goes_to_the_disk_and_an_empty_file_to_streamlit(server: Server, tmp_path: Path) -> None:
    assert server.put(b"x" * 1_500_000, name='한글 "a".zip') == 204
    assert server.seen == [("한글 %22a%22.zip", "application/zip", 0)]
    ((file,), problems) = staged_files([FromWidget("a.zip")], limit_mb=2)
    assert (file.read_bytes(), file.size, problems) == (b"x" * 1_500_000, 1_500_000, [])
    assert on_disk(tmp_path) == [1_500_000]


def test_what_is_put_elsewhere_takes_no_second_room(server: Server, tmp_path: Path) -> None:
    server.put(b"content")
    ((file,), _) = staged_files([FromWidget("a.zip")], limit_mb=1)
    file.copy_to(tmp_path / "mine")
    assert (tmp_path / "mine").stat().st_ino == file.path.stat().st_ino
    drop_staged([FromWidget("a.zip")])
    assert ((tmp_path / "mine").read_bytes(), on_disk(tmp_path)) == (b"content", [])


def test_a_widget_takes_no_more_than_its_own_limit(server: Server, tmp_path: Path) -> None:
    server.put(b"x" * 1_200_000)
    files, (problem,) = staged_files([FromWidget("a.zip")], limit_mb=1)
    assert (files, problem) == ([], "a.zip has 1.2 MB; at most 1.0 MB are taken here.")
    assert on_disk(tmp_path) == []
    assert staged_files([FromWidget("a.zip")], limit_mb=1) == ([], [problem])


def test_a_visitor_has_a_quota_and_others_have_their_own(server: Server, tmp_path: Path) -> None:
    big = b"x" * 1_500_000
    assert [server.put(big, file_id=f"file-000{n}") for n in range(2)] == [204, 204]
    assert server.put(big, file_id="file-0002", session="bob") == 204
    assert on_disk(tmp_path) == [1_500_000, 1_500_000]
    files, (problem,) = staged_files([FromWidget("a.zip", "file-0001")], limit_mb=2)
    assert files == [] and "a.zip was not taken: you have used up the 2 MB" in problem
    assert server.client.delete(ADDRESS.format(session="ann", file_id="file-0000")).status_code == 204
    assert server.put(big, file_id="file-0003") == 204
    assert staged_files([FromWidget("a.zip", "file-0003")], limit_mb=2)[1] == []


def test_uploads_at_once_share_the_quota_and_the_disk(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each asked for its room before any of the others had taken theirs."""
    assert [uploads._reserve(f"file-{n}", "ann", 1_500_000).size for n in range(3)] == [1_500_000, 0, 0]
    usage = namedtuple("usage", "free")(2_000_000)
    monkeypatch.setattr(uploads.shutil, "disk_usage", lambda _: usage)
    assert "disk is full" in uploads._reserve("file-b", "bob", 1_500_000).problem


def test_a_full_disk_is_said(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(uploads, "MIN_FREE_BYTES", 10**18)
    server.put(b"x")
    assert "disk is full" in staged_files([FromWidget("a.zip")], limit_mb=1)[1][0]
    assert on_disk(tmp_path) == []


def test_more_than_the_server_takes_is_refused_unread(server: Server, tmp_path: Path) -> None:
    def for_ever() -> Iterator[bytes]:
        yield b"x"
        raise AssertionError("the body was read")

    address = ADDRESS.format(session="ann", file_id=ID)
    headers = {"content-length": str(10**12), "content-type": "multipart/form-data; boundary=b"}
    assert server.client.put(address, content=for_ever(), headers=headers).status_code == 413
    assert (server.seen, on_disk(tmp_path)) == ([], [])


def test_a_stranger_without_a_page_leaves_nothing(server: Server, tmp_path: Path) -> None:
    assert server.put(b"x", session="eve") == 400
    assert not (tmp_path / uploads.FOLDER).exists()


def test_a_broken_request_leaves_nothing(server: Server, tmp_path: Path) -> None:
    address = ADDRESS.format(session="ann", file_id=ID)
    headers = {"content-type": "multipart/form-data; boundary=b"}
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nxyz'
    assert server.client.put(address, content=b"--c", headers=headers).status_code == 400
    assert server.client.put(address, content=body[:20], headers=headers).status_code == 400
    assert (server.seen, on_disk(tmp_path)) == ([], [])


def test_uploads_go_when_their_visitor_has_been_away_for_long(
    server: Server, here: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.put(b"ann's", file_id="file-ann0")
    server.put(b"bob", file_id="file-bob0", session="bob")
    here.discard("ann")
    staging.sweep()
    assert on_disk(tmp_path) == [3, 5]  # she may come back
    monkeypatch.setattr(uploads, "AWAY_S", 0.0)
    staging.sweep()
    assert on_disk(tmp_path) == [3]


def test_what_a_dead_server_left_is_swept_at_the_start(here: set[str], tmp_path: Path) -> None:
    left = tmp_path / uploads.FOLDER / "dead"
    left.mkdir(parents=True)
    (left / "file").write_bytes(b"x")
    (left / uploads.LOCK).touch()
    uploads._own_folder(tmp_path / uploads.FOLDER, 1)
    assert not left.exists()


def test_a_file_that_is_gone_is_said(here: set[str]) -> None:
    assert staged_files([FromWidget("a.zip", "never-seen")], limit_mb=1) == (
        [],
        ["a.zip is empty, or no longer here. Upload it again."],
    )


def test_without_the_middleware_a_page_works_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path))
    ((file,), problems) = staged_files([FromWidget("a.png", "in-memory", b"data")], limit_mb=1)
    assert (isinstance(file, StagedFile), file.read_bytes(), problems) == (True, b"data", [])
    drop_staged([FromWidget("a.png", "in-memory")])


def test_a_visitor_has_so_many_files_at_a_time(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty files use up no quota, and take memory all the same."""
    monkeypatch.setattr(uploads, "MOST_FILES", 2)
    answers = [server.put(b"", file_id=f"{number}-of-many") for number in range(3)]
    assert answers == [204, 204, 413]
    assert server.put(b"", file_id="0-of-many") == 204  # in the place of the one before
    assert server.put(b"", session="bob", file_id="bobs-own-file") == 204


@pytest.mark.usefixtures("server")
def test_an_upload_that_does_not_come_keeps_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """The room that was told is taken from everybody's disk until it is there."""
    monkeypatch.setattr(uploads, "IDLE_S", 0.05)
    sent: list[Message] = []

    async def receive() -> Message:
        await anyio.sleep(10)
        raise AssertionError("waited")

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"content-type", b"multipart/form-data; boundary=b"), (b"content-length", b"1500000")]
    scope = {
        "type": "http",
        "method": "PUT",
        "path": ADDRESS.format(session="ann", file_id=ID),
        "headers": headers,
    }
    wait_for(UploadStaging(lambda *_: None), scope, receive, send)  # type: ignore[arg-type,return-value]
    assert sent[0]["status"] == 408
    assert staging.used("ann") == 0
