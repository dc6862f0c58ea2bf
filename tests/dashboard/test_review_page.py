"""The Review page's states: nothing there, nothing that matches, a page of faces, the queue, what was learned."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from curation.library.library import Library
from curation.library.records import LibraryError
from dashboard.shared import shared_library
from dashboard.views.review import learning
from dashboard.views.review.filters import View
from dashboard.views.review.grid import tiles_of
from dashboard.views.review.learning import FIRST_AT, Learner, rows_to_learn_from
from dashboard.views.review.people import waiting_images
from dashboard.views.review.state import ReviewSession
from tests.dashboard.review_library import fill_library

COUNT = 90


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("painted")
    fill_library(folder, COUNT)
    return folder


@pytest.fixture
def library(painted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The library that the page opens."""
    shutil.copytree(painted, tmp_path / "library")
    with use_library(tmp_path, monkeypatch) as opened:
        yield opened


def use_library(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    monkeypatch.setenv("STUDIO_DATA", str(folder))
    shared_library._open.cache_clear()
    return shared_library.shared_library()


def page() -> None:
    from dashboard.views.review.page import show_page

    show_page()


@pytest.fixture
def open_page() -> Callable[..., AppTest]:
    def open_one(**query: str) -> AppTest:
        app = AppTest.from_function(page, default_timeout=60)
        for name, value in query.items():
            app.query_params[name] = value
        app.run()
        assert not app.exception, app.exception
        return app

    return open_one


def session_of(app: AppTest) -> ReviewSession:
    return app.session_state["review_session"]


def texts(app: AppTest) -> str:
    return " ".join(element.value for element in app.get("html"))


def test_an_empty_library_leads_to_collecting(
    open_page: Callable[..., AppTest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with use_library(tmp_path, monkeypatch):
        app = open_page()
    assert "Nothing to review yet" in texts(app)
    assert [link.proto.label for link in app.get("page_link")] == ["Collect pictures"]


def test_a_library_that_cannot_be_opened_is_one_sentence(
    open_page: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
):
    def broken():
        raise LibraryError("The database is locked by another process. Close it and reload.")

    monkeypatch.setattr("dashboard.shared.shared_library.shared_library", broken)
    app = open_page()
    assert [error.value for error in app.error] == [
        "The database is locked by another process. Close it and reload."
    ]


def test_all_faces_are_shown_in_the_order_in_which_they_came(
    open_page: Callable[..., AppTest], library: Library
):
    session = session_of(open_page())
    assert session.ids == list(library.table().index)
    assert len(session.page_ids()) == 60


def test_the_address_is_taken_and_written_back(open_page: Callable[..., AppTest], library: Library):
    app = open_page(verdict="reject", sort="yaw", desc="1", who="Ann", nonsense="1")
    table = library.table()
    assert set(session_of(app).ids) == set(table.index[table["verdict"] == "reject"])
    written = {name: str(value).strip("[]'") for name, value in app.query_params.items()}
    assert written == {"verdict": "reject", "sort": "yaw", "desc": "1", "who": "Ann"}


def test_coming_back_without_an_address_keeps_the_view_and_shows_what_is_new(
    open_page: Callable[..., AppTest], library: Library
):
    app = open_page(decision="none", who="Ann")
    library.decide(list(library.table().index[:3]), "keep", reviewer="Bob")
    app.query_params.clear()
    app.run()
    assert len(session_of(app).ids) == COUNT - 3
    assert "decision" in app.query_params


def test_a_page_beyond_the_last_is_the_last(open_page: Callable[..., AppTest], library: Library):
    session = session_of(open_page(page="99"))
    assert session.view.page == 1
    assert len(session.page_ids()) == COUNT - 60


def test_a_filter_widget_changes_what_is_shown(open_page: Callable[..., AppTest], library: Library):
    library.decide(list(library.table().index[:3]), "reject", reviewer="Ann")
    app = open_page()
    n = session_of(app).widgets
    app.multiselect(key=f"review_source_{n}").select("folder:a").run()
    assert len(session_of(app).ids) == COUNT / 2
    next(button for button in app.button if button.key == "review_clear").click().run()
    assert not app.exception
    assert len(session_of(app).ids) == COUNT


def test_the_queue_needs_a_name_and_then_gives_faces_of_ones_own(
    open_page: Callable[..., AppTest], library: Library
):
    assert session_of(open_page(queue="1")).page_ids() == []
    ann, bob = (session_of(open_page(queue="1", who=name)).page_ids() for name in ("Ann", "Bob"))
    assert (len(ann), len(bob)) == (60, COUNT - 60)
    assert not set(ann) & set(bob)


def test_the_queue_begins_with_what_teaches_most(library: Library):
    table = library.table()
    order = tuple(reversed(table.index[10:20]))
    waiting = waiting_images(ReviewSession(), table, order)
    assert tuple(waiting[:10]) == order
    assert len(waiting) == len(set(waiting)) == COUNT
    by_yaw = ReviewSession(view=View(sort="yaw"))
    assert waiting_images(by_yaw, table, order)[0] == table["yaw"].idxmin()


def test_a_tile_says_all_that_is_known(library: Library):
    ids = list(library.table().index)
    library.decide(ids[:1], "keep", reviewer="Ann", add_labels=["hat"])
    library.decide(ids[:1], "reject", reviewer="Bob")
    library.decide(ids[1:2], "keep", reviewer="Ann")
    library.delete_for_good(ids[2:3], who="Ann", why="asked for")
    first, second, third, copy = tiles_of(library, library.table(), [*ids[:3], ids[5]])
    assert first["disputed"] and first["said"] == "Ann: keep, Bob: reject"
    assert (first["d"], first["labels"], first["verdict"]) == ("", ["hat"], "reject")
    assert first["why"].startswith("turned")
    assert (second["d"], second["who"], second["disputed"]) == ("keep", ["Ann"], False)
    assert third["gone"] and not third["v"]
    assert copy["dup"] == 3


def test_learning_is_due_after_fifty_decisions_and_proposes_the_rest(library: Library):
    learner = Learner(library)
    table = library.table()
    ids = list(table.index)
    assert not learner.is_due(FIRST_AT - 1)
    for place, key in enumerate(ids[:66]):  # what the painted embeddings show
        library.decide([key], "keep" if place % 3 else "reject", reviewer="Ann")
    assert learner.is_due(66)
    learner.start(66).join(60)
    assert learner.state.accuracy > 0.9
    assert learner.state.baseline is not None
    assert not learner.is_due(67)
    assert learner.is_due(80)
    proposed = library.table()["proposal"]
    assert proposed[ids[66:]].notna().all()
    assert np.mean([proposed[key] > 0.5 for key in ids[67::3]]) > 0.9
    assert set(learner.state.order) == set(ids[66:])


def test_too_few_of_one_kind_is_said(library: Library):
    library.decide(list(library.table().index[:60]), "keep", reviewer="Ann")
    learner = Learner(library)
    learner.start(60).join(60)
    assert "0 rejected" in learner.state.sentence
    assert not learner.state.is_running


def test_of_many_faces_some_are_proposed_evenly(library: Library):
    library.decide(list(library.table().index[:5]), "keep", reviewer="Ann")
    rows = rows_to_learn_from(library.table(), most=10)
    assert len(rows) == 15
    assert rows.index[-1] == library.table().index[-1]
    assert learning.MOST_PROPOSED * 1280 * 8 < 150e6
