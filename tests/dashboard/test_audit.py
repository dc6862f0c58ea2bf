"""Who did what: one line for each action, that nothing changes and a full disk does not stop."""

from __future__ import annotations

import ast
import csv
import io
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from core.config import ROOT
from core.processes.lock import hold
from core.training.runs import RunError
from curation.library.library import Library
from dashboard import access
from dashboard.access import Visitor
from dashboard.roles import Role
from dashboard.shared import audit, texts
from dashboard.views.audit import disk
from dashboard.views.audit.page import ACTIONS, phrase
from tests.curation.library.samples import fill


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


def test_half_a_character_hides_neither_the_page_nor_the_csv(ann: Path) -> None:
    with Library.open(ann / "library", f"sqlite:///{ann}/library/library.sqlite"):
        audit.record("delete images", "0" * 64, "\ud800 asked for")
    assert audit.read()[0]["detail"] == "\\ud800 asked for"
    app = AppTest.from_function(show, default_timeout=60).run()
    assert not app.exception
    answer = TestClient(Starlette(routes=audit.routes())).get("/" + audit.CSV_PATH)
    assert "asked for" in answer.text


def test_what_cannot_be_written_does_not_undo_the_action(ann: Path, caplog: pytest.LogCaptureFixture) -> None:
    (ann / audit.AUDIT_FILE).mkdir()
    audit.record("add", "something")
    assert "cannot be written" in caplog.text


def show() -> None:
    from dashboard.views.audit.page import show_page

    show_page()


def test_the_csv_has_actions_and_decisions_in_their_order(ann: Path) -> None:
    with Library.open(ann / "library", f"sqlite:///{ann}/library/library.sqlite") as library:
        ids = fill(library, 3)
        library.decide(ids[:2], "keep", reviewer="Bo", add_labels=["smile", "hat"])
        library.undo(reviewer="Bo")
        library.decide(ids[2:], "reject", reviewer="Cy", settle=True)
    audit.record("train", "painter, 2", "=1+1")
    client = TestClient(Starlette(routes=audit.routes()))
    found = list(csv.DictReader(io.StringIO(client.get("/records/audit.csv").text)))
    assert sorted((row["who"], row["action"], row["what"], row["detail"]) for row in found) == sorted([
        *(("Bo", kind, image_id, "keep +hat +smile") for kind in ("decide", "undo") for image_id in ids[:2]),
        ("Cy", "decide", ids[2], "reject settles"),
        ("ann@example.org", "train", "painter, 2", "'=1+1"),  # a spreadsheet takes it for text
    ])  # fmt: skip
    assert [row["when"] for row in found] == sorted(row["when"] for row in found)
    some = client.get("/records/audit.csv?who=Bo&action=undo").text
    assert [row["what"] for row in csv.DictReader(io.StringIO(some))] == ids[:2]


def test_a_trainings_size_is_told_before_it_is_deleted_with_who_uses_it(ann: Path) -> None:
    for name in ("old", "older"):
        (ann / "runs" / name).mkdir(parents=True)
        (ann / "runs" / name / "losses.jsonl").write_bytes(b"x" * 2_000_000)
    (ann / "runs" / "older" / "config.yaml").write_text(f"start_from: {ann}/runs/old/model.safetensors")
    (ann / "library" / "originals" / "ab").mkdir(parents=True)
    (ann / "library" / "originals" / "ab" / "x").write_bytes(b"x" * 1_000_000)
    (ann / "comparisons" / ".cache").mkdir(parents=True)
    page = AppTest.from_function(show, default_timeout=60).run()
    assert {kind: size for kind, size in disk.disk_use(ann).items() if size > 1e5} == {
        "Originals": 1_000_000, "Trainings": 4_000_000 + len(f"start_from: {ann}/runs/old/model.safetensors"),
    }  # fmt: skip
    page.multiselect(key="disk_chosen").select("Training old").run()
    page.button(key="disk_delete").click().run()
    said = " ".join(block.value for block in page.markdown)
    assert "**Training old**, 2.0 MB — older began with it" in said
    assert (ann / "runs" / "old").exists()
    page.button(key="disk_confirm").click().run()
    assert [path.name for path in (ann / "runs").iterdir() if path.is_dir()] == ["older"]
    assert audit.read()[0]["what"] == "Training old"


def test_what_runs_is_not_offered_and_not_deleted(ann: Path) -> None:
    (ann / "runs" / "busy").mkdir(parents=True)
    (ann / "runs" / "busy" / "losses.jsonl").write_text("{}")
    (found,) = disk.removables(ann)
    with hold(ann / "runs" / "busy" / "lock", "held"):
        assert disk.removables(ann) == []
        with pytest.raises(RunError, match="is running"):
            found.remove()


def test_the_page_filters_and_says_so_where_there_is_nothing() -> None:
    page = AppTest.from_function(show, default_timeout=60).run()
    assert "Nothing was added" in page.info[0].value
    assert len(page.dataframe) == 0  # neither of actions nor of what takes room
    audit.record("train", "painter")
    audit.record("delete model", "old")
    page.run()
    assert page.dataframe[0].value["What"].tolist() == ["old", "painter"]
    page.multiselect[1].select("train").run()
    assert page.dataframe[0].value["What"].tolist() == ["painter"]
    assert not page.exception


def test_column_heads_and_actions_are_in_the_visitors_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "_preferred_language", lambda: "ko")
    audit.record("delete model", "old")
    audit.record("an action of a later version", "new")
    page = AppTest.from_function(show, default_timeout=60).run()
    table = page.dataframe[0].value
    assert not any(re.search("[A-Za-z]{2}", str(name).replace("UTC", "")) for name in table.columns)
    assert table["작업"].tolist() == ["an action of a later version", "모델 삭제"]
    assert set(page.multiselect[1].options) == {"an action of a later version", "모델 삭제"}


def test_every_action_that_is_recorded_has_a_title() -> None:
    said = {
        constant.value
        for path in (ROOT / "dashboard").rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "audit.record"
        for constant in call.args[:1]
        if isinstance(constant, ast.Constant)
    }
    assert len(said) > 10 and said <= set(ACTIONS)


@pytest.mark.parametrize(
    ("column", "text", "korean"),
    [
        ("what", "files: 48", "파일 48개"),
        ("what", "all that waits", "대기 중인 전체"),
        ("detail", "30 images, 0f3a", "이미지 30개, 0f3a"),
        ("detail", "loop.steps 400", "loop.steps 400"),
    ],
)
def test_what_pages_write_is_read_in_the_visitors_language(
    monkeypatch: pytest.MonkeyPatch, column: str, text: str, korean: str
) -> None:
    assert phrase(text, column) == text
    monkeypatch.setattr(texts, "_preferred_language", lambda: "ko")
    assert phrase(text, column) == korean
