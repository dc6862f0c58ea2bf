"""A version is frozen, the same wherever it is, and comes back from its members."""

from __future__ import annotations

import dataclasses
import json
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from curation.library.library import Library
from curation.library.records import DuplicateGroup, LibraryError, OriginalMissing, Provenance
from curation.library.versions import Member
from tests.curation.library.samples import ANCHORS, examination, fill, original


@pytest.fixture
def elsewhere(tmp_path: Path) -> Library:
    """Another, empty library."""
    return Library.open(tmp_path / "elsewhere", f"sqlite:///{tmp_path / 'elsewhere.sqlite'}")


def _reviewed(library: Library) -> list[str]:
    ids = fill(library, 6)
    library.save_examinations([examination(ids[5], yaw=45.0)])
    library.decide(ids[:3], "keep", reviewer="ann", add_labels=["hat"])
    library.decide(ids[1:3], "reject", reviewer="bob")
    library.decide(ids[1:2], "keep", reviewer="cid", settle=True)
    library.decide(ids[3:4], "reject", reviewer="bob")
    return ids


def test_a_version_holds_what_is_kept_and_says_who_kept_it(library: Library) -> None:
    ids = _reviewed(library)
    version = library.freeze("faces-1", who="ann", note="first")
    assert version.ids == tuple(sorted([ids[0], ids[1], ids[4]]))
    assert version.rejected == {"disputed": 1, "person": 1, "yaw": 1}
    assert (version.who, version.note, version.rules) == ("ann", "first", library.rules())
    members = {member.image_id: member for member in library.members("faces-1")}
    assert list(members) == list(version.ids)
    assert [members[ids[n]].decided_by for n in (0, 1, 4)] == ["person", "person", "machine"]
    assert [opinion[:2] for opinion in members[ids[1]].opinions] == [
        ("ann", "keep"), ("bob", "reject"), ("cid", "keep"),
    ]  # fmt: skip
    assert members[ids[0]].labels == ("hat",)
    assert members[ids[0]].provenances == library.provenance(ids[0])
    assert members[ids[4]].examination == dataclasses.replace(examination(ids[4]), embedding=b"")


def test_a_member_that_was_frozen_before_there_was_a_reading_keeps_its_hash(library: Library) -> None:
    fill(library, 1)
    library.freeze("v1", who="ann")
    (member,) = library.members("v1")
    line = member.to_json()
    assert not {"frame", "chroma", "drawn", "hidden"} & set(json.loads(line)["examination"]["measurements"])
    assert Member.from_json(line).to_json() == line


def test_rules_need_not_be_trusted(library: Library) -> None:
    ids = _reviewed(library)
    version = library.freeze("people", who="ann", trust_rules=False)
    assert version.ids == tuple(sorted(ids[:2]))
    assert version.rejected == {"disputed": 1, "person": 1, "undecided": 1, "yaw": 1}


def test_a_version_does_not_change_with_the_library(
    library: Library, open_library: Callable[[], Library]
) -> None:
    ids = _reviewed(library)
    version = library.freeze("v1", who="ann")
    members = list(library.members("v1"))
    library.decide(ids, "reject", reviewer="ann", add_labels=["new"], settle=True)
    library.set_rules(library.rules().with_threshold("yaw", 1), "ann")
    library.save_examinations([examination(image_id, yaw=3.0) for image_id in ids])
    library.correct_alignment(ids[0], ((1, 2), (3, 4), (5, 9)), "ann")
    library.add(original(0), Provenance("later"))
    again = open_library()
    assert again.version("v1") == again.versions()[0] == version
    assert list(again.members("v1")) == members


def test_a_corrected_alignment_and_the_group_of_duplicates_are_frozen(library: Library) -> None:
    ids = fill(library, 2)
    moved = tuple((x + 1.5, y) for x, y in ANCHORS)
    library.correct_alignment(ids[0], moved, "ann")
    library.save_duplicates([DuplicateGroup("near", ids[0], tuple(ids))])
    library.decide(ids, "keep", reviewer="ann")
    library.freeze("v1", who="ann")
    members = {member.image_id: member for member in library.members("v1")}
    assert [members[i].examination.anchors for i in ids] == [moved, ANCHORS]
    assert [members[i].duplicate_group for i in ids] == [ids[0], ids[0]]


