"""Who did what: one line for each action, that nothing changes and a full disk does not stop."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import access
from dashboard.access import Role, Visitor
from dashboard.shared import audit


@pytest.fixture(autouse=True)
def ann(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ann, an owner, at a studio with an empty data folder."""
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path))
    monkeypatch.setattr(access, "visitor", lambda: Visitor("ann@example.org", Role.OWNER))
    return tmp_path


def test_an_action_is_kept_with_who_and_when_newest_first() -> None:
    audit.record("train", "painter", "/srv/pairs")
    audit.record("delete model", "모델")
    newest, oldest = audit.read()
    assert (newest["who"], newest["action"], newest["what"]) == ("ann@example.org", "delete model", "모델")
    assert (oldest["action"], oldest["detail"]) == ("train", "/srv/pairs")
    assert oldest["when"] <= newest["when"]


def test_lines_of_many_at_once_stay_whole() -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: audit.record("add", f"{number}" * 500), range(9)))
    assert Counter(entry["what"][0] for entry in audit.read()) == Counter("012345678")


def test_a_line_cut_short_by_a_kill_hides_no_other(ann: Path) -> None:
    audit.record("add", "first")
    with (ann / audit.AUDIT_FILE).open("a") as file:
        file.write('\n{"when": "2026')
    audit.record("add", "second")
    assert [entry["what"] for entry in audit.read()] == ["second", "first"]


def test_what_cannot_be_written_does_not_undo_the_action(ann: Path, caplog: pytest.LogCaptureFixture) -> None:
    (ann / audit.AUDIT_FILE).mkdir()
    audit.record("add", "something")
    assert "cannot be written" in caplog.text


def show() -> None:
    from dashboard.views.audit.page import show_page

    show_page()


def test_the_page_filters_and_says_so_where_there_is_nothing() -> None:
    page = AppTest.from_function(show).run()
    assert "Nothing was added" in page.info[0].value
    audit.record("train", "painter")
    audit.record("delete model", "old")
    page.run()
    assert page.dataframe[0].value["what"].tolist() == ["old", "painter"]
    page.multiselect[1].select("train").run()
    assert page.dataframe[0].value["what"].tolist() == ["painter"]
    assert not page.exception
