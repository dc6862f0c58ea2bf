"""Own routes lie below the server's base path."""

import pytest
import streamlit as st
from starlette.applications import Starlette
from starlette.testclient import TestClient

from dashboard import api
from dashboard.shared import links
from dashboard.shared.links import address
from dashboard.views.review import routes


@pytest.mark.parametrize(
    ("base", "wanted"),
    [("", "/library/thumb"), ("studio", "/studio/library/thumb"), ("/a/b/", "/a/b/library/thumb")],
)
def test_an_address_begins_with_the_base_path(monkeypatch: pytest.MonkeyPatch, base: str, wanted: str):
    monkeypatch.setattr(st, "get_option", lambda name: base)
    assert address("library/thumb") == wanted
    assert address("/library/thumb/") == wanted


def test_every_own_route_follows_the_base_path(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(st, "get_option", lambda name: "/studio")
    paths = [route.path for route in (*api.routes(), *routes.routes(), *links.routes())]
    assert paths
    assert all(path.startswith("/studio/") for path in paths)


@pytest.mark.parametrize(("base", "root"), [("", "/"), ("/studio", "/studio/")])
def test_the_address_of_draw_leads_to_the_root(monkeypatch: pytest.MonkeyPatch, base: str, root: str):
    monkeypatch.setattr(st, "get_option", lambda name: base)
    client = TestClient(Starlette(routes=links.routes()), follow_redirects=False)
    for query in ("", "?embed=true"):
        answer = client.get(f"{base}/draw{query}")
        assert (answer.status_code, answer.headers["location"]) == (307, f"{root}{query}")
