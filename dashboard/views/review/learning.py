"""Learn from decisions, in one thread beside the page, what to propose for faces that nobody has decided yet."""

from __future__ import annotations

import html
import logging
import threading
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from dashboard.shared.texts import N_, _, translate_sentence
from dashboard.views.review.filters import Choices

if TYPE_CHECKING:
    import pandas as pd

    from curation.library.library import Library

logger = logging.getLogger(__name__)

FIRST_AT = 50  # decisions
MOST_PROPOSED = 10_000  # undecided faces in one go: 80 MB of embeddings, and hours of work for a person
AGAIN_AFTER = 0.2  # part by which they have grown since


@dataclass(frozen=True)
class Learned:
    """How far the machine is."""

    decided: int = 0  # keep and reject decisions that it learned from; 0 before the first time
    # accuracy, baseline: cross-validated, and of the rules alone on the same faces; ``None`` where unknown.
    accuracy: float | None = None
    baseline: float | None = None
    is_running: bool = False
    order: tuple[str, ...] = ()  # undecided images, those first that teach the machine most
    sentence: str = ""  # how good it is, or why nothing is proposed, in words


class Learner:
    """Learns from one library, one run at a time."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._lock = threading.Lock()
        self._state = Learned()
        self._tried_at = 0

    @property
    def state(self) -> Learned:
        return self._state

    def is_due(self, decided: int) -> bool:
        """Whether there are enough decisions, and enough new ones since the last attempt."""
        grown = abs(decided - self._tried_at) >= max(1, AGAIN_AFTER * self._tried_at)
        return decided >= FIRST_AT and grown and not self._state.is_running

    def start(self, decided: int) -> threading.Thread | None:
        """Learn beside everything else; None where it runs already."""
        with self._lock:
            if self._state.is_running:
                return None
            self._tried_at = decided
            self._state = replace(self._state, is_running=True)
        thread = threading.Thread(target=self._run, name="learn-from-decisions", daemon=True)
        thread.start()
        return thread

    def _run(self) -> None:
        from curation.library.records import LibraryError
        from curation.proposals import MODEL, propose

        try:
            table = rows_to_learn_from(self._library.table())
            known = table[table["decision"].isin(["keep", "reject"])].sort_values("decided_at", kind="stable")
            decisions = dict(zip(known.index, known["decision"].astype(str), strict=True))
            embeddings = np.nan_to_num(self._library.embeddings(list(table.index)), copy=False)
            found = propose(table, embeddings, decisions)
            if len(found.probability):
                self._library.save_proposals(found.as_saved(), MODEL)
            self._state = Learned(
                found.decisions,
                found.accuracy_cv,
                found.baseline_accuracy,
                False,
                found.order,
                found.sentence,
            )
        except (LibraryError, ValueError) as error:
            logger.warning("no proposals: %s", error)
            self._state = Learned(sentence=str(error))
        except BaseException:
            self._state = Learned(
                sentence=N_("Learning from the decisions failed; the server's log says why.")
            )
            raise


def rows_to_learn_from(table: pd.DataFrame, most: int = MOST_PROPOSED) -> pd.DataFrame:
    """The decided faces and some of the others, evenly over the time they came in."""
    with_face = (table["status"] == "ok").to_numpy()
    decided = table["decision"].isin(["keep", "reject"]).to_numpy()
    others = np.flatnonzero(with_face & ~decided)
    if len(others) > most:
        others = others[np.linspace(0, len(others) - 1, most).astype(int)]
    chosen = np.sort(np.concatenate([np.flatnonzero(with_face & decided), others]))
    return table.iloc[chosen]


@cache
def learner_of(library: Library) -> Learner:
    """The learner of a library, one in this process."""
    return Learner(library)


def show_learning(learner: Learner, choices: Choices) -> None:
    """Show the menu, and let the machine learn where there is enough that is new."""
    decided = choices.decisions.get("keep", 0) + choices.decisions.get("reject", 0)
    if learner.is_due(decided):
        learner.start(decided)
    learned = learner.state
    title = (
        _("Proposals")
        if learned.accuracy is None
        else _("Proposals · {accuracy:.0%} right", accuracy=learned.accuracy)
    )
    with (
        st.popover(title, icon=":material/auto_awesome:", key="review_learning", type="tertiary"),
        st.container(key="review_learning_menu"),
    ):
        if learned.accuracy is not None and learned.baseline is not None:
            st.html(
                '<table class="review-agreement">'
                f"<tr><th>{_('Right on decisions it had not seen')}</th><th></th></tr>"
                f"<tr><td>{_('Learned from {n:,} decisions', n=learned.decided)}</td>"
                f"<td>{learned.accuracy:.1%}</td></tr>"
                f"<tr><td>{_('The rules alone')}</td><td>{learned.baseline:.1%}</td></tr></table><p>"
                + _(
                    "Kept and rejected count alike. Each face shows its proposal; "
                    "the shared queue begins with those the machine is least sure of."
                )
                + "</p>"
            )
        elif learned.sentence:
            st.html(f"<p>{html.escape(translate_sentence(_(learned.sentence)))}</p>")
        elif not learned.is_running:
            left = max(0, FIRST_AT - decided)
            said = _(
                "After {first} decisions the machine proposes the next ones by itself: {left} to go.",
                first=FIRST_AT,
                left=left,
            )
            st.html(f"<p>{said}</p>")
        if learned.is_running:
            st.html(f"<p>{_('Learning …')}</p>")
        st.button(
            _("Learn now"),
            key="review_learn",
            disabled=learned.is_running or not decided,
            on_click=learner.start,  # type: ignore[arg-type]  # what a callback returns is dropped
            args=(decided,),
        )
