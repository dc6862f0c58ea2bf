"""Sign-in with a real OIDC provider: every page as every role, and out again."""

from __future__ import annotations

import json
import os
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from dashboard.roles import Role
from dashboard.shared.resources import examples
from dashboard.views.draw.kept import write_link
from dashboard.views.draw.state import DrawSession
from tests.conftest import ROOT
from tests.e2e.conftest import serve

PAGES = {
    "draw": Role.GUEST, "compare": Role.GUEST, "review": Role.LABELLER, "overview": Role.LABELLER,
    "collect": Role.CURATOR, "rules": Role.CURATOR, "export": Role.CURATOR, "train": Role.OWNER, "models": Role.OWNER,
    "audit": Role.OWNER, "yourself": Role.OWNER,
}  # fmt: skip
TITLES = {name: name.capitalize() for name in PAGES} | {"yourself": "Draw yourself"}
PEOPLE = {role: f"{role.name.lower()}@example.org" for role in Role}
SECRETS = """
[auth]
redirect_uri = "{url}/oauth2callback"
cookie_secret = "0123456789abcdef0123456789abcdef"
client_id = "studio"
client_secret = "of the tests"
server_metadata_url = "ISSUER/.well-known/openid-configuration"
"""


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """A provider that knows somebody of each role."""
    oidc_provider_mock = pytest.importorskip("oidc_provider_mock")
    with oidc_provider_mock.run_server_in_thread() as server:
        address = f"http://localhost:{server.server_port}"
        for who in PEOPLE.values():
            request = urllib.request.Request(
                f"{address}/users/{urllib.parse.quote(who)}", method="PUT",
                data=json.dumps({"email": who, "email_verified": True}).encode(),
                headers={"Content-Type": "application/json"},
            )  # fmt: skip
            urllib.request.urlopen(request).close()
        yield address


@pytest.fixture(scope="module")
def studio(browser: Browser, issuer: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("signed_in")
    roles = folder / "roles.yaml"
    roles.write_text("people:\n" + "".join(f"  {who}: {role.name.lower()}\n" for role, who in PEOPLE.items()))
    (folder / "weights").mkdir()  # no networks: pages say so at once instead of loading them
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STUDIO_ROLES", str(roles))
        patch.setenv("STUDIO_DATA", str(folder / "data"))
        patch.setenv("STUDIO_WEIGHTS", str(folder / "weights"))
        app, log = ROOT / "dashboard" / "app.py", folder / "log.txt"
        with serve(app, log, secrets=SECRETS.replace("ISSUER", issuer)) as url:
            yield url


def sign_in(page: Page, url: str, who: str) -> None:
    page.goto(url)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_placeholder("sub").fill(who)
    page.get_by_role("button", name="Authorize").click()
    page.wait_for_url(f"{url.partition('/#')[0]}/**")


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with closing(browser.new_context()) as context:
        context.set_default_timeout(60_000)
        yield context.new_page()


def links(page: Page) -> list[str]:
    return [text.strip() for text in page.get_by_test_id("stTopNavLink").all_inner_texts()]


@pytest.mark.parametrize("role", [role for role in Role if role > Role.NONE])
def test_every_page_opens_to_whose_role_allows_it_and_refuses_others(
    studio: str, page: Page, role: Role
) -> None:
    sign_in(page, studio, PEOPLE[role])
    expect(page.get_by_test_id("stTopNavLink").first).to_be_visible()
    allowed = [name for name, needed in PAGES.items() if role >= needed]
    assert sorted(links(page)) == sorted([*map(TITLES.__getitem__, allowed), "Sign out"]), role
    for name, needed in PAGES.items():
        if name in allowed:
            continue
        page.goto(f"{studio}/{name}")
        expect(page.get_by_text(f"This page is for {needed.name.lower()}s.")).to_be_visible()


def test_a_button_of_a_page_that_is_open_does_nothing_once_the_role_is_gone(studio: str, page: Page) -> None:
    roles = Path(os.environ["STUDIO_ROLES"])
    audit = Path(os.environ["STUDIO_DATA"]) / "audit.jsonl"
    table = roles.read_text()
    sign_in(page, studio, PEOPLE[Role.CURATOR])
    page.goto(f"{studio}/rules")
    apply = page.get_by_role("button", name="Apply", exact=True)
    page.locator('[class*="st-key-rule_on_"] label').nth(
        1
    ).click()  # in the page's fragment, as the button is
    expect(apply).to_be_enabled()
    apply.click()
    expect(page.get_by_text("The rules are in force.")).to_be_visible()
    page.locator('[class*="st-key-rule_on_"] label').nth(2).click()
    expect(apply).to_be_enabled()
    before = audit.read_text()
    assert "apply rules" in before
    try:
        roles.write_text(table.replace(": curator", ": labeller"))
        apply.click()
        expect(page.get_by_text("This page is for curators.")).to_be_visible()
        expect(apply).to_have_count(0)
        assert audit.read_text() == before
    finally:
        roles.write_text(table)


def test_a_link_to_a_drawing_survives_the_sign_in(studio: str, page: Page) -> None:
    link = write_link(DrawSession(drawing=examples()[0].drawing))
    sign_in(page, f"{studio}/#drawing={link}", PEOPLE[Role.GUEST])
    # Not by its name: until the canvas's own toolbar is hidden it has a button of the same.
    expect(page.locator("[data-do=undo]")).to_be_enabled()
    expect(page.get_by_role("button", name="Copy link")).to_be_visible()


def test_who_has_no_role_is_told_so_and_may_leave(studio: str, page: Page) -> None:
    sign_in(page, studio, PEOPLE[Role.NONE])
    expect(page.get_by_text("Ask an owner for a role.")).to_be_visible()
    assert links(page) == []
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="End session").click()  # the provider's own question
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_who_has_not_signed_in_sees_no_page_and_no_picture(studio: str, page: Page) -> None:
    for name in PAGES:
        page.goto(f"{studio}/{name}")
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert links(page) == []
    for path in (f"library/thumb/{'0' * 64}", "media/0.png"):
        answer = page.request.get(f"{studio}/{path}")
        assert answer.status == 403


def test_every_page_is_tried() -> None:
    assert PAGES.keys() == {path.parent.name for path in (ROOT / "dashboard/views").glob("*/page.py")}
