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
import os, sys
from pathlib import Path
from core.processes.priority import give_way
if sys.argv[1:] == ["give way"]:
    give_way()
group = Path("{GROUP}")
print(os.nice(0))
print(group.read_text() if group.exists() else "", end="")
"""


def tell(*arguments: str, is_job: bool) -> tuple[int, str]:
    """Niceness of a new process, and what the system says of its session's group ("" where it weighs none)."""
    command = [sys.executable, "-c", TELL, *arguments]
    said = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True, start_new_session=is_job
    ).stdout
    nice, _, group = said.partition("\n")
    return int(nice), group


def test_a_job_is_nicer_than_who_started_it() -> None:
    assert tell("give way", is_job=True)[0] == min(19, os.nice(0) + NICENESS)


def test_a_jobs_session_weighs_less_where_sessions_are_weighed_and_a_terminals_stays() -> None:
    own = tell(is_job=False)[1]
    if not tell(is_job=True)[1]:
        pytest.skip("this system does not weigh processes by session")
    assert tell("give way", is_job=True)[1].split()[-1] == str(NICENESS)
    assert tell("give way", is_job=False)[1] == own
    assert tell(is_job=False)[1] == own


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
