"""Curation's jobs: which commands they are, and where their records lie."""

from __future__ import annotations

import importlib
import time
from pathlib import Path

import pytest

from curation import jobs

PATIENCE_S = 60.0


def test_an_unknown_kind_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="add, judge, export"):
        jobs.start("rm", ["-rf"], library=tmp_path / "library")
    assert list(tmp_path.iterdir()) == []


def test_a_job_works_on_its_library_and_keeps_only_its_own_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(jobs.KINDS, "planted", "tests.curation.planted_job")
    library = tmp_path / "library"
    job = jobs.start("planted", ["told"], library=library)
    deadline = time.monotonic() + PATIENCE_S
    while job.state == "running" and time.monotonic() < deadline:
        time.sleep(0.01)
        (job,) = jobs.jobs(library)
    assert (job.state, job.arguments) == ("done", ("told",))
    assert job.output.read_text().split() == ["told", "--library", str(library)]
    assert jobs.stop(library, job.id).state == "done"


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
