"""Blind votes: kept one by one whatever happens, asked without a bias, and beside the other figures."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from eval.comparison.export_csv import to_csv
from eval.comparison.export_paper import to_latex, to_markdown
from eval.comparison.formatting import VOTES_STRENGTH, VOTES_WON
from eval.comparison.votes import (
    VOTES_FILE,
    Ballot,
    Vote,
    ballots_of,
    keep_vote,
    next_ballot,
    read_votes,
    votes_csv,
    with_votes,
)
from tests.dashboard.comparison_example import NAMES, example_comparison, write_pictures

BALLOTS = [Ballot(f"{case:02d}", left, right) for case in range(20) for left, right in ("ab", "ac", "bc")]


def test_votes_are_read_as_they_were_made(tmp_path: Path) -> None:
    votes = [
        Vote(BALLOTS[i], choice, "Ann", "2026-01-01T00:00:00Z") for i, choice in enumerate(("left", "tie"))
    ]
    for vote in votes:
        keep_vote(tmp_path, vote)
    assert read_votes(tmp_path) == tuple(votes)
    assert read_votes(tmp_path / "none") == ()


def test_the_latest_vote_of_a_person_counts_and_can_be_taken_back(tmp_path: Path) -> None:
    turned = Ballot(BALLOTS[0].case, BALLOTS[0].right, BALLOTS[0].left)
    for vote in (
        Vote(BALLOTS[0], "left", "Ann"),
        Vote(BALLOTS[0], "left", "Bob"),
        Vote(turned, "left", "Ann"),
    ):
        keep_vote(tmp_path, vote)
    assert [(vote.voter, vote.ballot) for vote in read_votes(tmp_path)] == [
        ("Bob", BALLOTS[0]),
        ("Ann", turned),
    ]
    keep_vote(tmp_path, Vote(turned, "", "Ann"))
    assert [vote.voter for vote in read_votes(tmp_path)] == ["Bob"]
    assert len((tmp_path / VOTES_FILE).read_bytes().splitlines()) == 4  # nothing is ever overwritten


@pytest.mark.parametrize("rest", [b'{"case": "00", "le', b"\xff\xfe", b"[]\n", b'{"case": 1}\n'])
def test_what_a_kill_has_cut_short_hides_no_other_vote(tmp_path: Path, rest: bytes) -> None:
    keep_vote(tmp_path, Vote(BALLOTS[0], "left", "Ann"))
    with (tmp_path / VOTES_FILE).open("ab") as handle:
        handle.write(rest)
    keep_vote(tmp_path, Vote(BALLOTS[1], "right", "Ann"))
    assert [vote.ballot for vote in read_votes(tmp_path)] == BALLOTS[:2]


def vote_often(folder: Path, voter: str, count: int) -> None:
    for ballot in BALLOTS[:count]:
        keep_vote(folder, Vote(ballot, "left", voter))


def test_sixteen_people_vote_at_once_and_one_of_them_is_killed(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    people = [context.Process(target=vote_often, args=(tmp_path, f"p{i}", 20)) for i in range(16)]
    endless = context.Process(target=lambda: [vote_often(tmp_path, "killed", 60) for _ in range(10_000)])
    for one in (endless, *people):
        one.start()
    deadline = time.monotonic() + 60
    while not any(vote.voter == "killed" for vote in read_votes(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert endless.pid is not None
    os.kill(endless.pid, signal.SIGKILL)
    for one in (endless, *people):
        one.join(60)
    counts = Counter(vote.voter for vote in read_votes(tmp_path))
    assert counts.pop("killed") and counts == {f"p{i}": 20 for i in range(16)}


def test_every_pair_is_asked_alike_on_sides_by_chance_until_all_are_answered() -> None:
    votes: list[Vote] = []
    lefts: Counter[str] = Counter()
    for voter in ("Ann", "Bob", "Cem"):
        while ballot := next_ballot(BALLOTS, votes, voter):
            assert ballot == next_ballot(BALLOTS, votes, voter)
            votes.append(Vote(ballot, "left", voter))
            lefts[ballot.left] += 1
            pairs = Counter(vote.ballot.question[1] for vote in votes if vote.voter == voter)
            assert max(pairs.values()) - min(pairs.get(frozenset(two), 0) for two in ("ab", "ac", "bc")) <= 1
    assert len(votes) == 3 * len(BALLOTS) == len({(vote.voter, vote.ballot.question) for vote in votes})
    assert all(40 < count < 80 for count in lefts.values())  # 60 each, give or take 3 standard errors


def test_only_cases_with_pictures_of_two_models_are_asked_about(tmp_path: Path) -> None:
    made = example_comparison(4)
    write_pictures(tmp_path, made, first=2, side=8)
    found = ballots_of(tmp_path, NAMES, [case.name for case in made.cases])
    assert len(found) == 2 * 3 and {one.case for one in found} == {"0801", "0802"}


def test_votes_stand_beside_the_other_figures_in_every_table() -> None:
    made = example_comparison(40)
    votes = [Vote(Ballot(case.name, "cyclegan", "ugatit"), "left", "Ann") for case in made.cases]
    votes += [
        Vote(Ballot("0801", "ugatit", "pix2pixhd"), "tie", "Ann"),
        Vote(Ballot("gone", "ugatit", "x"), "tie", "B"),
    ]
    shown = with_votes(made, votes)
    assert with_votes(made, []) is made
    assert [column.key for column in shown.columns[-2:]] == [VOTES_WON, VOTES_STRENGTH]
    assert shown.columns[-2].unit == "% of 41"
    score = shown.models[1].scores[VOTES_WON]
    assert score.value == 100 and score.low is not None and score.low < 95
    assert "Blind votes won (% of 41)" in to_markdown(shown)
    assert r"Blind votes won (\% of 41)" in to_latex(shown)
    assert f"score,fd_effnet_lite0,k1,{VOTES_WON},cyclegan" in to_csv(shown)
    assert votes_csv(votes).splitlines()[1] == "0801,cyclegan,ugatit,left,Ann,"
