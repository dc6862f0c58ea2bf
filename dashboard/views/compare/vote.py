"""Ask which of two photos of one drawing is better, without saying whose they are."""

from __future__ import annotations

import hashlib
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from dashboard import access
from dashboard.shared.texts import _, ngettext
from dashboard.views.compare.cases import picture_url
from dashboard.views.compare.state import PROBLEM, SHIPPED
from dashboard.views.review.state import NAME_LENGTH, REVIEWER, clean_name
from eval.comparison.formatting import VOTES_STRENGTH, VOTES_WON, column_of
from eval.comparison.votes import Ballot, Choice, Vote, ballots_of, keep_vote, next_ballot, read_votes

if TYPE_CHECKING:
    from eval.comparison.comparison_store import Entry
    from eval.comparison.result import Comparison

_NAME = "compare_voter"


def votes_folder(root: Path, entry: Entry) -> Path:
    """Where the votes on a comparison are kept: with it; those on the shipped one in the data folder."""
    return root / SHIPPED if entry.id == SHIPPED else entry.folder


def show_vote(entry: Entry, comparison: Comparison, folder: Path) -> None:
    """One question after the other; what all votes say stands in the leaderboard."""
    PROBLEM.show_error()
    models = [model.name for model in comparison.models]
    cases = [*(case.name for case in comparison.cases), *comparison.drawings]
    ballots = ballots_of(entry.folder, models, cases)
    if not ballots:
        text = _("No case has images of two models, so there is nothing to vote on.")
        st.html(f'<div class="cmp-empty"><p>{escape(text)}</p></div>')
        return
    voter = _ask_name()
    votes = read_votes(folder)
    ballot = next_ballot(ballots, votes, voter)
    mine = [vote for vote in votes if vote.voter == voter] if voter else []
    if ballot is None:
        st.success(
            _("You have compared all {n:,} pairs. Thank you.", n=len(ballots)), icon=":material/done_all:"
        )
    else:
        _ask(entry, ballot, voter, folder)
    with st.container(horizontal=True, vertical_alignment="center", key="compare_vote_foot"):
        st.button(
            _("Take back my last vote"), icon=":material/undo:", key="compare_vote_undo", shortcut="u",
            disabled=not mine, on_click=_keep, args=(folder, Vote(mine[-1].ballot, "", voter) if mine else None),
        )  # fmt: skip
        st.caption(ngettext("{n:,} vote of yours", "{n:,} votes of yours", len(mine)))
    if any(VOTES_WON in model.scores for model in comparison.models):
        won, strength = (column_of(comparison, key) for key in (VOTES_WON, VOTES_STRENGTH))
        st.caption(
            _(
                "A tie is half a vote won. Strengths are those of Bradley and Terry, in log odds: 1 more wins 73 % of "
                "what is decided. Choose *{won}* or *{strength}* under Judge by to see which differences are real.",
                won=_(won.title),
                strength=_(strength.title),
            )
        )


def _ask_name() -> str:
    """The name that votes are kept under: of who is signed in, else the one that Review knows."""
    if name := access.visitor().name:
        return name
    if _NAME not in st.session_state:
        st.session_state[_NAME] = clean_name(st.session_state.get(REVIEWER))
    st.text_input(
        _("Your name"), key=_NAME, max_chars=NAME_LENGTH, width=320,
        placeholder=_("Votes are kept under it"), help=_("Two people with one name count as one."),
    )  # fmt: skip
    name = clean_name(st.session_state[_NAME])
    if name:
        st.session_state[REVIEWER] = name
    return name


def _ask(entry: Entry, ballot: Ballot, voter: str, folder: Path) -> None:
    sketch = picture_url(entry.folder, "sketch", ballot.case)
    left, right = (
        picture_url(entry.folder, "model", ballot.case, one) for one in (ballot.left, ballot.right)
    )
    drawing = f"<img class='drawing' src='{sketch}' alt='{escape(_('The drawing'))}'>" if sketch else ""
    st.markdown(
        "##### " + (_("Which photo is better for this drawing?") if sketch else _("Which photo is better?"))
    )
    st.html(
        f"<div class='cmp-vote'>{drawing}<div class='pair'><img src='{left}' alt='{escape(_('Photo 1'))}'>"
        f"<img src='{right}' alt='{escape(_('Photo 2'))}'></div></div>"
    )
    choices: tuple[tuple[Choice, str, str], ...] = (
        ("left", _("Photo 1"), "1"), ("tie", _("No difference"), "0"), ("right", _("Photo 2"), "2"),
    )  # fmt: skip
    # Of this question alone, so that a late second click answers no other; the browser must not learn the names.
    question = hashlib.sha256(repr(ballot).encode("utf-8", "surrogatepass")).hexdigest()[:16]
    with st.container(horizontal=True, key="compare_vote_buttons"):
        for choice, words, key in choices:
            st.button(
                words, key=f"compare_vote_{choice}_{question}", shortcut=key, disabled=not voter, width="stretch",
                on_click=_keep, args=(folder, Vote(ballot, choice, voter)),
                type="secondary" if choice == "tie" else "primary",
            )  # fmt: skip
    if not voter:
        st.caption(_("Say your name first, above."))


def _keep(folder: Path, vote: Vote | None) -> None:
    if vote is None:
        return
    try:
        keep_vote(folder, vote)
    except OSError as error:
        PROBLEM.keep(_("The vote was not kept: {error}. Vote again.", error=error))
