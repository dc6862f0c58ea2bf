"""Trainings and comparisons give way to the pages, in whichever way the system weighs processes."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from core.processes.priority import NICENESS
from core.training import run_process
from eval.comparison import job_process
from tests.conftest import ROOT

GROUP = Path("/proc/self/autogroup")
TELL = f"""
import os
from pathlib import Path
from core.processes.priority import give_way
give_way()
group = Path("{GROUP}")
print(os.nice(0), group.read_text().split()[-1] if group.exists() else "none")
"""


def tell(*, is_job: bool) -> tuple[int, str]:
    """Niceness of a process that gives way, and that of its session's group."""
    command = [sys.executable, "-c", TELL]
    said = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True, start_new_session=is_job
    ).stdout
    nice, group = said.split()
    return int(nice), group


def test_a_job_is_nicer_than_who_started_it() -> None:
    assert tell(is_job=True)[0] == min(19, os.nice(0) + NICENESS)


@pytest.mark.skipif(not GROUP.exists(), reason="this system does not group processes by session")
def test_a_jobs_session_weighs_less_where_sessions_are_weighed_and_a_terminals_stays() -> None:
    own = GROUP.read_text().split()[-1]
    assert tell(is_job=True)[1] == str(NICENESS)
    assert tell(is_job=False)[1] == own
    assert GROUP.read_text().split()[-1] == own


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        (run_process, ["--run", "{}", "--module", "core.training.autoencoder"]),
        (job_process, ["--folder", "{}", "--cache", "{}"]),
    ],
    ids=["training", "comparison"],
)
def test_a_training_and_a_comparison_give_way_before_anything_else(
    module: Any, arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[bool] = []
    monkeypatch.setattr(module, "give_way", lambda: given.append(not any(tmp_path.iterdir())))
    filled = [argument.format(tmp_path) for argument in arguments]
    with suppress(SystemExit):  # there is no such run, nor such a comparison
        module.main([*filled, "--progress-file", str(tmp_path / "progress.json")])
    assert given == [True]
