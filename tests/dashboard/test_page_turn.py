"""One run of the Draw page works at a time, and none is held up by another that waits."""

import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest
from streamlit import config
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner

from dashboard.shared import networks
from dashboard.shared.page_turn import PAGE_TURN, PageTurn
from dashboard.views.draw import page as draw
from tests.dashboard.fake_page import FakePipeline, Page, drawn

PATIENCE_S = 30


def works(turn: PageTurn, work: Callable[[], None]) -> threading.Thread:
    def run() -> None:
        with turn.held():
            work()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def test_a_second_page_waits_until_the_first_is_done_or_lays_its_turn_aside():
    turn, done = PageTurn(), threading.Event()
    with turn.held():
        other = works(turn, done.set)
        assert not done.wait(0.2)
        with turn.aside():
            assert done.wait(PATIENCE_S)
    other.join(PATIENCE_S)
    works(turn, lambda: None).join(PATIENCE_S)  # nobody holds it any more


def test_what_ends_a_run_while_its_turn_is_aside_leaves_the_turn_to_others():
    turn = PageTurn()
    with pytest.raises(RuntimeError), turn.held(), turn.aside():
        raise RuntimeError
    done = threading.Event()
    works(turn, done.set)
    assert done.wait(PATIENCE_S)


def test_who_has_no_turn_lays_none_aside():
    turn = PageTurn()
    with turn.aside(), turn.held():
        pass


def test_the_page_has_the_turn_while_it_is_shown_and_not_while_networks_work(
    open_page: Callable[[], Page], pipeline: FakePipeline, monkeypatch: pytest.MonkeyPatch
):
    held: dict[str, bool] = {}
    toolbar = draw.show_toolbar

    def show_toolbar(*arguments: Any) -> None:
        held["shown"] = PAGE_TURN._lock.locked()
        toolbar(*arguments)

    class Networks(FakePipeline):
        def __call__(self, *arguments: Any, **how: Any) -> Any:
            held["works"] = PAGE_TURN._lock.locked()
            return super().__call__(*arguments, **how)

    monkeypatch.setattr(draw, "show_toolbar", show_toolbar)
    monkeypatch.setattr(networks, "pipeline", Networks)
    page = open_page()
    page.draw(drawn())
    assert not page.app.exception
    assert held == {"shown": True, "works": False}
    assert not PAGE_TURN._lock.locked()


@contextmanager
def full_collections() -> Iterator[list[int]]:
    """The full collections within the block, without those that Python does by itself."""
    full: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "start" and info["generation"] == 2:
            full.append(1)

    gc.disable()
    gc.callbacks.append(note)
    try:
        yield full
    finally:
        gc.callbacks.remove(note)
        gc.enable()


def test_no_run_of_a_page_collects_all_garbage(open_page: Callable[[], Page]):
    """It walks through everybody's strokes, with all other threads standing still."""
    page = open_page()
    with full_collections() as full:
        page.draw(drawn())
    assert not full


@pytest.mark.parametrize("is_on", [False, True])
def test_the_server_collects_nothing_after_a_run_as_its_settings_say(
    is_on: bool, monkeypatch: pytest.MonkeyPatch
):
    """Pages under test are run by a runner without that step, so the server's own is called here."""
    if is_on:  # as Streamlit has it by default: that it is seen here
        with_default = config.get_option
        monkeypatch.setattr(
            config, "get_option", lambda name: name == "runner.postScriptGC" or with_default(name)
        )
    with full_collections() as full:
        ScriptRunner._on_script_finished(
            MagicMock(), SimpleNamespace(has_script_started=False), MagicMock(), True, MagicMock()
        )
    assert bool(full) is is_on
