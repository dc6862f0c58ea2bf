"""Background jobs: they outlive whoever started them, and nobody who asks is told a half-truth."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tqdm import tqdm

from core.processes import jobs
from core.processes.jobs import Job, identify, is_running
from core.processes.progress import Pace, follow_progress, progress_writer
from tests.conftest import ROOT

PATIENCE_S = 60.0


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "jobs"
    for job in jobs.jobs(tmp_path / "jobs"):
        jobs.stop(tmp_path / "jobs", job.id, patience_s=0)


def start(folder: Path, told: str) -> Job:
    module = "tests.core.processes.planted_job"
    return jobs.start(folder, "planted", module, [told], surroundings=["--place", "here"])


def run(folder: Path, told: str) -> Job:
    return wait_for(folder, start(folder, told).id)


def wait_for(folder: Path, job_id: str, until: Callable[[Job], bool] | None = None) -> Job:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        job = jobs.poll(folder, job_id)
        if until(job) if until else job.state != "running":
            return job
        time.sleep(0.01)
    raise AssertionError(f"nothing came of {jobs.poll(folder, job_id)}")


def wait_until_counted(folder: Path, job_id: str) -> Job:
    return wait_for(folder, job_id, lambda job: job.total == 4)


def test_a_job_ends_as_done_with_its_answers_and_its_count(folder: Path) -> None:
    job = run(folder, "count")
    assert (job.state, job.kind, job.arguments) == ("done", "planted", ("count",))
    assert (job.done, job.total, job.phase) == (4, 4, "counting")
    assert json.loads(job.output.read_text()) == {"place": "here"}
    assert job.started <= job.ended


def test_a_job_that_fails_says_why(folder: Path) -> None:
    job = run(folder, "fail")
    assert (job.state, job.message) == ("failed", "The disk is full.")


@pytest.mark.parametrize(("told", "says"), [("raise", "KeyError: 'a defect'"), ("exit", "")])
def test_a_defect_or_a_refusal_in_the_command_is_a_failure(folder: Path, told: str, says: str) -> None:
    job = run(folder, told)
    assert (job.state, job.message) == ("failed", says)


@pytest.mark.parametrize(("told", "patience_s"), [("wait", PATIENCE_S), ("stubborn", 0.2)])
def test_a_stopped_job_is_gone_and_says_so(folder: Path, told: str, patience_s: float) -> None:
    job_id = start(folder, told).id
    wait_until_counted(folder, job_id)
    process = process_of(folder, job_id)
    assert jobs.stop(folder, job_id, patience_s=patience_s).state == "stopped"
    assert not is_running(process)
    assert jobs.stop(folder, job_id).state == "stopped"  # once more changes nothing


def test_a_killed_job_is_interrupted(folder: Path) -> None:
    job_id = start(folder, "wait").id
    wait_until_counted(folder, job_id)
    assert jobs.poll(folder, job_id).state == "running"
    os.kill(process_of(folder, job_id)["pid"], signal.SIGKILL)
    job = wait_for(folder, job_id)
    assert (job.state, job.ended, job.done) == ("interrupted", "", 4)


def test_a_job_outlives_the_server_that_started_it(folder: Path) -> None:
    command = [sys.executable, "-m", "tests.core.processes.start_job", str(folder), "wait"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True) as server:
        assert server.stdout is not None
        job_id = server.stdout.readline().decode().strip()
        os.killpg(server.pid, signal.SIGKILL)
    wait_until_counted(folder, job_id)
    assert [job.state for job in jobs.jobs(folder)] == ["running"]
    assert jobs.stop(folder, job_id).state == "stopped"


def test_a_job_whose_starter_died_before_it_could_name_it_is_found(folder: Path) -> None:
    job_id = start(folder, "wait").id
    wait_until_counted(folder, job_id)
    about = folder / f"{job_id}.json"
    described = json.loads(about.read_text())
    del described["identity"]
    about.write_text(json.dumps(described))
    assert jobs.poll(folder, job_id).state == "running"
    assert jobs.stop(folder, job_id).state == "stopped"


def test_another_process_with_the_same_number_is_not_the_job(folder: Path) -> None:
    job_id = run(folder, "count").id
    (folder / f"{job_id}.end.json").unlink()
    (folder / f"{job_id}.process.json").unlink()
    described = json.loads((folder / f"{job_id}.json").read_text())
    described["identity"] = {"pid": os.getpid(), "started": "at another time"}
    (folder / f"{job_id}.json").write_text(json.dumps(described))
    assert jobs.poll(folder, job_id).state == "interrupted"
    assert jobs.stop(folder, job_id).state == "interrupted"  # and this test is still alive


def test_jobs_come_newest_first_and_other_files_are_none(folder: Path) -> None:
    first, second = run(folder, "count"), run(folder, "fail")
    (folder / "journal.json").write_text("[]")
    assert [job.id for job in jobs.jobs(folder)] == [second.id, first.id]


def test_a_folder_without_jobs_has_none(tmp_path: Path) -> None:
    assert jobs.jobs(tmp_path / "nowhere") == []


@pytest.mark.parametrize("job_id", ["", "20200101-000000-1-a", "../../secret", "a/b"])
def test_an_unknown_job_is_no_job(folder: Path, job_id: str) -> None:
    with pytest.raises(ValueError, match="no job"):
        jobs.poll(folder, job_id)


def test_progress_is_written_at_once_where_it_counts_and_rarely_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "progress.json"
    progress = progress_writer(path)
    progress.phase("adding")
    assert json.loads(path.read_text()) == {"done": 0, "total": 0, "phase": "adding", "seconds_each": 0}
    seen = []
    for done in range(1, 2001):
        progress(done, 2000)
        seen.append(path.stat().st_ino)
    assert json.loads(path.read_text()) | {"seconds_each": 0} == {
        "done": 2000,
        "total": 2000,
        "phase": "adding",
        "seconds_each": 0,
    }
    assert len(set(seen)) < 200


def test_without_a_file_progress_goes_nowhere() -> None:
    progress = progress_writer(None)
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


@pytest.mark.skipif(sys.platform != "linux", reason="the records of Linux")
def test_records_say_which_process_it_is_as_they_always_did() -> None:
    """Jobs outlive the server, so a new one reads what an older one has written."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    ticks = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
    assert identify(os.getpid()) == {"pid": os.getpid(), "started": f"{boot} {ticks}"}


