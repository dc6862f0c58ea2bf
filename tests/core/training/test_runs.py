"""Trainings as processes: real ones, tiny, started and killed at bad moments."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from core.checkpoints import load_model
from core.processes import jobs
from core.processes.lock import hold
from core.training import run_control
from core.training.command import LOCK
from core.training.request import RunRequest, read_config
from core.training.run_control import ask_to_stop, create, go_on, remove, start, stop_now
from core.training.runs import (
    ATTEMPTS,
    Run,
    RunError,
    log_tail,
    read_losses,
    read_run,
    runs,
    samples,
    saved_step,
)

PATIENCE_S = 240.0
MORE = """
loop: {log_every: 1, sample_every: 2, save_every: 2, amp: false}
model: {widths: [8, 16], bottleneck: 4}
"""


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "runs"
    for run in runs(tmp_path / "runs"):
        stop_now(tmp_path / "runs", run.name)


@pytest.fixture
def request_of(pairs_folder: Path) -> Callable[..., RunRequest]:
    def make(**changes: object) -> RunRequest:
        usual = RunRequest(
            name="tiny", kind="autoencoder", preset="autoencoder", data=pairs_folder, validation="0007-0008",
            steps=6, batch_size=2, image_size=64, lr=1e-3, device="cpu", threads=1, more=MORE, who="Ann",
        )  # fmt: skip
        return dataclasses.replace(usual, **changes)  # type: ignore[arg-type]

    return make


def wait_for(root: Path, until: Callable[[Run], bool], name: str = "tiny") -> Run:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        run = read_run(root, name)
        if until(run):
            return run
        time.sleep(0.02)
    run = read_run(root, name)
    raise AssertionError(f"nothing came of {run}: {log_tail(run.job.log) if run.job else ''}")


def has_ended(run: Run) -> bool:
    return not run.is_alive


def kill(run: Run) -> None:
    assert run.job is not None
    record = run.folder / ATTEMPTS / f"{run.job.id}.process.json"
    os.kill(json.loads(record.read_text())["pid"], signal.SIGKILL)


def test_a_run_trains_to_its_end_and_says_so(root: Path, request_of: Callable[..., RunRequest]) -> None:
    assert create(root, request_of()).is_alive
    run = wait_for(root, has_ended)
    assert (run.state, run.step, run.steps, run.saved, run.kind, run.who) == (
        "done", 6, 6, 6, "autoencoder", "Ann",
    )  # fmt: skip
    assert run.seconds_left is None
    assert list(read_losses(run.folder).steps) == [1, 2, 3, 4, 5, 6]
    assert list(samples(run.folder)) == [2, 4, 6]
    with pytest.raises(RunError, match="finished"):
        start(root, "tiny")


def test_a_stopped_run_has_saved_and_goes_on_to_the_same_losses(
    root: Path, request_of: Callable[..., RunRequest]
) -> None:
    create(root, request_of(steps=3000))
    wait_for(root, lambda run: run.step >= 3 and run.phase == "training")
    assert ask_to_stop(root, "tiny").state in ("stopping", "stopped")
    run = wait_for(root, has_ended)
    assert run.state == "stopped"
    assert run.saved == run.step > 0
    assert not (run.folder / "stop").exists()
    before = read_losses(run.folder)
    start(root, "tiny")
    wait_for(root, lambda now: now.is_alive and now.phase == "training" and now.step > run.step)
    stop_now(root, "tiny")
    after = read_losses(run.folder)
    assert list(after.steps[: len(before)]) == list(before.steps)
    assert len(after) > len(before)


def test_a_killed_run_is_interrupted_with_what_it_saved_and_goes_on(
    root: Path, request_of: Callable[..., RunRequest]
) -> None:
    create(root, request_of(steps=3000))
    kill(wait_for(root, lambda run: run.saved >= 2))
    run = wait_for(root, has_ended)
    assert (run.state, run.can_go_on, run.message) == ("interrupted", True, "")
    assert run.step >= run.saved >= 2
    (run.folder / ".checkpoint.pt.half").write_bytes(b"cut short")
    assert start(root, "tiny").state == "running"
    wait_for(root, lambda now: now.is_alive and now.saved > run.saved)
    assert not (run.folder / ".checkpoint.pt.half").exists()


def test_a_run_killed_while_it_loads_starts_again(root: Path, request_of: Callable[..., RunRequest]) -> None:
    create(root, request_of())
    kill(wait_for(root, lambda run: run.job is not None and _has_named_itself(run)))
    run = wait_for(root, has_ended)
    assert (run.state, run.step, run.saved) == ("interrupted", 0, 0)
    start(root, "tiny")
    assert wait_for(root, has_ended).state == "done"


def test_pressing_twice_starts_one_process(root: Path, request_of: Callable[..., RunRequest]) -> None:
    create(root, request_of(steps=3000))
    start(root, "tiny")
    start(root, "tiny")
    assert len(jobs.jobs(root / "tiny" / ATTEMPTS)) == 1


def test_a_folder_that_somebody_trains_in_is_running_and_is_not_started_again(
    root: Path, request_of: Callable[..., RunRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_control.processes, "start", lambda *_args, **_more: None)
    run = create(root, request_of())  # made, and its start lost
    assert run.state == "new"
    with hold(run.folder / LOCK, "held"):
        assert start(root, "tiny").state == "running"  # on the command line
        with pytest.raises(RunError, match="running"):
            remove(root, "tiny")


def test_a_name_is_given_once(root: Path, request_of: Callable[..., RunRequest]) -> None:
    create(root, request_of(steps=3000))
    with pytest.raises(RunError, match="tiny already"):
        create(root, request_of())
    assert [run.name for run in runs(root)] == ["tiny"]


def test_of_two_who_ask_for_the_same_name_at_once_one_gets_it(
    root: Path, request_of: Callable[..., RunRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    monkeypatch.setattr(run_control.processes, "start", lambda *_args, **_more: started.append("one"))

    def ask(_visitor: int) -> str:
        try:
            return create(root, request_of()).name
        except RunError as error:
            return str(error)

    with ThreadPoolExecutor(4) as visitors:
        answers = list(visitors.map(ask, range(4)))
    assert answers.count("tiny") == len(started) == 1
    assert sum("already" in answer for answer in answers) == 3


def test_asking_moves_the_working_directory_at_no_moment(
    root: Path, request_of: Callable[..., RunRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It belongs to all visitors of the server, whose relative paths begin there."""
    monkeypatch.setattr(run_control.processes, "start", lambda *_args, **_more: None)
    moves: list[object] = []
    monkeypatch.setattr(os, "chdir", moves.append)
    create(root, request_of())
    assert moves == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": "../up"}, "begins with a letter"),
        ({"name": ""}, "begins with a letter"),
        ({"kind": "biggan"}, "expected a training of"),
        ({"preset": "pix2pixhd_raw"}, "expected a preset"),
        ({"more": "loop: {stepz: 3}"}, "stepz"),
        ({"more": "loop: ["}, "no YAML"),
        ({"more": "3"}, "must be names"),
        ({"more": "loop: {out: /tmp/elsewhere}"}, "loop.out"),
        ({"data": Path("/nowhere")}, "manifest.jsonl"),
        ({"steps": 0}, "loop.steps"),
        ({"lr": 0.0}, "learning rate"),
        ({"device": "cuda:77"}, "cuda:77"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_anything_is_made(
    root: Path, request_of: Callable[..., RunRequest], changes: dict[str, object], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        create(root, request_of(**changes))
    assert [path.name for path in root.glob("*")] == []


def test_a_training_that_fails_says_why(
    root: Path, request_of: Callable[..., RunRequest], pairs_folder: Path
) -> None:
    create(root, request_of(validation="zzz"))
    run = wait_for(root, has_ended)
    assert run.state == "failed"
    assert "no pair" in run.message
    assert "Error" not in run.message


def test_a_finished_run_goes_on_with_what_may_change(
    root: Path, request_of: Callable[..., RunRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[object] = []
    monkeypatch.setattr(run_control.processes, "start", lambda *_args, **_more: started.append(1))
    create(root, request_of())
    run = go_on(root, "tiny", {"loop.steps": 12, "loop.lr": 1e-4}, "loss: {bce: 2}")
    config = read_config(run.folder)
    assert (config["loop"]["steps"], config["loop"]["lr"], config["loss"]["bce"]) == (12, 1e-4, 2)
    for changes, more, says in (
        ({"loop.batch_size": 4}, "", "loop.batch_size must stay"),
        ({}, "model: {bottleneck: 8}", "model.bottleneck must stay"),
        ({"loop.lr": 0.0}, "", "learning rate"),
        ({"data.root": "/nowhere"}, "", "holds no pairs"),
    ):
        with pytest.raises(ValueError, match=says):
            go_on(root, "tiny", changes, more)
    assert read_config(run.folder) == config
    assert len(started) == 2


def test_a_full_disk_starts_nothing(
    root: Path, request_of: Callable[..., RunRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_control, "MIN_FREE_BYTES", 10**18)
    with pytest.raises(RunError, match="free on the disk"):
        create(root, request_of())
    assert runs(root) == []


def test_a_removed_run_is_gone(root: Path, request_of: Callable[..., RunRequest]) -> None:
    create(root, request_of(steps=3000))
    with pytest.raises(RunError, match="Stop it first"):
        remove(root, "tiny")
    stop_now(root, "tiny")
    remove(root, "tiny")
    assert runs(root) == []
    assert [path.name for path in root.iterdir() if path.is_dir()] == []
    with pytest.raises(RunError, match="no run"):
        read_run(root, "tiny")


@pytest.mark.parametrize("name", ["..", ".", "a/b", ".new-1", "nothing"])
def test_what_is_no_run_is_not_read(root: Path, name: str) -> None:
    root.mkdir()
    (root / ".new-1").mkdir()
    with pytest.raises(RunError, match="no run"):
        read_run(root, name)


def test_a_damaged_run_is_listed_and_ends_no_page(root: Path) -> None:
    folder = root / "broken"
    (folder / ATTEMPTS).mkdir(parents=True)
    for name in ("request.json", "config.yaml", "losses.jsonl", "model.safetensors", "checkpoint.pt"):
        (folder / name).write_bytes(b"\xff\x00{[")
    (folder / ATTEMPTS / "20200101-000000-1-ab.json").write_text('{"kind": "autoencoder"}')
    assert [(run.state, run.step, run.saved) for run in runs(root)] == [("interrupted", 0, 0)]


def test_weights_older_than_their_checkpoint_are_written_again(
    root: Path, request_of: Callable[..., RunRequest]
) -> None:
    """What a kill between the two files of the last save leaves behind."""
    create(root, request_of(steps=2))
    run = wait_for(root, has_ended)
    newest = load_model(run.folder / "model.safetensors").state_dict()
    (run.folder / "model.safetensors").unlink()
    job = run.job
    assert job is not None
    (run.folder / ATTEMPTS / f"{job.id}.end.json").unlink()
    assert wait_for(root, has_ended).state == "interrupted"  # its process needs a moment to be gone
    start(root, "tiny")
    assert wait_for(root, has_ended).state == "done"
    assert saved_step(run.folder) == 2
    written = load_model(run.folder / "model.safetensors").state_dict()
    assert all(torch.equal(written[name], value) for name, value in newest.items())


def _has_named_itself(run: Run) -> bool:
    return run.job is not None and (run.folder / ATTEMPTS / f"{run.job.id}.process.json").is_file()


def test_no_more_trainings_than_are_allowed_run_at_once(
    root: Path, request_of: Callable[..., RunRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIO_TRAININGS_AT_ONCE", "1")
    busy = root / "busy"
    busy.mkdir(parents=True)
    (busy / "request.json").write_text("{}")
    with hold(busy / LOCK, "held"):
        with pytest.raises(RunError, match=r"busy is in training, and 1 at once.*it is kept"):
            create(root, request_of())
        assert read_run(root, "tiny").state == "new"
    assert start(root, "tiny").is_alive
