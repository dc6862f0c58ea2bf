"""Decide who may do what: sign-in by Streamlit's OIDC, and four roles from one table.

Sign-in is configured as Streamlit describes it (``[auth]`` in ``.streamlit/secrets.toml``), the roles as
`dashboard.roles` does.
Without sign-in every visitor is an owner: the server is reached from its own machine alone, or its operator has said
that others may come (`dashboard.hosts.refuse_if_open`).
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial

import streamlit as st
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import runtime
from streamlit.navigation.page import StreamlitPage
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.secrets import secrets_singleton

from core.config import settings
from dashboard.roles import ROLE_TITLES, Role, RoleTable
from dashboard.shared.links import address
from dashboard.shared.plain_text import as_text
from dashboard.shared.texts import _, translate_sentence

ROUTES: dict[str, Role] = {  # by the beginning of their path; /api and /metrics ask for a token instead
    "library": Role.LABELLER,
    "records": Role.OWNER,
    "media": Role.GUEST,
    "_stcore/upload_file": Role.GUEST,
}


# A link to a drawing is not known any more after the sign-in; Draw takes it up from here (views/draw/kept.js).
KEEP_LINK = """<script>
  const link = location.hash || "#drawing=" + (new URLSearchParams(location.search).get("drawing") ?? "");
  if (link.length > "#drawing=".length) sessionStorage.setItem("studio.link", link);
</script>"""


@dataclass(frozen=True)
class Visitor:
    """Somebody who has opened a page."""

    name: str  # the address that they signed in with; empty without sign-in
    role: Role

    def may(self, role: Role) -> bool:
        """Tell whether they have a role, or one above it."""
        return self.role >= role


def has_sign_in() -> bool:
    """Tell whether Streamlit's sign-in is configured."""
    return bool(secrets_singleton.load_if_toml_exists() and "auth" in secrets_singleton)


def visitor() -> Visitor:
    """Tell who has opened the page that runs now."""
    if not has_sign_in():
        return Visitor("", Role.OWNER)
    return _visitor_of({name: st.user.get(name) for name in ("is_logged_in", "email", "email_verified")})


def may(role: Role) -> bool:
    """Tell whether who has opened the page that runs now has a role, or one above it."""
    return visitor().may(role)


_roles = RoleTable()


def show_trouble(who: Visitor) -> None:
    """Tell owners what is wrong with the table of roles."""
    if who.may(Role.OWNER) and _roles.trouble:
        trouble = as_text(translate_sentence(_roles.trouble))
        st.error(
            _("{trouble} The roles of before stay in force until the file is mended.", trouble=trouble),
            icon=":material/key_off:",
        )


def check_roles() -> None:
    """Refuse to start with a sign-in that leads nowhere.

    Raises
    ------
    SystemExit
        If sign-in is configured and there is no table of roles that can be read.
    """
    if not has_sign_in():
        return
    path = settings().roles
    if path is None:
        raise SystemExit(
            "Sign-in is configured, but nobody has a role. Name a table of roles in STUDIO_ROLES; "
            "dashboard/README.md shows one."
        )
    _roles.read(path)
    if _roles.trouble:
        raise SystemExit(_roles.trouble)


class _Sessions:
    """The role for which each session has drawn its pages; it never falls within a session.

    A run of a fragment, and what a button calls, do not pass the page's own check again, so a session that was given
    more than its visitor may have now is ended before it hears anything else.
    """

    MOST = 10_000  # the latest; Streamlit keeps a session whose line was cut for two minutes

    def __init__(self) -> None:
        self._given: OrderedDict[str, Visitor] = OrderedDict()
        self._lock = threading.Lock()

    def note(self, session: str, who: Visitor) -> None:
        """Note for whom a session draws its pages."""
        with self._lock:
            role = max(who.role, self._given.get(session, who).role)
            self._given[session] = Visitor(who.name, role)
            self._given.move_to_end(session)
            while len(self._given) > self.MOST:
                self._given.popitem(last=False)

    def end_those_above(self, who: Visitor) -> None:
        """End a visitor's sessions that were given more than they may have now; on the event loop's thread."""
        with self._lock:
            ended = [
                session
                for session, given in self._given.items()
                if given.name == who.name and not who.may(given.role)
            ]
            for session in ended:
                del self._given[session]
        for session in ended:
            runtime.get_instance().close_session(session)


_sessions = _Sessions()


def note_session(who: Visitor) -> None:
    """Note that the pages of this session are drawn for a visitor's role, as `RoleGuard` has to know."""
    context = get_script_run_ctx()
    if context is not None and who.name:
        _sessions.note(context.session_id, who)