def test_equal_content_has_an_equal_hash_and_any_difference_another(library: Library) -> None:
    ids = _reviewed(library)
    first, second = library.freeze("a", who="ann"), library.freeze("b", who="bob", note="same")
    assert first.hash == second.hash
    library.decide(ids[:1], None, reviewer="ann", add_labels=["glasses"])
    assert library.freeze("c", who="ann").hash != first.hash
    library.undo("ann")
    assert library.freeze("d", who="ann").hash == first.hash
    library.set_rules(library.rules().with_threshold("yaw", 11), "ann")
    assert library.freeze("e", who="ann").hash != first.hash


@pytest.mark.parametrize(
    "name", ["", "../x", "a/b", ".hidden", "con", "NUL.txt", "😀", "a b", "x" * 61, "a.", "표" * 70]
)
def test_a_name_that_is_no_folders_is_refused(library: Library, name: str) -> None:
    with pytest.raises(ValueError, match="version's name"):
        library.freeze(name, who="ann")
    assert library.versions() == []


@pytest.mark.parametrize("name", ["표준_v1", "2024-표준.2", "größe", "ชื่อ", "set.1"])
def test_a_name_may_be_in_any_script_and_is_found_in_any_composition(library: Library, name: str) -> None:
    library.freeze(unicodedata.normalize("NFD", name), who="ann")
    assert library.version(name).name == library.version(unicodedata.normalize("NFD", name)).name == name
    with pytest.raises(ValueError, match="already"):
        library.freeze(name, who="ann")


def test_a_name_is_taken_once_whatever_its_case(library: Library) -> None:
    fill(library, 1)
    library.freeze("Faces", who="ann")
    with pytest.raises(ValueError, match="already"):
        library.freeze("faces", who="ann")
    with pytest.raises(LibraryError, match=r"no version 'other'.*Versions: Faces"):
        library.version("other")


def test_members_come_back_from_their_text(library: Library) -> None:
    _reviewed(library)
    library.freeze("v1", who="ann")
    for member in library.members("v1"):
        assert Member.from_json(member.to_json()) == member
        assert "\n" not in member.to_json()
    for text in ("", "{}", '{"image_id":1}', "[]"):
        with pytest.raises(ValueError, match="no member"):
            Member.from_json(text)


def test_a_version_is_restored_elsewhere_with_all_that_it_froze(library: Library, elsewhere: Library) -> None:
    ids = _reviewed(library)
    library.set_rules(library.rules().with_threshold("yaw", 12), "ann")
    version = library.freeze("v1", who="ann", note="n")
    members = list(library.members("v1"))
    assert elsewhere.restore(version, members) == version
    assert elsewhere.version("v1") == version
    assert list(elsewhere.members("v1")) == members
    assert elsewhere.rules() == library.rules()
    shared = ["state", "decision", "labels", "name", "source", "yaw", "disputed"]
    there, here = elsewhere.table()[shared], library.table().loc[list(elsewhere.table().index), shared]
    assert there.astype(str).equals(here.astype(str))
    assert elsewhere.freeze("again", who="ann").ids == version.ids
    with pytest.raises(OriginalMissing):
        elsewhere.read_original(ids[0])
    assert elsewhere.restore(version, members) == version  # twice is fine
    elsewhere.close()


def test_a_version_that_was_tampered_with_is_refused(library: Library, elsewhere: Library) -> None:
    _reviewed(library)
    version = library.freeze("v1", who="ann")
    members = list(library.members("v1"))
    forged = dataclasses.replace(members[0], labels=("forged",))
    with pytest.raises(ValueError, match="were changed"):
        elsewhere.restore(version, [forged, *members[1:]])
    with pytest.raises(ValueError, match="were changed"):
        elsewhere.restore(version, members[1:])
    assert (elsewhere.versions(), len(elsewhere.table())) == ([], 0)
    fill(elsewhere, 1, start=50)
    elsewhere.freeze("V1", who="ann")
    with pytest.raises(ValueError, match="another version 'V1'"):
        elsewhere.restore(version, members)
    elsewhere.close()


def test_restoring_leaves_images_that_are_here_alone(library: Library, elsewhere: Library) -> None:
    ids = _reviewed(library)
    version = library.freeze("v1", who="ann")
    fill(elsewhere, 1)
    elsewhere.decide(ids[:1], "reject", reviewer="zoe")
    elsewhere.restore(version, list(library.members("v1")))
    assert elsewhere.table().loc[ids[0], "state"] == "reject"
    assert elsewhere.read_original(ids[0]) == original(0).data
    assert len(elsewhere.table()) == 3
    elsewhere.close()
