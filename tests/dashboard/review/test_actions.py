"""What a reviewer did arrives once, in order, and loses nothing."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from curation.library.library import Library
from curation.library.records import DuplicateGroup, Examination, LibraryError, Provenance
from dashboard import access
from dashboard.roles import Role
from dashboard.views.review.actions import ACTIONS_AT_ONCE, apply_actions
from dashboard.views.review.filters import View, find_images
from dashboard.views.review.grid import detail_of
from dashboard.views.review.state import IdempotencyLog, ReviewSession
from tests.dashboard.review_library import VERSIONS, fill_library, measurements_of, original_of

CLIENT = "0123456789ab"


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("painted")
    fill_library(folder, 5)
    return folder


@pytest.fixture
def library(painted: Path, tmp_path: Path):
    with Library.open(shutil.copytree(painted, tmp_path / "library")) as opened:
        yield opened


@pytest.fixture
def ids(library: Library) -> list[str]:
    return list(library.table().index)


def action(number: int, kind: str = "decide", client: str = CLIENT, **content) -> dict:
    return {"client": client, "number": number, "kind": kind, "who": "Ann", **content}


def decisions(library: Library, ids: list[str]) -> list[str]:
    return [str(library.table()["decision"][key]) for key in ids]


def cut_out(library: Library, picture: str) -> str:
    """A face that was cut out of a picture of the library."""
    original = original_of(99)
    library.add(original, Provenance(f"picture:{picture}", "party.png face 1", page=f"picture:{picture}"))
    return original.id


def test_a_face_and_the_picture_it_was_cut_from_lead_to_each_other(library: Library, ids: list[str]):
    face = cut_out(library, ids[0])
    for start, end in ((ids[0], face), (face, ids[0])):
        detail = detail_of(library, library.table(), start)
        assert detail is not None
        (link,) = detail["links"]
        session = ReviewSession()
        apply_actions(library, session, [action(1, **link["action"])], IdempotencyLog())
        assert find_images(library.table(), session.view) == [end]
    assert detail["sources"] == [f"Cut from a group picture · party.png face 1 · {now_of(library, face)}"]


def test_a_picture_of_several_people_offers_to_cut_it(
    library: Library, ids: list[str], monkeypatch: pytest.MonkeyPatch
):
    library.save_examinations([group_examination(ids[0])])
    detail = detail_of(library, library.table(), ids[0])
    assert detail is not None
    started: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(
        "curation.jobs.start", lambda kind, arguments, library: started.append((kind, arguments))
    )
    session = ReviewSession()
    apply_actions(library, session, [action(1, **detail["links"][0]["action"])], IdempotencyLog())
    assert started == [("split", [ids[0], "--judge", "--json"])]
    assert session.shows_splitting


def now_of(library: Library, image_id: str) -> str:
    return library.provenance(image_id)[0].added_at.replace("T", " ")[:16]


def group_examination(image_id: str) -> Examination:
    return Examination(image_id, "ok", versions=VERSIONS, measurements=replace(measurements_of(1), faces=2))


@pytest.mark.parametrize("scope", ["page", "filter"])
def test_agreeing_takes_the_machines_verdict_on_what_is_open_and_is_one_step_back(
    library: Library, ids: list[str], scope: str
):
    verdicts = [str(one) for one in library.table()["verdict"]]
    library.decide(ids[:1], "unsure", reviewer="Bob")
    session, book = ReviewSession(ids=ids), IdempotencyLog()
    on_page = ids[:4]
    apply_actions(library, session, [action(1, "agree", scope=scope, ids=on_page)], book)
    agreed = ["unsure", *verdicts[1:]] if scope == "filter" else ["unsure", *verdicts[1:4], ""]
    assert decisions(library, ids) == agreed and "Agreed with the machine" in session.notice
    apply_actions(library, session, [action(2, "undo")], book)
    assert decisions(library, ids) == ["unsure", "", "", "", ""]


def test_agreeing_where_nothing_is_open_says_so(library: Library, ids: list[str]):
    library.decide(ids, "keep", reviewer="Bob")
    session = ReviewSession(ids=ids)
    apply_actions(library, session, [action(1, "agree", scope="filter", ids=[])], IdempotencyLog())
    assert "Nothing is left" in session.notice


def test_of_look_alikes_one_is_kept_and_the_others_go_in_one_step(library: Library, ids: list[str]):
    library.save_duplicates([DuplicateGroup("near", ids[2], (ids[0], ids[2], ids[4]))])
    session, book = ReviewSession(), IdempotencyLog()
    apply_actions(library, session, [action(1, "beside", group=ids[4])], book)
    assert session.beside == [ids[2], ids[0], ids[4]]  # the best first
    apply_actions(library, session, [action(2, "pick", ids=session.beside, keep=ids[0])], book)
    assert decisions(library, ids) == ["keep", "", "reject", "", "reject"]
    apply_actions(library, session, [action(3, "undo"), action(4, "beside", ids=[])], book)
    assert decisions(library, ids) == [""] * 5 and session.beside == []
    apply_actions(library, session, [action(5, "pick", ids=ids[:2], keep=ids[3])], book)
    assert decisions(library, ids) == [""] * 5 and "deleted" in session.notice
    sorted_ids = find_images(library.table(), View(sort="duplicate_group"))
    assert set(sorted_ids[:3]) == {ids[0], ids[2], ids[4]} and set(sorted_ids) == set(ids)


def test_actions_sent_again_are_done_once(library: Library, ids: list[str]):
    session, book = ReviewSession(), IdempotencyLog()
    first = [
        action(1, ids=ids[:2], decision="keep"),
        action(2, ids=ids[1:2], decision="reject"),
        action(3, "undo"),
    ]
    apply_actions(library, session, first, book)
    apply_actions(library, session, [*first, action(4, ids=ids[2:3], decision="unsure")], book)
    assert decisions(library, ids) == ["keep", "keep", "unsure", "", ""]
    assert book.last(CLIENT) == 4
    assert len(library.history(ids[0])) == 1


def test_actions_sent_again_after_a_restart_are_done_once(library: Library, ids: list[str]):
    actions = [
        action(1, ids=ids[:1], decision="keep"),
        action(2, ids=ids[1:2], decision="keep"),
        action(3, "undo"),
    ]
    for _ in range(3):  # each time a new process that knows nothing
        apply_actions(library, ReviewSession(), actions, IdempotencyLog())
    assert decisions(library, ids[:2]) == ["keep", ""]
    assert len(library.history(ids[0])) == 1


def test_of_very_many_actions_the_first_are_done_and_the_browser_sends_the_rest_again(
    library: Library, ids: list[str]
):
    session, book = ReviewSession(), IdempotencyLog()
    many = [action(number + 1, "open", id=ids[number % 5]) for number in range(ACTIONS_AT_ONCE + 1)]
    apply_actions(library, session, many, book)
    assert book.last(CLIENT) == ACTIONS_AT_ONCE
    apply_actions(library, session, many[ACTIONS_AT_ONCE:], book)
    assert book.last(CLIENT) == ACTIONS_AT_ONCE + 1


def test_two_page_loads_count_for_themselves(library: Library, ids: list[str]):
    session, book = ReviewSession(), IdempotencyLog()
    other = "f" * 12
    apply_actions(
        library,
        session,
        [action(7, ids=ids[:1], decision="keep"), action(1, client=other, ids=ids[1:2], decision="reject")],
        book,
    )
    assert decisions(library, ids[:2]) == ["keep", "reject"]
    assert session.clients == [CLIENT, other]


def test_while_the_library_cannot_be_written_nothing_is_confirmed(
    library: Library, ids: list[str], monkeypatch: pytest.MonkeyPatch
):
    session, book = ReviewSession(), IdempotencyLog()
    actions = [action(1, ids=ids[:1], decision="keep"), action(2, ids=ids[1:2], decision="keep")]
    with monkeypatch.context() as broken:

        def locked(*_args, **_options):
            raise LibraryError("The disk is full. (/srv/data/library/library.sqlite) Nothing was saved.")

        broken.setattr(library, "decide", locked)
        apply_actions(library, session, actions, book)
        assert session.trouble == "The disk is full. (library.sqlite) Nothing was saved."
        assert book.last(CLIENT) == 0
    apply_actions(library, session, actions, book)
    assert session.trouble == ""
    assert decisions(library, ids[:2]) == ["keep", "keep"]


@pytest.mark.parametrize(
    "content",
    [
        {"ids": [], "decision": "keep"}, {"ids": ["../../x"], "decision": "keep"}, {"ids": "x", "decision": "keep"},
        {"ids": ["0" * 64], "decision": "keep"}, {"ids": ["a" * 64] * 61, "decision": "keep"}, {"decision": "perhaps"},
        {"kind": "drop"}, {"kind": "align", "ids": ["0" * 64], "anchors": [[1, 2]]}, {"kind": "label", "add": 5},
        {"kind": "align", "anchors": [[float("nan"), 1], [2, 2], [3, 3]]}, {"kind": "delete", "why": " "}, {"who": ""},
        {"kind": "label", "add": [], "remove": []}, {"kind": "reviewer", "name": "\x00"}, {"kind": ["align"]},
        {"kind": "align", "anchors": [[10**400, 1], [2, 2], [3, 3]]},
    ],
)  # fmt: skip
def test_nonsense_changes_nothing_is_told_and_blocks_nothing(library: Library, ids: list[str], content: dict):
    session, book = ReviewSession(), IdempotencyLog()
    nonsense = {**action(1, ids=ids[:1], decision="keep"), **content}
    apply_actions(library, session, [nonsense, action(2, ids=ids[4:], decision="keep")], book)
    assert decisions(library, ids) == ["", "", "", "", "keep"]
    assert session.notice and not session.trouble
    assert book.last(CLIENT) == 2


@pytest.mark.parametrize(
    "actions", [None, "x", [None], [{}], [{"client": "x", "number": 1}], [{"client": CLIENT, "number": "1"}]]
)
def test_what_is_no_action_is_passed_over(library: Library, ids: list[str], actions: object):
    apply_actions(library, ReviewSession(), actions, IdempotencyLog())
    assert set(decisions(library, ids)) == {""}


def test_images_deleted_meanwhile_do_not_keep_the_others_from_being_decided(library: Library, ids: list[str]):
    library.delete_for_good(ids[:1], who="Bob", why="asked for")
    session = ReviewSession()
    apply_actions(library, session, [action(1, ids=ids[:3], decision="keep")], IdempotencyLog())
    assert decisions(library, ids[1:4]) == ["keep", "keep", ""]


def test_who_deletes_for_good_is_told_what_keeps_a_trace(
    library: Library, ids: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path))
    library.decide(ids[:1], "keep", reviewer="Ann")
    library.freeze("v1", who="Ann")
    export, run = library.files.exports / "v1", tmp_path / "runs" / "painter"
    for folder in (export, run):
        folder.mkdir(parents=True)
    (export / "version.json").write_text('{"name": "v1"}')
    (run / "config.yaml").write_text(f"data: {{root: '{export}'}}\n")
    session = ReviewSession()
    apply_actions(library, session, [action(1, "delete", ids=ids[:1], why="asked for")], IdempotencyLog())
    assert session.notice.startswith("Deleted for good. Trained on a dataset that held it: painter.")


def test_settling_makes_a_disagreement_end(library: Library, ids: list[str]):
    library.decide(ids[:1], "keep", reviewer="Bob")
    session, book = ReviewSession(), IdempotencyLog()
    apply_actions(library, session, [action(1, ids=ids[:1], decision="reject")], book)
    assert library.table()["disputed"][ids[0]]
    apply_actions(library, session, [action(2, ids=ids[:1], decision="reject", settle=True)], book)
    assert not library.table()["disputed"][ids[0]]
    assert decisions(library, ids[:1]) == ["reject"]


def test_undo_of_something_on_another_page_is_told(library: Library, ids: list[str]):
    session, book = ReviewSession(ids=ids[3:]), IdempotencyLog()
    apply_actions(library, session, [action(1, ids=ids[:2], decision="keep"), action(2, "undo")], book)
    assert session.notice == "Undone: 2 faces on another page."
    apply_actions(library, session, [action(3, "undo")], book)
    assert session.notice == "Nothing of yours is left to undo."


def test_labels_change_no_decision(library: Library, ids: list[str]):
    session, book = ReviewSession(), IdempotencyLog()
    apply_actions(
        library,
        session,
        [action(1, ids=ids[:1], decision="keep"), action(2, "label", ids=ids[:2], add=["Hat"], remove=[])],
        book,
    )
    assert list(library.table()["labels"][ids[:2]]) == [("hat",), ("hat",)]
    assert decisions(library, ids[:2]) == ["keep", ""]


def test_a_corrected_alignment_is_kept_and_gives_another_crop(library: Library, ids: list[str]):
    before = library.files.crop(ids[0]).read_bytes()
    (x0, y0), right, mouth = library.alignment_of(ids[0])
    moved = [[x0 - 15, y0 + 4], list(right), list(mouth)]
    session = ReviewSession()
    apply_actions(library, session, [action(1, "align", ids=ids[:1], anchors=moved)], IdempotencyLog())
    assert not session.notice, session.notice
    assert library.alignment_of(ids[0])[0] == (x0 - 15, y0 + 4)
    assert library.files.crop(ids[0]).read_bytes() != before


@pytest.mark.parametrize("anchors", [[[5, 5]] * 3, [[0, 0], [5, 5], [9, 9]]])
def test_three_points_that_make_no_face_are_told_and_not_kept(
    library: Library, ids: list[str], anchors: list
):
    before = library.alignment_of(ids[0])
    session = ReviewSession()
    apply_actions(library, session, [action(1, "align", ids=ids[:1], anchors=anchors)], IdempotencyLog())
    assert "on one line" in session.notice
    assert library.alignment_of(ids[0]) == before


def test_a_labeller_decides_under_the_address_they_signed_in_with_and_deletes_nothing(
    library: Library, ids: list[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(access, "visitor", lambda: access.Visitor("ben@lab.example.org", Role.LABELLER))
    session, book = ReviewSession(), IdempotencyLog()
    sent = [
        action(1, "reviewer", name="Ann"),
        action(2, ids=ids[:1], decision="keep", who="Ann"),
        action(3, "delete", ids=ids[:1], why="asked for"),
    ]
    apply_actions(library, session, sent, book)
    assert session.reviewer == "ben@lab.example.org"
    assert [entry.reviewer for entry in library.history(ids[0])] == ["ben@lab.example.org"]
    assert session.notice == "Only curators delete for good and settle disagreements."
    apply_actions(library, session, [action(4, ids=ids[:1], decision="reject", settle=True)], book)
    assert decisions(library, ids[:1]) == ["keep"]
