"""Whose turn it is: hosts keep their pace, and a slow one delays nobody else."""

import threading
import time

from hypothesis import given
from hypothesis import strategies as st

from curation.intake.pacing import HostQueue, RateLimiter


def drain(agenda: HostQueue[str]) -> list[str]:
    found = []
    while (visit := agenda.take()) is not None:
        found.append(visit.task)
        agenda.done()
    return found


@given(st.lists(st.tuples(st.sampled_from("abc"), st.text(max_size=3)), max_size=20))
def test_every_task_is_handed_out_once(tasks: list[tuple[str, str]]) -> None:
    assert sorted(drain(HostQueue(tasks, RateLimiter(0.0)))) == sorted(task for _, task in tasks)


def test_a_host_that_is_left_alone_waits_behind_the_others() -> None:
    pacer = RateLimiter(0.0)
    pacer.leave_alone("slow", 0.05)
    agenda = HostQueue([("slow", "1"), ("quick", "2"), ("slow", "3"), ("quick", "4")], pacer)
    assert drain(agenda) == ["2", "4", "1", "3"]


def test_hosts_take_turns_at_the_same_pace() -> None:
    agenda = HostQueue([("a", "a1"), ("a", "a2"), ("b", "b1"), ("b", "b2")], RateLimiter(0.02))
    assert [task[0] for task in drain(agenda)] in (["a", "b", "a", "b"], ["a", "b", "b", "a"])


def test_moments_of_one_host_lie_an_interval_apart() -> None:
    pacer = RateLimiter(100.0)
    assert pacer.reserve("a") == 0.0
    assert 99.0 < pacer.reserve("a") <= 100.0
    assert pacer.reserve("b") == 0.0
    pacer.slow_down("b", 500.0)
    pacer.reserve("b")
    assert pacer.ready_at("b") - time.monotonic() > 550.0


def test_a_task_that_is_given_back_comes_again_with_its_count() -> None:
    agenda = HostQueue([("a", "task")], RateLimiter(0.0))
    first = agenda.take()
    assert first is not None and first.attempt == 0
    agenda.again(first, 0.01)
    second = agenda.take()
    assert second is not None and (second.task, second.attempt) == ("task", 1)
    agenda.done()
    assert agenda.take() is None


def test_closing_wakes_whoever_waits() -> None:
    pacer = RateLimiter(0.0)
    pacer.leave_alone("a", 1000.0)
    agenda = HostQueue([("a", "task")], pacer)
    taken: list[object] = []
    waiting = threading.Thread(target=lambda: taken.append(agenda.take()))
    waiting.start()
    agenda.close()
    waiting.join(30)
    assert taken == [None]
