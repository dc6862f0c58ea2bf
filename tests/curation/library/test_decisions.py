"""Decisions are only ever added; undo, redo, disputes and labels follow from them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import delete, select

from curation.library.decisions import derive
from curation.library.library import Library
from curation.library.records import LibraryError
from curation.library.schema import actions, images, opinions
from curation.library.schema import states as states_table
from tests.curation.library.samples import examination, fill, original, states


def test_a_person_beats_the_machine_until_the_decision_is_withdrawn(library: Library) -> None:
    ids = fill(library, 2)
    library.save_examinations([examination(ids[1], yaw=40.0)])
    assert states(library, ids) == ["keep", "reject"]
    library.decide(ids, "reject", reviewer="ann")
    library.decide(ids[1:], "keep", reviewer="ann")
    assert states(library, ids) == ["reject", "keep"]
    assert library.table()["verdict"].tolist() == ["keep", "reject"]
    library.decide(ids, "", reviewer="ann")
    assert states(library, ids) == ["keep", "reject"]
    assert library.table()["reviewers"].tolist() == [(), ()]


def test_what_nobody_judged_is_undecided(library: Library) -> None:
    ids = fill(library, 1)
    library.add_many([(original(5), library.provenance(ids[0])[0])])
    assert states(library, [original(5).id]) == ["undecided"]
    library.decide([original(5).id], "unsure", reviewer="ann")
    assert states(library, [original(5).id]) == ["unsure"]


def test_a_whole_page_is_one_action_and_one_step_back(library: Library) -> None:
    ids = fill(library, 60)
    library.decide(ids, "reject", reviewer="ann")
    assert set(states(library, ids)) == {"reject"}
    assert library.undo("ann") == tuple(ids)
    assert set(states(library, ids)) == {"keep"}
    assert library.undo("ann") == ()


def test_undo_goes_back_any_number_of_steps_after_a_restart_and_only_over_ones_own(
    library: Library, open_library: Callable[[], Library]
) -> None:
    ids = fill(library, 30)
    for image_id in ids:
        library.decide([image_id], "reject", reviewer="ann")
    library.decide(ids[:1], "reject", reviewer="bob")
    again = open_library()
    assert [again.undo("ann") for _ in ids] == [(image_id,) for image_id in reversed(ids)]
    assert again.undo("ann") == ()
    assert states(library, ids) == ["reject"] + ["keep"] * 29
    assert [len(library.redo("ann")) for _ in range(31)] == [1] * 30 + [0]
    assert set(states(library, ids)) == {"reject"}


def test_undo_restores_the_decision_before_it(library: Library) -> None:
    ids = fill(library, 1)
    for decision in ("reject", "unsure", "keep"):
        library.decide(ids, decision, reviewer="ann")
    seen = [states(library, ids)[0]]
    while library.undo("ann"):
        seen.append(states(library, ids)[0])
    assert seen == ["keep", "unsure", "reject", "keep"]


def test_a_new_decision_leaves_nothing_to_redo(library: Library) -> None:
    ids = fill(library, 2)
    library.decide(ids[:1], "reject", reviewer="ann")
    library.undo("ann")
    library.decide(ids[1:], "reject", reviewer="ann")
    assert library.redo("ann") == ()
    assert library.undo("ann") == (ids[1],)
    assert library.undo("ann") == ()
    assert library.redo("ann") == (ids[1],)


def test_the_log_is_only_added_to(library: Library) -> None:
    ids = fill(library, 1)
    library.decide(ids, "reject", reviewer="ann")
    library.undo("ann")
    library.redo("ann")
    library.undo("ann")
    history = library.history(ids[0])
    assert [(entry.kind, entry.decision, entry.undone) for entry in history] == [
        ("decide", "reject", True),
        *[(kind, "reject", True) for kind in ("undo", "redo", "undo")],
    ]
    assert [entry.action for entry in history] == sorted({entry.action for entry in history})
    assert all(entry.reviewer == "ann" and entry.made_at.endswith("Z") for entry in history)


def test_reviewers_who_differ_dispute_an_image_until_it_is_settled(library: Library) -> None:
    ids = fill(library, 2)
    library.decide(ids, "keep", reviewer="ann")
    library.decide(ids[:1], "reject", reviewer="bob")
    assert states(library, ids) == ["undecided", "keep"]
    assert library.table()["disputed"].tolist() == [True, False]
    (dispute,) = library.disagreements()
    assert dispute.image_id == ids[0]
    assert [opinion[:2] for opinion in dispute.opinions] == [("ann", "keep"), ("bob", "reject")]

    library.decide(ids[:1], "reject", reviewer="cid", settle=True)
    assert states(library, ids) == ["reject", "keep"]
    assert library.disagreements() == []
    library.undo("cid")
    assert states(library, ids) == ["undecided", "keep"]


def test_one_of_two_who_differ_gives_in_without_settling(library: Library) -> None:
    ids = fill(library, 1)
    library.decide(ids, "keep", reviewer="ann")
    library.decide(ids, "reject", reviewer="bob")
    library.decide(ids, "keep", reviewer="bob")
    assert states(library, ids) == ["keep"]
    assert library.disagreements() == []


def test_who_differs_from_a_settled_decision_disputes_it_again(library: Library) -> None:
    ids = fill(library, 1)
    library.decide(ids, "keep", reviewer="ann")
    library.decide(ids, "reject", reviewer="bob")
    library.decide(ids, "keep", reviewer="ann", settle=True)
    assert states(library, ids) == ["keep"]
    library.decide(ids, "reject", reviewer="bob")
    assert states(library, ids) == ["undecided"]
    library.decide(ids, "", reviewer="ann")  # the settlement is withdrawn, and with it ann's opinion
    assert states(library, ids) == ["reject"]


def test_labels_are_normalised_shared_and_part_of_the_log(library: Library) -> None:
    ids = fill(library, 2)
    library.decide(ids, None, reviewer="ann", add_labels=["  Hat ", "HAT", "dark   Glasses"])
    library.decide(ids[:1], "keep", reviewer="bob", remove_labels=["hat"], add_labels=["female"])
    assert library.table()["labels"].tolist() == [("dark glasses", "female"), ("dark glasses", "hat")]
    assert library.labels_of([*ids, original(9).id]) == {
        ids[0]: ("dark glasses", "female"),
        ids[1]: ("dark glasses", "hat"),
    }
    assert library.table()["decision"].tolist() == ["keep", ""]
    library.undo("bob")
    assert library.table()["labels"].tolist() == [("dark glasses", "hat")] * 2
    assert library.history(ids[0])[1].added_labels == ("female",)
    assert library.counts()["labels"] == {"dark glasses": 2, "hat": 2}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"decision": "maybe"}, "keep, reject, unsure"),
        ({"decision": None}, "nothing to decide"),
        ({"reviewer": "  "}, "reviewer's name"),
        ({"reviewer": "x" * 61}, "at most 60"),
        ({"reviewer": "a\x00b"}, "printable"),
        ({"add_labels": [""]}, "a label has"),
        ({"add_labels": ["x" * 41]}, "a label has"),
        ({"add_labels": "hat"}, "list of labels"),
        ({"add_labels": ["hat"], "remove_labels": ["Hat"]}, "both"),
        ({"decision": "", "settle": True}, "settled by"),
        ({"ids": []}, "at least one image"),
    ],
)
def test_a_decision_that_makes_no_sense_is_refused(library: Library, arguments: dict, message: str) -> None:
    given = {"ids": fill(library, 1), "decision": "keep", "reviewer": "ann"} | arguments
    ids, decision = given.pop("ids"), given.pop("decision")
    with pytest.raises(ValueError, match=message):
        library.decide(ids, decision, **given)
    assert library.table()["decision"].tolist() == [""]


def test_a_decision_about_an_unknown_image_saves_nothing(library: Library) -> None:
    ids = fill(library, 1)
    with pytest.raises(LibraryError, match=r"1 of 2 images are not in the library"):
        library.decide([*ids, original(9).id], "reject", reviewer="ann")
    assert states(library, ids) == ["keep"]
    assert library.undo("ann") == ()


def test_the_same_token_is_carried_out_once(library: Library) -> None:
    ids = fill(library, 2)
    first = library.decide(ids, "reject", reviewer="ann", token="page:1")
    assert library.decide(ids, "reject", reviewer="ann", token="page:1") == first
    library.decide(ids[:1], "keep", reviewer="ann", token="page:2")
    assert library.undo("ann", token="page:3") == library.undo("ann", token="page:3") == (ids[0],)
    assert states(library, ids) == ["reject", "reject"]
    library.correct_alignment(ids[0], ((1, 1), (2, 1), (1, 2)), "ann", token="page:4")
    library.correct_alignment(ids[0], ((9, 9), (2, 1), (1, 2)), "ann", token="page:4")
    assert library.alignment_of(ids[0])[0] == (1, 1)


def test_opinions_and_states_are_what_the_log_says(library: Library) -> None:
    ids = fill(library, 4)
    library.decide(ids, "keep", reviewer="ann", add_labels=["hat"])
    library.decide(ids[1:], "reject", reviewer="bob")
    library.decide(ids[2:], "reject", reviewer="cid", settle=True)
    library.undo("bob")
    kept = {table.name: _rows(library, table) for table in (opinions, states_table)}
    with library._database.write() as write:
        numbers = list(write.connection.execute(select(images.c.number)).scalars())
        write.connection.execute(delete(opinions))
        write.connection.execute(delete(states_table))
        derive(write, numbers)
    assert {table.name: _rows(library, table) for table in (opinions, states_table)} == kept


def _rows(library: Library, table: type[opinions] | object) -> list[tuple]:
    assert hasattr(table, "c")
    columns = [column for column in table.c if column.name != "changed"]
    with library._database.read() as connection:
        return [tuple(row) for row in connection.execute(select(*columns).order_by(*columns[:2]))]


def test_decisions_that_differ_are_one_action_and_one_step_back(library: Library) -> None:
    ids = fill(library, 3)
    wanted = dict(zip(ids, ("keep", "reject", "unsure"), strict=True))
    action = library.decide_each(wanted, reviewer="ann", token="once")
    assert library.decide_each(wanted, reviewer="ann", token="once") == action
    assert states(library, ids) == ["keep", "reject", "unsure"]
    assert set(library.undo("ann")) == set(ids) and states(library, ids) == ["keep"] * 3
    library.redo("ann")
    assert states(library, ids) == ["keep", "reject", "unsure"]
    with pytest.raises(ValueError, match="expected keep"):
        library.decide_each({ids[0]: "maybe"}, reviewer="ann")
    with pytest.raises(ValueError, match="at least one"):
        library.decide_each({}, reviewer="ann")


def test_agreement_counts_what_was_thought_before_a_dispute_was_settled(library: Library) -> None:
    ids = fill(library, 4)
    library.decide(ids[:2], "keep", reviewer="ann")
    library.decide(ids[2:], "reject", reviewer="ann")
    library.decide(ids[:3], "keep", reviewer="bob")
    library.decide(ids[3:], "reject", reviewer="bob")
    before = library.agreement()
    library.decide(ids[2:3], "reject", reviewer="bob", settle=True)
    assert library.agreement() == before
    (pair,) = before.pairs
    assert (pair.first, pair.second, pair.images, pair.percent) == ("ann", "bob", 4, 75)
    assert pair.kappa == pytest.approx(0.5)


def test_the_log_numbers_actions_in_order_of_time(library: Library) -> None:
    ids = fill(library, 1)
    numbers = [library.decide(ids, "keep", reviewer="ann") for _ in range(3)]
    assert numbers == sorted(set(numbers))
    with library._database.read() as connection:
        assert connection.execute(select(actions.c.id)).scalars().all() == numbers
