"""Whatever reviewers decide, undo and redo, the library agrees with a model of a few lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation.library.library import Library
from tests.curation.library.samples import fill

IMAGES, REVIEWERS = 3, ("ann", "bob")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["keep", "reject", "", "undo", "undo", "redo", "settle"]),
        st.sampled_from(REVIEWERS),
        st.sets(st.integers(0, IMAGES - 1), min_size=1),
    ),
    min_size=1,
    max_size=14,
)


@dataclass
class Action:
    number: int
    reviewer: str
    decision: str
    images: frozenset[int]
    settles: bool


@dataclass
class Model:
    """All actions that count, and what each reviewer may undo and redo."""

    counting: dict[str, list[Action]] = field(default_factory=lambda: {name: [] for name in REVIEWERS})
    undone: dict[str, list[Action]] = field(default_factory=lambda: {name: [] for name in REVIEWERS})
    made: int = 0

    def step(self, what: str, who: str, images: set[int]) -> None:
        if what == "undo":
            if self.counting[who]:
                self.undone[who].append(self.counting[who].pop())
        elif what == "redo":
            if self.undone[who]:
                self.counting[who].append(self.undone[who].pop())
        else:
            self.made += 1
            decision = "keep" if what == "settle" else what
            self.counting[who].append(
                Action(self.made, who, decision, frozenset(images), settles=what == "settle")
            )
            self.undone[who].clear()

    def state(self, image: int) -> tuple[str, bool]:
        """Decision and whether it is disputed."""
        opinions: dict[str, Action] = {}
        settled = 0
        for who in REVIEWERS:
            mine = [action for action in self.counting[who] if image in action.images]
            mine.sort(key=lambda action: action.number)
            withdrawn = [n for n, action in enumerate(mine) if action.decision == ""]
            mine = mine[withdrawn[-1] + 1 :] if withdrawn else mine
            if mine:
                opinions[who] = mine[-1]
                settled = max([settled, *(action.number for action in mine if action.settles)])
        said = {action.decision for action in opinions.values() if action.number >= settled}
        return (said.pop() if len(said) == 1 else ""), len(said) > 1


@pytest.fixture(scope="module")
def shared_library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    folder: Path = tmp_path_factory.mktemp("model")
    return Library.open(folder, f"sqlite:///{folder / 'library.sqlite'}")


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_any_mix_of_decisions_undo_and_redo_gives_what_the_model_gives(
    shared_library: Library, steps: list[tuple[str, str, set[int]]]
) -> None:
    library = shared_library
    run = len(library.table())  # images and reviewers of its own for each example
    ids = fill(library, IMAGES, start=run)
    model = Model()
    for what, who, images in steps:
        model.step(what, who, images)
        name = f"{who} {run}"
        if what in ("undo", "redo"):
            getattr(library, what)(name)
        else:
            library.decide(
                [ids[n] for n in images],
                "keep" if what == "settle" else what,
                reviewer=name,
                settle=what == "settle",
            )
    table = library.table().loc[ids]
    found = list(zip(table["decision"].astype(str), table["disputed"].tolist(), strict=True))
    assert found == [model.state(n) for n in range(IMAGES)]
