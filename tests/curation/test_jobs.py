"""Background jobs: they outlive whoever started them, and nobody who asks is told a half-truth."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from curation import jobs
from curation.jobs import Job
from curation.process_identity import identify, is_running
from tests.conftest import ROOT

PATIENCE_S = 60.0


@pytest.fixture(autouse=True)
def _planted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(jobs.KINDS, "planted", "tests.curation.planted_job")


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "library"
    for job in jobs.jobs(tmp_path / "library"):
        jobs.stop(tmp_path / "library", job.id, patience_s=0)


def run(library: Path, told: str) -> Job:
    return wait_for(library, jobs.start("planted", [told], library=library).id)


def wait_for(library: Path, job_id: str, until: Callable[[Job], bool] | None = None) -> Job:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        job = jobs.poll(library, job_id)
        if until(job) if until else job.state != "running":
            return job
        time.sleep(0.01)
    raise AssertionError(f"nothing came of {jobs.poll(library, job_id)}")


def wait_until_counted(library: Path, job_id: str) -> Job:
    return wait_for(library, job_id, lambda job: job.total == 4)


def test_a_job_ends_as_done_with_its_answers_and_its_count(library: Path) -> None:
    job = run(library, "count")
    assert (job.state, job.kind, job.arguments) == ("done", "planted", ("count",))
    assert (job.done, job.total, job.phase) == (4, 4, "counting")
    assert json.loads(job.output.read_text()) == {"library": str(library)}
    assert job.started <= job.ended


def test_a_job_that_fails_says_why(library: Path) -> None:
    job = run(library, "fail")
    assert (job.state, job.message) == ("failed", "The disk is full.")


@pytest.mark.parametrize(("told", "says"), [("raise", "KeyError: 'a defect'"), ("exit", "")])
def test_a_defect_or_a_refusal_in_the_command_is_a_failure(library: Path, told: str, says: str) -> None:
    job = run(library, told)
    assert (job.state, job.message) == ("failed", says)


@pytest.mark.parametrize(("told", "patience_s"), [("wait", PATIENCE_S), ("stubborn", 0.2)])
def test_a_stopped_job_is_gone_and_says_so(library: Path, told: str, patience_s: float) -> None:
    job_id = jobs.start("planted", [told], library=library).id
    wait_until_counted(library, job_id)
    process = process_of(library, job_id)
    assert jobs.stop(library, job_id, patience_s=patience_s).state == "stopped"
    assert not is_running(process)
    assert jobs.stop(library, job_id).state == "stopped"  # once more changes nothing


def test_a_killed_job_is_interrupted(library: Path) -> None:
    job_id = jobs.start("planted", ["wait"], library=library).id
    wait_until_counted(library, job_id)
    assert jobs.poll(library, job_id).state == "running"
    os.kill(process_of(library, job_id)["pid"], signal.SIGKILL)
    job = wait_for(library, job_id)
    assert (job.state, job.ended, job.done) == ("interrupted", "", 4)


def test_a_job_outlives_the_server_that_started_it(library: Path) -> None:
    command = [sys.executable, "-m", "tests.curation.start_job", str(library), "wait"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True) as server:
        assert server.stdout is not None
        job_id = server.stdout.readline().decode().strip()
        os.killpg(server.pid, signal.SIGKILL)
    wait_until_counted(library, job_id)
    assert [job.state for job in jobs.jobs(library)] == ["running"]
    assert jobs.stop(library, job_id).state == "stopped"


def test_a_job_whose_starter_died_before_it_could_name_it_is_found(library: Path) -> None:
    job_id = jobs.start("planted", ["wait"], library=library).id
    wait_until_counted(library, job_id)
    about = library / "jobs" / f"{job_id}.json"
    described = json.loads(about.read_text())
    del described["identity"]
    about.write_text(json.dumps(described))
    assert jobs.poll(library, job_id).state == "running"
    assert jobs.stop(library, job_id).state == "stopped"


def test_another_process_with_the_same_number_is_not_the_job(library: Path) -> None:
    job_id = run(library, "count").id
    folder = library / "jobs"
    (folder / f"{job_id}.end.json").unlink()
    (folder / f"{job_id}.process.json").unlink()
    described = json.loads((folder / f"{job_id}.json").read_text())
    described["identity"] = {"pid": os.getpid(), "started": "at another time"}
    (folder / f"{job_id}.json").write_text(json.dumps(described))
    assert jobs.poll(library, job_id).state == "interrupted"
    assert jobs.stop(library, job_id).state == "interrupted"  # and this test is still alive


def test_jobs_come_newest_first_and_other_files_are_none(library: Path) -> None:
    first, second = run(library, "count"), run(library, "fail")
    (library / "jobs" / "journal.json").write_text("[]")
    assert [job.id for job in jobs.jobs(library)] == [second.id, first.id]


def test_a_library_without_jobs_has_none(tmp_path: Path) -> None:
    assert jobs.jobs(tmp_path / "nowhere") == []


def test_an_unknown_kind_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="add, judge, export"):
        jobs.start("rm", ["-rf"], library=tmp_path / "library")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("job_id", ["", "20200101-000000-1-a", "../../secret", "a/b"])
def test_an_unknown_job_is_no_job(library: Path, job_id: str) -> None:
    with pytest.raises(ValueError, match="no job"):
        jobs.poll(library, job_id)


@pytest.mark.parametrize(
    ("kind", "arguments"), [("add", ["missing"]), ("judge", []), ("export", ["missing", "--out", "out"])]
)
def test_the_command_of_every_kind_takes_what_a_job_gives_it(
    kind: str, arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], landmarker_path: Path
) -> None:
    command = importlib.import_module(jobs.KINDS[kind]).main
    progress = tmp_path / "progress.json"
    given = ["--library", str(tmp_path / "library"), "--progress-file", str(progress)]
    code = command([*arguments, *given])  # unknown arguments would raise SystemExit
    assert (code == 0) == (kind == "judge")
    assert kind == "judge" or "missing" in capsys.readouterr().err


def test_progress_is_written_at_once_where_it_counts_and_rarely_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "progress.json"
    progress = jobs.progress_writer(path)
    progress.phase("adding")
    assert json.loads(path.read_text()) == {"done": 0, "total": 0, "phase": "adding"}
    seen = []
    for done in range(1, 2001):
        progress(done, 2000)
        seen.append(path.stat().st_ino)
    assert json.loads(path.read_text()) == {"done": 2000, "total": 2000, "phase": "adding"}
    assert len(set(seen)) < 200


def test_without_a_file_progress_goes_nowhere() -> None:
    progress = jobs.progress_writer(None)
    progress.phase("adding")
    progress(1, 1)


def test_this_process_is_running_and_one_that_has_ended_is_not() -> None:
    assert is_running(identify(os.getpid()))
    with subprocess.Popen(["sleep", "60"]) as process:
        identity = identify(process.pid)
        assert is_running(identity)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # ended, and not yet taken leave of
        assert not is_running(identity)


def process_of(library: Path, job_id: str) -> dict[str, object]:
    found: dict[str, object] = json.loads((library / "jobs" / f"{job_id}.process.json").read_text())
    return found
