"""Roles: who has which, what each may open, and what a server without a table of them does."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect
from streamlit.runtime.secrets import secrets_singleton
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

from dashboard import access
from dashboard.roles import Role, RoleTable, read_roles

SECRET = "0123456789abcdef0123456789abcdef"  # of the tests' own cookies
TABLE = """
default: guest
people:
  Ann@example.org: owner
  "*@lab.example.org": labeller
  cy@lab.example.org: curator
  gone@example.org: none
"""


@pytest.fixture
def roles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sign-in with a table of roles."""
    path = tmp_path / "roles.yaml"
    path.write_text(TABLE)
    monkeypatch.setenv("STUDIO_ROLES", str(path))
    monkeypatch.setattr(access, "has_sign_in", lambda: True)
    monkeypatch.setattr(access, "_roles", RoleTable())
    return path


def role_of(email: str | None, **more: object) -> Role:
    return access._visitor_of({"is_logged_in": True, "email": email, **more}).role


@pytest.mark.parametrize(
    ("email", "role"),
    [
        ("ann@example.org", Role.OWNER),
        ("ANN@EXAMPLE.ORG", Role.OWNER),
        ("ben@lab.example.org", Role.LABELLER),
        ("cy@lab.example.org", Role.LABELLER),  # the first line that fits
        ("ann@example.org.evil.net", Role.GUEST),
        ("gone@example.org", Role.NONE),
        ("", Role.NONE),
        (None, Role.NONE),
    ],
)
@pytest.mark.usefixtures("roles")
def test_the_first_line_that_fits_an_address_gives_the_role(email: str | None, role: Role) -> None:
    assert role_of(email) is role


@pytest.mark.usefixtures("roles")
def test_an_address_that_nobody_has_confirmed_counts_for_nothing() -> None:
    assert role_of("ann@example.org", email_verified=False) is Role.NONE
    assert role_of("ann@example.org", email_verified=True) is Role.OWNER
    assert access._visitor_of({"is_logged_in": False, "email": "ann@example.org"}).role is Role.NONE


def test_a_role_that_is_taken_away_is_gone_at_once(roles: Path) -> None:
    assert role_of("ann@example.org") is Role.OWNER
    roles.write_text(TABLE.replace("owner", "guest  "))
    assert role_of("ann@example.org") is Role.GUEST


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("people: {ann@example.org: admin}", "one of none, guest, labeller, curator, owner, got 'admin'"),
        ("default: 3", "got 3"),
        ("- ann@example.org", "'default' and, with all"),
        ("people: [ann@example.org]", "from addresses to roles"),
        ("nobody: guest", "'default' and, with all"),
        ("people: {", "no valid YAML: look at line 1"),
        (None, "cannot be read"),
    ],
)
def test_a_table_that_is_none_is_told(tmp_path: Path, text: str | None, words: str) -> None:
    if text is not None:
        (tmp_path / "roles.yaml").write_text(text)
    with pytest.raises(ValueError, match=words):
        read_roles(tmp_path / "roles.yaml")


@pytest.mark.parametrize(
    "text",
    [
        "people: {ann@example.com: owner}\nadmins: [ann@example.com]\n",
        "people: [ann@example.com]\n",
        "- ann@example.com\n",
        "people:\n  ann@example.com: owner\n ben@example.com: owner\n",
        "ann@example.com: owner\nben@example.com: guest\n",
        "people: {owner: ann@example.com}\n",
        "default: ann@example.com\n",
        "people:\n  a: *ann@example.com\n",
        "people:\n  a: &ann@example.com x\n",
        "people:\n  !ann@example.com a: owner\n",
    ],
)
def test_what_is_wrong_with_the_table_is_told_without_anybodys_address(tmp_path: Path, text: str):
    (tmp_path / "roles.yaml").write_text(text)
    with pytest.raises(ValueError, match=r"roles\.yaml") as told:
        read_roles(tmp_path / "roles.yaml")
    assert "@" not in str(told.value)
    assert "unicode" not in str(told.value)


def test_without_sign_in_everybody_is_an_owner() -> None:
    assert access.visitor() == access.Visitor("", Role.OWNER)


