"""The pool: whatever a task does to its worker, the others are done, once each."""

from __future__ import annotations

import os

import pytest

from core.processes.workers import Limits, WorkerStartError, run_in_workers
from tests.curation import planted


def test_every_task_is_done_once_in_other_processes() -> None:
    outcomes = list(run_in_workers(range(40), planted.echo, workers=2))
    assert sorted(outcome.task for outcome in outcomes) == list(range(40))
    assert all(outcome.result[0] == outcome.task for outcome in outcomes)
    assert os.getpid() not in {outcome.result[1] for outcome in outcomes}


def test_no_task_needs_no_worker() -> None:
    assert list(run_in_workers([], planted.unable, workers=2)) == []


@pytest.mark.parametrize(
    ("bad", "failure", "detail"),
    [
        ("hang", "timeout", "2 s"),
        ("die", "crashed", "SIGABRT"),
        ("raise", "crashed", "KeyError"),
    ],
)
def test_a_bad_task_costs_that_task_only(bad: str, failure: str, detail: str) -> None:
    tasks = ["a", "b", bad, "c", "d"]
    outcomes = {
        outcome.task: outcome
        for outcome in run_in_workers(tasks, planted.trouble, workers=2, limits=Limits(timeout_s=2))
    }
    assert set(outcomes) == set(tasks)
    assert outcomes[bad].failure == failure
    assert detail in outcomes[bad].detail
    assert [outcomes[task].result for task in "abcd"] == ["A", "B", "C", "D"]


def test_one_worker_survives_a_row_of_bad_tasks() -> None:
    tasks = ["die 1", "raise 1", "a", "raise 2", "b"]
    outcomes = list(run_in_workers(tasks, planted.trouble, workers=1))
    assert sorted(outcome.result or outcome.failure or "" for outcome in outcomes) == [
        "A", "B", "crashed", "crashed", "crashed",
    ]  # fmt: skip


def test_workers_are_replaced_after_their_share() -> None:
    limits = Limits(tasks_per_worker=3)
    outcomes = list(run_in_workers(range(9), planted.echo, workers=1, limits=limits))
    workers = [outcome.result[1] for outcome in outcomes]
    assert sorted(outcome.task for outcome in outcomes) == list(range(9))
    assert sorted(workers.count(worker) for worker in set(workers)) == [3, 3, 3]


def test_a_full_disk_stops_everything() -> None:
    with pytest.raises(OSError, match="No space left"):
        list(run_in_workers(["a", "full", "b"], planted.trouble, workers=2))


@pytest.mark.parametrize(("setup", "why"), [(planted.unable, "no model here"), (planted.stillborn, "code 7")])
def test_workers_that_cannot_start_say_why(setup, why: str) -> None:
    with pytest.raises(WorkerStartError, match=why):
        list(run_in_workers(["a", "b"], setup, workers=1))


def test_a_worker_that_starts_is_waited_for_while_it_gets_on() -> None:
    """A busy machine makes starting slow; the clock alone says nothing."""
    limits = Limits(start_timeout_s=0.5)
    (outcome,) = run_in_workers(["a"], planted.slow_start, workers=1, limits=limits)
    assert outcome.result == "A"


@pytest.mark.parametrize(
    ("setup", "limits"),
    [
        (planted.stuck_start, Limits(start_timeout_s=1.5)),
        (planted.slow_start, Limits(start_timeout_s=0.5, start_cpu_s=0.1)),
    ],
)
def test_a_worker_that_does_not_get_on_is_given_up(setup, limits: Limits) -> None:
    with pytest.raises(WorkerStartError, match="no progress"):
        list(run_in_workers(["a"], setup, workers=1, limits=limits))


def test_closing_early_leaves_no_process_behind() -> None:
    outcomes = run_in_workers(range(50), planted.echo, workers=2)
    workers = {next(outcomes).result[1] for _ in range(6)}
    outcomes.close()
    assert workers
    assert not any(is_alive(worker) for worker in workers)


def test_a_hung_worker_does_not_hold_up_the_end() -> None:
    limits = Limits(timeout_s=1_000_000)
    outcomes = run_in_workers(["a", "hang"], planted.trouble, workers=2, limits=limits)
    assert next(outcomes).result == "A"
    outcomes.close()


def test_at_least_one_worker_is_needed() -> None:
    with pytest.raises(ValueError, match="at least one worker"):
        list(run_in_workers(["a"], planted.echo, workers=0))


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