class RoleGuard:
    """Refuse own routes and uploads to those whose role does not allow them, and end what a lost role has opened."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and has_sign_in():
            await self._watch(scope, receive, send)
            return
        if scope["type"] == "http" and has_sign_in():
            path = str(scope["path"])
            needed = max(
                (role for start, role in ROUTES.items() if path.startswith(address(start) + "/")),
                default=Role.NONE,
            )
            if needed and not _visitor_of(_signed_in(HTTPConnection(scope))).may(needed):
                await PlainTextResponse(
                    _("Sign in first, or ask an owner for a role that may see this."), 403
                )(scope, receive, send)
                return
        await self.app(scope, receive, send)

    async def _watch(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Close a page's line before it says anything else when its visitor's role was taken away meanwhile.

        The browser comes back by itself, with a new session, and is told by the page what it is for.
        """
        user = _signed_in(HTTPConnection(scope))
        given = _visitor_of(user)

        async def receive_if_allowed() -> Message:
            nonlocal given
            message = await receive()
            now = _visitor_of(user)
            _sessions.end_those_above(Visitor(given.name, now.role))
            if now.may(given.role):
                given = now
                return message
            await send({"type": "websocket.close", "code": 1008, "reason": "The visitor's role has changed"})
            return {"type": "websocket.disconnect", "code": 1008}

        await self.app(scope, receive_if_allowed, send)


def name_of(scope: Scope) -> str:
    """Tell who sends a request or opens a websocket; empty where nobody has signed in."""
    return _visitor_of(_signed_in(HTTPConnection(scope))).name if has_sign_in() else ""


def show_sign_in(who: Visitor) -> None:
    """Offer to sign in; to those who have, and have no role, say whom to ask."""
    st.html(KEEP_LINK, unsafe_allow_javascript=True)
    with st.container(horizontal_alignment="center", key="sign_in"):
        st.markdown("#### Sketch2Face Studio")
        if st.user.get("is_logged_in"):
            said = (
                _(
                    "You are signed in as `{name}`, which has no role here. Ask an owner for a role.",
                    name=who.name,
                )
                if who.name
                else _("You are signed in without an address that is confirmed. Ask an owner for a role.")
            )
            st.markdown(said)
            st.button(_("Sign out"), on_click=st.logout)
            return
        providers = [name for name, value in secrets_singleton["auth"].items() if isinstance(value, Mapping)]
        for name in providers:
            st.button(
                _("Sign in with {provider}", provider=name.capitalize()),
                type="primary",
                on_click=st.login,
                args=(name,),
            )
        if not providers:
            st.button(_("Sign in"), type="primary", on_click=st.login)


def page(
    show: Callable[[], None], title: str, needed: Role, *, path: str = "", default: bool = False
) -> StreamlitPage:
    """Make a page that those see whose role allows it; others are refused when they address it.

    Parameters
    ----------
    title
        In English; in lower case it is the page's address, unless ``path`` is.
    """
    is_allowed = may(needed)
    return st.Page(
        show if is_allowed else partial(refuse_page, needed), title=_(title), url_path=path or title.lower(),
        default=default, visibility="visible" if is_allowed else "hidden",
    )  # fmt: skip


def refuse_page(needed: Role) -> None:
    """Say in place of a page that the role does not allow it."""
    st.info(
        _("This page is for {roles}. You are signed in as `{name}`; ask an owner for the role.",
          roles=_(ROLE_TITLES[needed]), name=visitor().name),
        icon=":material/lock:",
    )  # fmt: skip


def _visitor_of(user: Mapping[str, object]) -> Visitor:
    name = str(user.get("email") or "").lower()
    if not user.get("is_logged_in") or not name or user.get("email_verified") is False:
        return Visitor("", Role.NONE)
    path = settings().roles
    if path is None:
        return Visitor(name, Role.NONE)
    default, people = _roles.read(path)
    return Visitor(name, next((role for pattern, role in people if fnmatchcase(name, pattern)), default))


def _signed_in(connection: HTTPConnection) -> Mapping[str, object]:
    """Read who has signed in from the cookie that Streamlit has signed."""
    from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME
    from streamlit.web.server.starlette.starlette_websocket import _get_signed_cookie_with_chunks

    try:
        return dict(json.loads(_get_signed_cookie_with_chunks(connection.cookies, USER_COOKIE_NAME) or b"{}"))
    except (TypeError, ValueError):
        return {}