def process_of(folder: Path, job_id: str) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / f"{job_id}.process.json").read_text())
    return found


def test_a_pace_is_that_of_the_last_minute() -> None:
    pace = Pace()
    assert pace.seconds_each == 0
    for second in range(200):
        pace.add(1000 + (second // 10 if second < 100 else 10 + (second - 100) * 2), second)
    assert pace.seconds_each == pytest.approx(0.5, rel=0.02)


def test_what_is_left_is_said_only_of_a_running_job_that_has_a_pace(folder: Path) -> None:
    job_id = start(folder, "wait").id
    running = wait_until_counted(folder, job_id)
    assert dataclasses.replace(running, done=1, total=5, seconds_each=2.0).seconds_left == 8
    assert dataclasses.replace(running, seconds_each=0.0).seconds_left is None
    ended = jobs.stop(folder, job_id)
    assert dataclasses.replace(ended, done=1, total=5, seconds_each=2.0).seconds_left is None


def test_damaged_records_end_no_list(folder: Path) -> None:
    job_id = run(folder, "count").id
    (folder / f"{job_id}.json").write_text(json.dumps({"kind": "planted", "arguments": []}))
    (folder / f"{job_id}.process.json").unlink()
    (folder / f"{job_id}.end.json").write_text("{}")
    (folder / f"{job_id}.progress.json").write_text('{"done": "many"}')
    assert [(job.state, job.done) for job in jobs.jobs(folder)] == [("interrupted", 0)]


def test_a_bar_goes_on_when_the_work_begins_another_count() -> None:
    drawn = io.StringIO()
    bar = tqdm(file=drawn, mininterval=0)
    show = follow_progress(bar, lambda *_: None)
    show(6146, 6146)  # added; now they are judged
    show(0, 6146)
    show(674, 6146)
    bar.close()
    assert "674/6146" in drawn.getvalue().split("\r")[-1]


def write_ended(folder: Path, number: int, kind: str = "add", *, state: str = "done") -> str:
    """Records of a job that has ended, as `jobs.start` and its process leave them."""
    folder.mkdir(exist_ok=True)
    job_id = f"20260101-000000-{number:06d}-abcdef"
    about = {
        "kind": kind,
        "arguments": [],
        "started": "2026-01-01T00:00:00Z",
        "identity": {"pid": 1, "started": "x"},
    }
    (folder / f"{job_id}.json").write_text(json.dumps(about))
    jobs.write_end(folder, job_id, state)
    for ending in ("process.json", "progress.json", "out", "log"):
        (folder / f"{job_id}.{ending}").write_text("{}")
    return job_id


def test_jobs_that_have_ended_are_read_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page lists them every second: 2 000 of them cost 0.7 s of the processor each time."""
    for number in range(50):
        write_ended(folder, number)
    before = jobs.jobs(folder)
    assert len(before) == 50
    monkeypatch.setattr(jobs, "read_record", None)
    assert jobs.jobs(folder) == before


def test_a_job_whose_end_is_written_anew_is_read_anew(folder: Path) -> None:
    job_id = write_ended(folder, 1)
    jobs.jobs(folder)
    jobs.write_end(folder, job_id, "failed", "no room")
    (job,) = jobs.jobs(folder)
    assert (job.state, job.message) == ("failed", "no room")


def test_only_the_latest_records_of_each_kind_are_kept(folder: Path) -> None:
    exports = [write_ended(folder, number, "export") for number in range(2)]
    adds = [write_ended(folder, number, "add", state="failed") for number in range(10, 15)]
    running = start(folder, "wait").id
    jobs.prune(folder, keep=2)
    assert {job.id for job in jobs.jobs(folder)} == {running, *exports, *adds[-2:]}
    assert {path.name.partition(".")[0] for path in folder.iterdir()} == {running, *exports, *adds[-2:]}


def test_starting_a_job_takes_old_records_away(folder: Path) -> None:
    for number in range(jobs.KEPT + 3):
        write_ended(folder, number, "planted")
    run(folder, "count")
    assert len(jobs.jobs(folder)) == jobs.KEPT
