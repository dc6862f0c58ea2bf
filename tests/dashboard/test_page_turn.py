"""One run of the Draw page works at a time, and none is held up by another that waits."""

import gc
import threading
from collections.abc import Callable
from typing import Any

import pytest

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


def test_no_run_of_a_page_collects_all_garbage(open_page: Callable[[], Page]):
    """It walks through everybody's strokes, with all other threads standing still."""
    full: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "start" and info["generation"] == 2:
            full.append(1)

    page = open_page()
    gc.disable()  # of what Python does by itself
    gc.callbacks.append(note)
    try:
        page.draw(drawn())
    finally:
        gc.callbacks.remove(note)
        gc.enable()
    assert not full
