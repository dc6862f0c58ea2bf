"""The server's start sweeps up, and its end is that of its jobs where it is told so."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import Gauge

from core.atomic_files import temporary_beside
from core.config import ROOT
from core.processes import jobs
from core.training.request import RunRequest
from core.training.run_control import create, stop_now
from core.training.runs import read_run
from dashboard import lifespan
from dashboard.shared.conversions import RUNNING, WAITING
from tests.core.processes.test_jobs import write_ended
from tests.core.training.conftest import pairs_folder  # noqa: F401 - a fixture
from tests.core.training.test_runs import MORE, PATIENCE_S, wait_for
from tests.e2e.conftest import serve

OLD = time.time() - 2 * lifespan.TEMPORARY_S


def make(path: Path, *, is_old: bool = True) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"picture")
    if is_old:
        os.utime(path, (OLD, OLD))
        os.utime(path.parent, (OLD, OLD))
    return path


def test_what_killed_jobs_and_servers_left_is_swept_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path))
    library = tmp_path / "library"
    folder = library / "jobs"
    folder.mkdir(parents=True)
    done, stopped = write_ended(folder, 1), write_ended(folder, 2, state="stopped")
    spools = {name: folder / f"spool-{name}" for name in ("done", "stopped", "forgotten", "fresh")}
    for job_id, name in ((done, "done"), (stopped, "stopped")):
        record = folder / f"{job_id}.json"
        record.write_text(record.read_text().replace("[]", f'["--remove-source", "{spools[name]}"]'))
    for name, spool in spools.items():
        make(spool / "a.jpg", is_old=name != "fresh")
    original = make(library / "originals" / "ab" / ("ab" * 32))
    gone = [
        make(original.with_name(".ab.tmp")), make(tmp_path / "models" / ".drafts" / "x.upload"),
        make(tmp_path / "models" / ".net.safetensors.0123.part"), make(tmp_path / "runs" / "r" / ".model.1.tmp"),
        make(tmp_path / "runs" / ".new-1" / "config.yaml"), make(tmp_path / ".restored.1.tmp" / "x"),
        make(tmp_path / ".uploads" / "0123" / "4567"),
    ]  # fmt: skip
    stays = [original, make(tmp_path / "models" / ".drafts" / "y.upload", is_old=False)]
    with temporary_beside(original) as written:  # by somebody who is still at it
        lifespan.sweep()
        assert written.exists()
    assert sorted(path.name for path in folder.glob("spool-*")) == ["spool-fresh", "spool-stopped"]
    assert [path.name for path in gone if path.exists()] == []
    assert [path.name for path in stays if not path.exists()] == []


def test_a_server_that_is_the_containers_end_lets_its_jobs_save_first(
    tmp_path: Path,
    pairs_folder: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path))
    monkeypatch.setenv("STUDIO_STOP_JOBS_WITH_SERVER", "true")
    root, folder = tmp_path / "runs", tmp_path / "library" / "jobs"
    create(root, RunRequest(
        name="tiny", kind="autoencoder", preset="autoencoder", data=pairs_folder, validation="0007-0008",
        steps=100_000, batch_size=2, image_size=64, lr=1e-3, device="cpu", threads=1, more=MORE, who="Ann",
    ))  # fmt: skip
    planted = jobs.start(folder, "planted", "tests.core.processes.planted_job", ["wait", "--place", "here"])
    try:
        with serve(ROOT / "dashboard" / "app.py", tmp_path / "log.txt") as url:
            wait_for(root, lambda run: run.step >= 3 and run.phase == "training")
            port = url.rpartition(":")[2].encode()  # other tests' servers may still run
            server = next(child for child in children() if port in child.read_bytes().split(b"\0"))
            with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as visitor:
                visitor.sendall(b"GET / HTTP/1.1\r\n")  # and never the rest
                os.kill(int(server.parent.name), signal.SIGTERM)
                wait_for(root, lambda run: not run.is_alive)
        run = read_run(root, "tiny")
        assert (run.state, run.saved) == ("stopped", run.step)
        assert run.saved > 0
        assert jobs.poll(folder, planted.id).state == "stopped"
    finally:
        stop_now(root, "tiny")
        jobs.stop(folder, planted.id, patience_s=0)


def children(parent: int | None = None) -> list[Path]:
    """Command lines of a process's children, by default this one's."""
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(parent or os.getpid())],
        capture_output=True,
        text=True,
        check=False,
    )
    return [path for pid in found.stdout.split() if (path := Path("/proc") / pid / "cmdline").exists()]


# Process 1 of a container without an init: starts a training and an orphan, then becomes the server.
PROCESS_1 = """
import os, subprocess, sys
from pathlib import Path
from core.training.request import RunRequest
from core.training.run_control import create
assert os.getpid() == 1
root, pairs, more, *command = sys.argv[1:]
create(Path(root), RunRequest(
    name="tiny", kind="autoencoder", preset="autoencoder", data=Path(pairs), validation="0007-0008",
    steps=100_000, batch_size=2, image_size=64, lr=1e-3, device="cpu", threads=1, more=more, who="Ann",
))
subprocess.run(["sh", "-c", "sleep 1 &"])
os.execv(command[0], command)
"""
GRACE_S = 60  # of compose.yaml


def has_zombies(parent: int) -> bool:
    listed = subprocess.run(
        ["ps", "-o", "stat=", "--ppid", str(parent)], capture_output=True, text=True, check=False
    )
    return any(state.startswith("Z") for state in listed.stdout.split())


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.fixture
def own_numbers() -> list[str]:
    """A command that gives what follows process numbers of its own, beginning with 1."""
    as_root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    command = ["unshare", *as_root, "--fork", "--pid", "--mount-proc", "--kill-child"]
    try:
        tried = subprocess.run([*command, "true"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no unshare here")
    if tried.returncode:
        pytest.skip(f"process numbers of one's own are not permitted here: {tried.stderr.strip()}")
    return command


def test_the_server_as_process_1_reaps_orphans_and_lets_trainings_save(
    own_numbers: list[str],
    tmp_path: Path,
    pairs_folder: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path))
    root = tmp_path / "runs"
    through = [*own_numbers, sys.executable, "-c", PROCESS_1, str(root), str(pairs_folder), MORE]
    with serve(ROOT / "dashboard" / "app.py", tmp_path / "log.txt", through=through):
        outside = next(child for child in children() if child.read_bytes().startswith(b"unshare"))
        server = int(children(int(outside.parent.name))[0].parent.name)
        wait_for(root, lambda run: run.step >= 3)
        wait_until(lambda: not has_zombies(server))
        os.kill(server, signal.SIGTERM)
        told = time.monotonic()
        wait_until(lambda: not outside.exists() or not outside.read_bytes())  # gone, or a zombie
        assert time.monotonic() - told < GRACE_S
    run = read_run(root, "tiny")
    assert (run.state, run.saved) == ("stopped", run.step)
    assert run.saved > 0


@pytest.mark.parametrize("gauge", [RUNNING, WAITING])
def test_a_server_that_is_told_to_end_lets_conversions_end_first(
    gauge: Gauge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifespan, "SEND_S", 0)
    told: list[int] = []
    before = (
        signal.signal(signal.SIGTERM, lambda *_: told.append(signal.SIGTERM)),
        signal.getsignal(signal.SIGINT),
    )
    try:
        stopper = lifespan._Stopper(with_jobs=False)
        stopper.listen()
        gauge.set(1)
        os.kill(os.getpid(), signal.SIGTERM)
        wait_until(lambda: stopper._finish is not None)
        stopper._finish.join(0.2)
        assert (stopper._finish.is_alive(), told) == (True, [])
        gauge.set(0)
        wait_until(lambda: told == [signal.SIGTERM])
        os.kill(os.getpid(), signal.SIGTERM)  # once more: it is not kept from ending
        wait_until(lambda: len(told) == 2)
    finally:
        gauge.set(0)
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])


def test_nobody_waits_for_a_conversion_that_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifespan, "FINISH_S", 0.1)
    monkeypatch.setattr(lifespan, "SEND_S", 0)
    told: list[int] = []
    monkeypatch.setattr(lifespan.os, "kill", lambda _pid, number: told.append(number))
    RUNNING.set(1)
    try:
        lifespan._finish_conversions(signal.SIGTERM)
    finally:
        RUNNING.set(0)
    assert told == [signal.SIGTERM]


@pytest.mark.skipif(sys.platform != "linux", reason="process 1 of a namespace is Linux's")
def test_process_1_stops_its_jobs_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    from core.config import settings

    assert not settings().stop_jobs_with_server
    monkeypatch.setattr("core.config.os.getpid", lambda: 1)
    assert settings().stop_jobs_with_server
    monkeypatch.setenv("STUDIO_STOP_JOBS_WITH_SERVER", "false")
    assert not settings().stop_jobs_with_server