def test_a_server_with_sign_in_and_no_roles_does_not_start(
    roles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    access.check_roles()
    roles.write_text("people: 3")
    with pytest.raises(SystemExit, match="from addresses to roles"):
        access.check_roles()
    monkeypatch.delenv("STUDIO_ROLES")
    with pytest.raises(SystemExit, match="nobody has a role"):
        access.check_roles()


def cookies_of(email: str, secret: str = SECRET) -> dict[str, str]:
    """What Streamlit gives a browser after sign-in."""
    about = json.dumps({"is_logged_in": True, "email": email, "origin": "http://testserver"})
    return {"_streamlit_user": create_signed_value(secret, "_streamlit_user", about).decode()}


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(text)


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sessions that were ended."""
    sessions: list[str] = []
    server = SimpleNamespace(close_session=sessions.append)
    monkeypatch.setattr(access, "runtime", SimpleNamespace(get_instance=lambda: server))
    monkeypatch.setattr(access, "_sessions", access._Sessions())
    return sessions


@pytest.fixture
def studio(roles: Path, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    monkeypatch.setattr(
        "streamlit.web.server.starlette.starlette_websocket.get_cookie_secret", lambda: SECRET
    )
    routes = [
        WebSocketRoute("/stream", echo),
        Route("/{path:path}", lambda _: PlainTextResponse("here"), methods=["GET", "PUT", "DELETE"]),
    ]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(access.RoleGuard)]))


@pytest.mark.parametrize(
    ("method", "path", "needed"),
    [
        ("GET", "/library/thumb/00", Role.LABELLER),
        ("GET", "/library/original/00", Role.LABELLER),
        ("GET", "/media/00.png", Role.GUEST),
        ("PUT", "/_stcore/upload_file/a/b", Role.GUEST),
        ("DELETE", "/_stcore/upload_file/a/b", Role.GUEST),
        ("GET", "/_stcore/health", Role.NONE),
        ("GET", "/api/images/00", Role.NONE),  # its token is asked for instead
        ("GET", "/metrics", Role.NONE),  # the same, except from this machine
        ("GET", "/health", Role.NONE),
        ("GET", "/", Role.NONE),  # the frame of every page, the sign-in among them
    ],
)
def test_every_route_lets_in_whose_role_allows_it(
    studio: TestClient, roles: Path, method: str, path: str, needed: Role
) -> None:
    roles.write_text(
        "people:\n" + "".join(f"  {role.name.lower()}@x.org: {role.name.lower()}\n" for role in Role)
    )
    for role in Role:
        studio.cookies = cookies_of(f"{role.name.lower()}@x.org")
        assert (studio.request(method, path).status_code == 200) is (role >= needed), role
    studio.cookies = {}
    assert (studio.request(method, path).status_code == 200) is (needed is Role.NONE)


def test_a_line_says_nothing_more_once_the_role_that_it_was_opened_with_is_gone(
    studio: TestClient, roles: Path, ended: list[str]
) -> None:
    """A fragment's run and what a button calls do not pass the page's own check again."""
    access._sessions.note("one", access.Visitor("ann@example.org", Role.OWNER))
    access._sessions.note("other", access.Visitor("cy@lab.example.org", Role.LABELLER))
    studio.cookies = cookies_of("ann@example.org")
    with studio.websocket_connect("/stream") as first, studio.websocket_connect("/stream") as second:
        first.send_text("button")
        assert first.receive_text() == "button"
        roles.write_text(TABLE.replace("owner", "curator"))
        for line in (first, second):
            line.send_text("button")
            with pytest.raises(WebSocketDisconnect):
                line.receive_text()
    assert ended == ["one"]


def test_a_session_that_was_given_more_is_not_taken_up_again(
    studio: TestClient, roles: Path, ended: list[str]
) -> None:
    """Who closes the line before the role is gone could open it again, and press what was on the page."""
    access._sessions.note("one", access.Visitor("ann@example.org", Role.OWNER))
    access._sessions.note(
        "one", access.Visitor("ann@example.org", Role.GUEST)
    )  # drawn again, with buttons of before
    roles.write_text(TABLE.replace("owner", "curator"))
    studio.cookies = cookies_of("ann@example.org")
    with studio.websocket_connect("/stream") as line:
        assert ended == ["one"]
        line.send_text("here")
        assert line.receive_text() == "here"
        roles.write_text(TABLE.replace("owner", "owner  "))
        line.send_text("more")
        assert line.receive_text() == "more"
    assert ended == ["one"]


@pytest.mark.parametrize(
    "broken", ["people: {", "people:\n  ann@exam", "", "people: {ann@example.org: admin}", None]
)
def test_a_table_that_is_half_written_throws_nobody_out_and_owners_are_told(
    studio: TestClient, roles: Path, ended: list[str], broken: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(access.st, "error", lambda text, **_how: said.append(text))
    access.check_roles()
    studio.cookies = cookies_of("ann@example.org")
    with studio.websocket_connect("/stream") as line:
        roles.unlink() if broken is None else roles.write_text(broken)
        line.send_text("button")
        assert line.receive_text() == "button"
        assert role_of("ann@example.org") is Role.OWNER
        assert role_of("gone@example.org") is Role.NONE
        access.show_trouble(access.Visitor("cy@lab.example.org", Role.CURATOR))
        assert said == []
        access.show_trouble(access.Visitor("ann@example.org", Role.OWNER))
        assert len(said) == 1
        assert "STUDIO_ROLES" in said[0]
        roles.write_text(TABLE)
        line.send_text("button")
        assert line.receive_text() == "button"
    access.show_trouble(access.Visitor("ann@example.org", Role.OWNER))
    assert (len(said), ended) == (1, [])


def test_nobody_has_a_role_by_a_table_that_was_never_valid(roles: Path) -> None:
    roles.write_text("people: {")
    assert role_of("ann@example.org") is Role.NONE


def test_a_cookie_that_the_server_did_not_sign_is_none(studio: TestClient) -> None:
    studio.cookies = cookies_of("ann@example.org")
    assert studio.get("/library/thumb/00").status_code == 200
    studio.cookies = cookies_of("ann@example.org", secret="f" * 32)
    assert studio.get("/library/thumb/00").status_code == 403
    studio.cookies = {"_streamlit_user": "not signed"}
    assert studio.get("/library/thumb/00").status_code == 403


def test_sign_in_is_what_streamlit_s_secrets_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not access.has_sign_in()
    monkeypatch.setattr(secrets_singleton, "_secrets", {"auth": {"client_id": "studio"}})
    assert access.has_sign_in()
