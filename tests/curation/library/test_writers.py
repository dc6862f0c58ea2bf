"""Several processes write at once, or are killed while they do: no decision is lost or doubled."""

from __future__ import annotations

import random
import subprocess
import sys

from sqlalchemy import select

from curation.library.library import Library
from curation.library.schema import actions, decisions
from tests.conftest import ROOT
from tests.curation.library.samples import fill

WRITERS, DECISIONS, KILLS = 8, 200, 4


def _start(library: Library, reviewer: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.curation.library.writer", str(library.root), library.address]
    return subprocess.Popen(
        [*command, reviewer, str(count)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def _log(library: Library) -> list[tuple[int, str]]:
    """Action and reviewer of every decision."""
    with library._database.read() as connection:
        rows = connection.execute(
            select(actions.c.id, actions.c.reviewer).join_from(actions, decisions).order_by(actions.c.id)
        )
        return [(row.id, row.reviewer) for row in rows]


def test_eight_writers_with_two_hundred_decisions_each_lose_none(library: Library) -> None:
    fill(library, 40)
    writers = [_start(library, f"reviewer {number}", DECISIONS) for number in range(WRITERS)]
    told = []
    for number, writer in enumerate(writers):
        output, errors = writer.communicate(timeout=300)
        assert writer.returncode == 0, errors
        told += [(int(line.split()[0]), f"reviewer {number}") for line in output.splitlines()]
    assert len(told) == WRITERS * DECISIONS
    assert _log(library) == sorted(told)
    assert library.counts()["reviewers"] == {f"reviewer {n}": 40 for n in range(WRITERS)}


def test_a_killed_writer_loses_no_decision_that_it_told_of(library: Library) -> None:
    fill(library, 20)
    chance = random.Random(7)
    told: list[int] = []
    for number in range(KILLS):
        writer = _start(library, f"reviewer {number}", 10_000)
        assert writer.stdout is not None
        told += [int(writer.stdout.readline().split()[0]) for _ in range(chance.randint(1, 25))]
        writer.kill()
        told += [int(line.split()[0]) for line in writer.communicate()[0].splitlines() if " " in line]
    saved = [action for action, _ in _log(library)]
    assert set(told) <= set(saved)
    assert len(saved) - len(told) <= KILLS  # the last of each may have been saved before it was told
    assert len(saved) == len(set(saved))
    library.decide(library.table().index.tolist(), "keep", reviewer="ann", settle=True)
    assert library.counts()["states"] == {"keep": 20}
