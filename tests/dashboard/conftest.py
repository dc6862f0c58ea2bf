"""Fixtures for the dashboard's tests."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.config import ROOT
from dashboard.shared import networks
from dashboard.views.draw import page as draw
from dashboard.views.draw.state import Drawing, DrawSession
from tests.dashboard.fake_page import FakePipeline, Page


@pytest.fixture(autouse=True)
def _typed_paths_may_lie_in_the_tests_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_ROOTS", str(tmp_path))


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePipeline]:
    fake = FakePipeline()

    def load() -> FakePipeline:
        if fake.error is not None:
            raise fake.error
        return fake

    monkeypatch.setattr(networks, "pipeline", load)
    networks.forget()
    yield fake
    networks.forget()


@pytest.fixture
def open_page(pipeline: FakePipeline, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Page]]:
    """Opens the page for a visitor; each call is a session of its own."""
    papers: dict[int, dict[str, Drawing]] = {}

    def fake_canvas(_session: DrawSession) -> Drawing:
        return papers[st.session_state["visitor"]]["drawing"]

    monkeypatch.setattr(draw, "show_canvas", fake_canvas)

    def open_one() -> Page:
        app = AppTest.from_file(str(ROOT / "dashboard" / "app.py"), default_timeout=60)
        visitor = len(papers)
        papers[visitor] = {"drawing": Drawing()}
        app.session_state["visitor"] = visitor
        app.run()
        return Page(app, pipeline, papers[visitor])

    yield open_one
