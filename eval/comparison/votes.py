"""Keep blind votes on the outputs of a comparison: which of two photos of one drawing is better?

``votes.jsonl`` in the comparison's folder, one vote a line, only ever appended to: under a lock, in one write, and on
the disk before the vote counts as given. A line that a kill has cut short is skipped. Of several votes of one person
on the same two photos the latest counts; one without a choice takes it back.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from hashlib import sha256
from itertools import combinations
from pathlib import Path
from typing import Literal, get_args

from core.atomic_files import append_line
from core.names import harmless_cell
from core.processes.jobs import now
from eval.comparison.formatting import VOTES_STRENGTH, VOTES_WON
from eval.comparison.pictures import picture_path
from eval.comparison.result import Column, Comparison
from eval.comparison.score_columns import Numbers
from eval.significance.preferences import compare_preferences

VOTES_FILE = "votes.jsonl"
VOTE_TITLES = ("Blind votes won", "Strength in blind votes")
Choice = Literal["left", "right", "tie", ""]


@dataclass(frozen=True)
class Ballot:
    """Two outputs for one case, as they are shown; ``left`` and ``right`` are models."""

    case: str
    left: str
    right: str

    @property
    def question(self) -> tuple[str, frozenset[str]]:
        """The same whichever side each is on."""
        return self.case, frozenset((self.left, self.right))


@dataclass(frozen=True)
class Vote:
    """What somebody has chosen; ``choice`` is empty where they have taken it back."""

    ballot: Ballot
    choice: Choice
    voter: str
    made_at: str = ""


def keep_vote(folder: Path, vote: Vote) -> None:
    """Append a vote; it is on the disk when this returns.

    Raises
    ------
    OSError
        If the folder cannot be written to, or the disk is full.
    """
    made_at = vote.made_at or now()
    content = {**asdict(vote.ballot), "choice": vote.choice, "voter": vote.voter, "made_at": made_at}
    append_line(folder / VOTES_FILE, content)


def read_votes(folder: Path) -> tuple[Vote, ...]:
    """Read the votes that count, in the order they were made."""
    path = folder / VOTES_FILE
    try:
        stat = path.stat()
    except OSError:
        return ()
    return _read(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=32)
def _read(path: Path, _changed: int, _size: int) -> tuple[Vote, ...]:
    found: dict[tuple[str, tuple[str, frozenset[str]]], Vote] = {}
    for line in path.read_bytes().splitlines():
        vote = _vote_of(line)
        if vote is None:
            continue
        key = (vote.voter, vote.ballot.question)
        found.pop(key, None)
        if vote.choice:
            found[key] = vote
    return tuple(found.values())


def _vote_of(line: bytes) -> Vote | None:
    try:
        content = json.loads(line)
        case, left, right, choice, voter, made_at = (
            content[key] for key in ("case", "left", "right", "choice", "voter", "made_at")
        )
    except (ValueError, KeyError, TypeError):
        return None
    is_text = all(isinstance(one, str) for one in (case, left, right, voter, made_at))
    if not is_text or choice not in get_args(Choice):
        return None
    return Vote(Ballot(case, left, right), choice, voter, made_at)


def ballots_of(folder: Path, models: Sequence[str], cases: Sequence[str]) -> list[Ballot]:
    """Every question that there are pictures for, one a case and two models."""
    shown = {}
    for model in models:
        place = picture_path(folder, "model", "any", model).parent
        files = {path.name for path in place.iterdir()} if place.is_dir() else set[str]()
        shown[model] = {case for case in cases if picture_path(folder, "model", case, model).name in files}
    return [
        Ballot(case, first, second)
        for first, second in combinations(models, 2)
        for case in cases
        if case in shown[first] and case in shown[second]
    ]


def next_ballot(ballots: Sequence[Ballot], votes: Sequence[Vote], voter: str) -> Ballot | None:
    """Choose what to ask a voter next, with sides by chance; None where they have answered everything.

    The two models that they were asked about least often, on a case by chance. What others do meanwhile does not
    change it, so nothing moves under somebody's eyes.
    """
    answered = {vote.ballot.question for vote in votes if vote.voter == voter}
    asked: dict[frozenset[str], int] = {}
    for _, pair in answered:
        asked[pair] = asked.get(pair, 0) + 1
    left = [ballot for ballot in ballots if ballot.question not in answered]
    if not left:
        return None
    chosen = min(left, key=lambda one: (asked.get(one.question[1], 0), _chance(one, voter)))
    is_turned = _chance(chosen, f"side of {voter}")[0] % 2
    return Ballot(chosen.case, chosen.right, chosen.left) if is_turned else chosen


def _chance(ballot: Ballot, voter: str) -> bytes:
    """By chance, and the same when asked again."""
    text = "\n".join((voter, ballot.case, *sorted((ballot.left, ballot.right))))
    return sha256(text.encode("utf-8", "surrogatepass")).digest()


def with_votes(comparison: Comparison, votes: Sequence[Vote]) -> Comparison:
    """Add what people prefer as two more columns: votes won, and strengths (see `compare_preferences`).

    Only votes on cases and drawings of the comparison count; without any it stays as it is.
    """
    names = {case.name for case in comparison.cases} | set(comparison.drawings)
    models = [model.name for model in comparison.models]
    counted = [
        (vote.ballot.right, vote.ballot.left, False)
        if vote.choice == "right"
        else (vote.ballot.left, vote.ballot.right, vote.choice == "tie")
        for vote in votes
        if vote.ballot.case in names and {vote.ballot.left, vote.ballot.right} <= set(models)
    ]
    if not counted:
        return comparison
    numbers = Numbers()
    columns = (
        Column(key=VOTES_WON, title=VOTE_TITLES[0], unit=f"% of {len(counted):,}", higher_is_better=True,
               per_case=False),
        Column(key=VOTES_STRENGTH, title=VOTE_TITLES[1], unit="log odds", higher_is_better=True,
               per_case=False),
    )  # fmt: skip
    strengths, shares = compare_preferences(counted, models, columns=(VOTES_STRENGTH, VOTES_WON))
    for column, found in zip(columns, (shares, strengths), strict=True):
        numbers.add(column, found)
    return comparison.model_copy(
        update={
            "columns": (*comparison.columns, *numbers.columns),
            "models": tuple(
                model.model_copy(update={"scores": {**model.scores, **numbers.scores.get(model.name, {})}})
                for model in comparison.models
            ),
            "pairs": (*comparison.pairs, *numbers.pairs),
            "standings": (*comparison.standings, *numbers.standings),
        }
    )


def votes_csv(votes: Sequence[Vote]) -> str:
    """Write every vote as a line of a table."""
    buffer = io.StringIO()
    table = csv.writer(buffer, lineterminator="\n")
    table.writerow(["case", "left", "right", "choice", "voter", "made_at"])
    for vote in votes:
        row = (*asdict(vote.ballot).values(), vote.choice, vote.voter, vote.made_at)
        table.writerow([harmless_cell(value) for value in row])
    return buffer.getvalue()
