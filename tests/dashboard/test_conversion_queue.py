"""Whose turn it is: round robin over visitors, and a face that a newer stroke has replaced is never made."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests

from core.conversion.settings import ConversionSettings
from dashboard import access
from dashboard.roles import Role
from dashboard.shared import conversion_queue, networks
from dashboard.shared.conversion_queue import ConversionQueue, Superseded
from tests.dashboard.fake_page import FakePipeline, drawn

PATIENCE_S = 30


class Visitor(threading.Thread):
    """Someone who waits for a turn and writes down that it came."""

    def __init__(
        self, queue: ConversionQueue, name: str, served: list[str], person: str | None = None
    ) -> None:
        super().__init__(daemon=True)
        self.queue, self.visitor, self.served, self.person = queue, name, served, person
        self.is_given_up = False
        self.start()

    def run(self) -> None:
        try:
            with self.queue.turn(self.visitor, person=self.person):
                self.served.append(self.visitor)
        except Superseded:
            self.is_given_up = True


@contextmanager
def busy(queue: ConversionQueue, visitor: str = "busy") -> Iterator[list[str]]:
    """A turn that lasts as long as the block, and who is served afterwards."""
    served: list[str] = []
    with queue.turn(visitor):
        yield served


def wait_for(queue: ConversionQueue, count: int) -> None:
    with queue._changed:
        assert queue._changed.wait_for(lambda: len(queue._waiting) == count, PATIENCE_S)


def join(*visitors: Visitor) -> None:
    for visitor in visitors:
        visitor.join(PATIENCE_S)
        assert not visitor.is_alive()


def test_who_was_served_longest_ago_comes_next():
    queue = ConversionQueue()
    for name in "abc":
        with queue.turn(name):
            pass
    with busy(queue) as served:
        waiting = []
        for count, name in enumerate(("c", "b", "new", "a"), 1):
            waiting.append(Visitor(queue, name, served))
            wait_for(queue, count)
    join(*waiting)
    assert served == ["new", "a", "b", "c"]


def test_who_has_many_pages_open_shares_one_person_s_turns_among_them():
    queue = ConversionQueue()
    with busy(queue) as served:
        waiting = []
        for name in ("tab 1", "tab 2", "tab 3", "ben", "cy"):
            waiting.append(Visitor(queue, name, served, "ann" if name.startswith("tab") else None))
            wait_for(queue, len(waiting))
    join(*waiting)
    assert served == ["tab 1", "ben", "cy", "tab 2", "tab 3"]  # and no page's drawing is lost


def test_a_conversion_takes_the_turn_of_who_has_signed_in(monkeypatch: pytest.MonkeyPatch):
    asked: list[tuple[object, object]] = []

    class Queue(ConversionQueue):
        @contextmanager
        def turn(self, visitor, *, person=None, **_how):
            asked.append((visitor, person))
            yield

    context = SimpleNamespace(session_id="page", script_requests=None)
    monkeypatch.setattr(networks, "get_script_run_ctx", lambda **_: context)
    monkeypatch.setattr(networks, "_queue", Queue)
    for name in ("ann@example.org", ""):
        monkeypatch.setattr(networks.access, "visitor", lambda name=name: access.Visitor(name, Role.GUEST))
        with networks._turn():
            pass
    assert asked == [("page", "ann@example.org"), ("page", None)]


def test_the_newest_request_of_a_visitor_replaces_the_one_before_it():
    queue = ConversionQueue()
    with busy(queue) as served:
        first = Visitor(queue, "a", served)
        wait_for(queue, 1)
        second = Visitor(queue, "a", served)
        first.join(PATIENCE_S)
        assert first.is_given_up
    join(second)
    assert served == ["a"]


def test_who_waits_is_told_how_many_come_before(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(conversion_queue, "SAY_AFTER_S", 0.05)
    queue, told = ConversionQueue(), []

    def on_wait(before: int) -> None:
        told.append(before)
        if before == 2:
            first_may_go.set()
        else:
            raise Superseded  # as a page does that leaves

    first_may_go = threading.Event()
    with queue.turn("first"):
        second = Visitor(queue, "second", [])
        wait_for(queue, 1)
        third = threading.Thread(target=lambda: _give_up(queue, on_wait), daemon=True)
        third.start()
        assert first_may_go.wait(PATIENCE_S)
        with queue._changed:  # the second leaves, and the third moves up
            del queue._waiting["second"]
        third.join(PATIENCE_S)
        assert not third.is_alive()
        assert not queue._waiting
    join(second)
    assert told == [2, 1]


def _give_up(queue: ConversionQueue, on_wait) -> None:
    with pytest.raises(Superseded), queue.turn("third", on_wait=on_wait):
        pass


def test_a_turn_that_fails_is_over():
    queue = ConversionQueue()
    with pytest.raises(ZeroDivisionError), queue.turn("a"):
        raise ZeroDivisionError
    with queue.turn("b"):
        pass
    assert queue._running is None


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> ScriptRequests:
    """What the browser has asked of this visitor's running page, in Streamlit's own hands."""
    asked = ScriptRequests()
    context = SimpleNamespace(script_requests=asked, session_id="visitor")
    monkeypatch.setattr(networks, "get_script_run_ctx", lambda **_: context)
    return asked


def test_without_anything_newer_the_face_is_made(pipeline: FakePipeline, requests: ScriptRequests):
    assert networks.generate(drawn().sketch, ConversionSettings()).photo is not None


def test_a_stroke_that_came_while_waiting_gives_the_turn_up(pipeline: FakePipeline, requests: ScriptRequests):
    with networks._queue().turn("somebody else"):
        threading.Timer(0.05, requests.request_rerun, [RerunData(fragment_id="studio")]).start()
        with pytest.raises(Superseded):
            networks.generate(drawn().sketch, ConversionSettings())
    assert not pipeline.calls
    with networks._queue().turn("visitor"):
        pass


def test_a_stroke_that_came_before_the_turn_is_free_leaves_the_networks_alone(
    pipeline: FakePipeline, requests: ScriptRequests
):
    requests.request_rerun(RerunData(fragment_id="studio"))
    with pytest.raises(Superseded):
        networks.generate(drawn().sketch, ConversionSettings())
    assert not pipeline.calls
