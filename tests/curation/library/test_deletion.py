"""What was deleted for good is gone from everywhere, stays out, and is never half forgotten."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from curation.library import deletion
from curation.library.library import Library
from curation.library.records import DuplicateGroup, LibraryError, Original, Provenance
from curation.library.schema import metadata, tombstones
from tests.curation.library.samples import ANCHORS, examination, fill, original, states

SECRET = "somebody-private"


def _known(library: Library) -> list[str]:
    """Images with something in every table and every folder; the first and second are duplicates."""
    ids = fill(library, 3)
    library.add(original(0), Provenance("url", f"{SECRET}.jpg", author=SECRET))
    library.note_source_files("folder:heap", {f"{SECRET}.jpg": f"1:2:{ids[0]}", "b.jpg": f"1:2:{ids[1]}"})
    for image_id in ids:
        for place in (library.files.crop, library.files.sketch, library.files.thumb):
            place(image_id).parent.mkdir(parents=True, exist_ok=True)
            place(image_id).write_bytes(b"pixels")
    library.save_duplicates([DuplicateGroup("near", ids[0], (ids[0], ids[1]))])
    library.save_proposals(dict.fromkeys(ids, (0.5, 0.1)), "model")
    library.decide(ids, "keep", reviewer="ann", add_labels=[SECRET])
    library.decide(ids[:1], "unsure", reviewer="bob")
    library.decide(ids[:1], "keep", reviewer="ann", settle=True)
    library.lease("cid", ids, 3, among="any")
    library.correct_alignment(ids[0], ANCHORS, "ann")
    library.freeze("v1", who="ann")
    return ids


def _places(library: Library, image_id: str) -> list[Path]:
    files = library.files
    return [place(image_id) for place in (files.original, files.crop, files.sketch, files.thumb)]


def test_everything_of_a_deleted_image_is_gone_but_its_hashes(library: Library) -> None:
    ids = _known(library)
    library.delete_for_good(ids[:1], who="ann", why="asked for")
    assert not any(path.exists() for path in _places(library, ids[0]))
    assert all(path.exists() for path in _places(library, ids[1]))
    assert library.table().index.tolist() == ids[1:]
    with library._database.read() as connection:
        for table in metadata.sorted_tables:
            rows = [tuple(row) for row in connection.execute(select(table))]
            text = repr(rows)
            if table.name in ("tombstones", "version_members", "member_contents"):
                assert ids[0] in text  # in the last one as the name of a group of duplicates
            else:
                assert ids[0] not in text, table.name
            if table.name != "label_changes" and table.name != "states" and table.name != "member_contents":
                assert SECRET not in text, table.name
    assert library.counts()["deleted"] == 1
    assert library.undo("bob") == ()  # nothing of it is left to undo
    assert library.undo("ann") == tuple(ids[1:])


def test_it_leaves_its_versions_which_say_so(library: Library) -> None:
    ids = _known(library)
    before = library.version("v1")
    library.delete_for_good(ids[:1], who="ann", why="")
    after = library.version("v1")
    assert (after.ids, after.removed) == (tuple(sorted(ids[1:])), (ids[0],))
    assert after.hash == before.hash
    assert [member.image_id for member in library.members("v1")] == sorted(ids[1:])


def test_its_copies_are_no_longer_spare(library: Library) -> None:
    ids = _known(library)
    library.decide(ids, "", reviewer="ann")
    assert library.table().loc[ids[1], "rule"] == "duplicate"
    library.delete_for_good(ids[:1], who="ann", why="")
    assert states(library, ids[1:]) == ["keep", "keep"]
    assert library.table()["duplicate_group"].tolist() == ["", ""]


def test_the_next_best_of_its_copies_takes_its_place_at_once(library: Library) -> None:
    ids = fill(library, 4)
    library.save_examinations([examination(ids[n], eye_distance_px=40.0 + n) for n in (1, 3)])
    library.save_examinations([examination(ids[2], eye_distance_px=110.0)])
    library.save_duplicates([DuplicateGroup("near", ids[0], tuple(ids))])
    library.delete_for_good(ids[:1], who="ann", why="")
    table = library.table()
    assert set(table["duplicate_group"].astype(str)) == {ids[2]}
    assert states(library, [ids[2]]) == ["keep"]
    assert table.loc[[ids[1], ids[3]], "verdict"].tolist() == ["reject", "reject"]
    assert not table.loc[[ids[1], ids[3]], "duplicate_best"].any()


def test_it_is_never_taken_in_again_not_even_as_other_bytes(library: Library) -> None:
    ids = fill(library, 1)
    library.delete_for_good(ids, who="ann", why="")
    copy = original(77, pixels=0)
    for one in (original(0), copy):
        assert library.add(one, Provenance("url")) == "deleted"
        assert not library.files.original(one.id).exists()
    assert library.add_many([(original(5), Provenance("url")), (copy, Provenance("url"))]) == [
        "new",
        "deleted",
    ]
    assert len(library.table()) == 1


def test_other_bytes_of_the_same_pixels_go_with_it(library: Library) -> None:
    fill(library, 1)
    library.add(original(77, pixels=0), Provenance("url"))
    library.delete_for_good([original(0).id], who="ann", why="")
    assert len(library.table()) == 0
    assert library.counts()["deleted"] == 2


def test_an_examination_that_ends_after_the_deletion_leaves_nothing(library: Library) -> None:
    ids = fill(library, 1)
    library.delete_for_good(ids, who="ann", why="")
    crop = library.files.crop(ids[0])
    crop.parent.mkdir(parents=True, exist_ok=True)
    crop.write_bytes(b"pixels")  # by a worker that did not know
    library.save_examinations([examination(ids[0])])
    assert not crop.exists()
    assert library.examination(ids[0]) is None


def test_an_image_deleted_while_it_is_added_stays_out(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(library, 1)
    put = library.files.put_original

    def slow(one: Original) -> None:
        put(one)
        library.delete_for_good([original(0).id], who="ann", why="")  # its pixels

    monkeypatch.setattr(library.files, "put_original", slow)
    assert library.add(original(5, pixels=0), Provenance("url")) == "deleted"
    assert not library.files.original(original(5).id).exists()


def test_an_unknown_image_cannot_be_deleted(library: Library) -> None:
    with pytest.raises(LibraryError, match="not in the library"):
        library.delete_for_good([original(0).id], who="ann", why="")


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("after", ["tombstone", "some files", "files"])
def test_a_deletion_that_was_killed_is_finished_by_the_next_start(
    library: Library, open_library: Callable[[], Library], monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    ids = _known(library)
    remove = library.files.remove

    def break_off(*_: object) -> None:
        raise Killed

    def remove_some(image_id: str) -> None:
        if image_id == ids[1]:
            raise Killed
        remove(image_id)

    with monkeypatch.context() as patch:
        if after == "tombstone":
            patch.setattr(library.files, "remove", break_off)
        elif after == "some files":
            patch.setattr(library.files, "remove", remove_some)
        else:
            patch.setattr(deletion, "_forget", break_off)
        with pytest.raises(Killed):
            library.delete_for_good(ids[:2], who="ann", why="")
    assert library.add(original(0), Provenance("url")) == "deleted"
    again = open_library()
    assert again.table().index.tolist() == library.table().index.tolist() == ids[2:]
    assert not any(path.exists() for image_id in ids[:2] for path in _places(library, image_id))
    with again._database.read() as connection:
        assert set(connection.execute(select(tombstones.c.finished)).scalars()) == {True}


def test_numbers_of_deleted_images_are_not_used_again(library: Library) -> None:
    ids = fill(library, 2)
    before = library.table()
    library.delete_for_good(ids[1:], who="ann", why="")
    fill(library, 1, start=9)
    library.decide([original(9).id], "reject", reviewer="ann")
    assert states(library, [ids[0], original(9).id]) == ["keep", "reject"]
    assert before.index.tolist() == ids


def test_a_restored_version_does_not_bring_it_back(library: Library, tmp_path: Path) -> None:
    ids = fill(library, 2)
    version = library.freeze("v1", who="ann")
    members = list(library.members("v1"))
    with Library.open(tmp_path / "other", f"sqlite:///{tmp_path / 'other.sqlite'}") as other:
        fill(other, 1)
        other.delete_for_good(ids[:1], who="ann", why="")
        restored = other.restore(version, members)
        assert restored == dataclasses.replace(version, ids=(ids[1],), removed=(ids[0],))
        assert other.table().index.tolist() == [ids[1]]
