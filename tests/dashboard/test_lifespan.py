"""The server's start sweeps up, and its end is that of its jobs where it is told so."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.config import ROOT
from core.processes import jobs
from core.training.request import RunRequest
from core.training.run_control import create, stop_now
from core.training.runs import read_run
from dashboard import lifespan
from tests.core.processes.test_jobs import write_ended
from tests.core.training.conftest import pairs_folder  # noqa: F401 - a fixture
from tests.core.training.test_runs import MORE, wait_for
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
    half, fresh_half = original.with_name(".ab.tmp"), original.with_name(".cd.tmp")
    make(fresh_half, is_old=False)
    make(half)
    draft = make(tmp_path / "models" / ".drafts" / "x.upload")
    os.utime(draft, (0, 0))
    lifespan.sweep()
    assert sorted(path.name for path in folder.glob("spool-*")) == ["spool-fresh", "spool-stopped"]
    assert [original.exists(), half.exists(), fresh_half.exists(), draft.exists()] == [
        True,
        False,
        True,
        False,
    ]


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
            server = next(child for child in children() if b"streamlit" in child.read_bytes())
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


def children() -> list[Path]:
    """Command lines of this process's children."""
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(os.getpid())], capture_output=True, text=True, check=False
    )
    return [path for pid in found.stdout.split() if (path := Path("/proc") / pid / "cmdline").exists()]


@pytest.mark.skipif(sys.platform != "linux", reason="process 1 of a namespace is Linux's")
def test_process_1_stops_its_jobs_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    from core.config import settings

    assert not settings().stop_jobs_with_server
    monkeypatch.setattr("core.config.os.getpid", lambda: 1)
    assert settings().stop_jobs_with_server
    monkeypatch.setenv("STUDIO_STOP_JOBS_WITH_SERVER", "false")
    assert not settings().stop_jobs_with_server
