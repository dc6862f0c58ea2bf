"""Images come in once, with where they came from, and their bytes are what they were."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from curation.library.files import LibraryFiles
from curation.library.library import Library
from curation.library.records import LibraryError, OriginalMissing, Provenance
from tests.conftest import ROOT
from tests.curation.library.samples import ANCHORS, VERSIONS, examination, fill, original

SOMEWHERE = Provenance("folder:heap", "a.jpg", licence="CC0", author="Ann")


def test_an_image_is_new_once_and_known_ever_after(library: Library) -> None:
    assert [library.add(original(1), SOMEWHERE) for _ in range(3)] == ["new", "known", "known"]
    assert library.read_original(original(1).id) == original(1).data
    assert library.provenance(original(1).id) == (
        dataclasses.replace(SOMEWHERE, added_at=library.provenance(original(1).id)[0].added_at),
    )


def test_an_image_from_two_places_has_both_provenances_oldest_first(library: Library) -> None:
    library.add(original(1), dataclasses.replace(SOMEWHERE, added_at="2020-01-01T00:00:00Z"))
    library.add(original(1), Provenance("url", url="http://example.org/b.jpg"))
    first, second = library.provenance(original(1).id)
    assert (first.source, first.added_at) == ("folder:heap", "2020-01-01T00:00:00Z")
    assert (second.url, second.added_at.endswith("Z")) == ("http://example.org/b.jpg", True)
    assert library.table()["source"].tolist() == ["folder:heap"]


def test_many_images_are_added_at_once_even_with_one_of_them_twice(library: Library) -> None:
    arrivals = [(original(number), SOMEWHERE) for number in (1, 2, 1)]
    assert library.add_many(arrivals) == ["new", "new", "known"]
    assert library.table().index.tolist() == [original(1).id, original(2).id]


def test_bytes_that_do_not_match_their_id_are_refused(library: Library) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        library.add(dataclasses.replace(original(1), data=b"other"), SOMEWHERE)
    assert len(library.table()) == 0
    assert not library.files.original(original(1).id).exists()


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "a" * 63, "A" * 64, "a" * 64 + "/x", "g" * 64])
def test_an_id_that_is_none_names_no_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="64 hexadecimal"):
        LibraryFiles(tmp_path).original(name)


def test_an_original_that_vanished_or_rotted_says_so_and_is_put_right_by_adding_it_again(
    library: Library,
) -> None:
    (image_id,) = fill(library, 1)
    library.decide([image_id], "keep", reviewer="ann")
    library.files.original(image_id).unlink()
    with pytest.raises(OriginalMissing, match=r"gone.*add the same file again"):
        library.read_original(image_id)
    library.files.original(image_id).write_bytes(b"rotten")
    with pytest.raises(LibraryError, match=r"damaged"):
        library.read_original(image_id)
    assert library.add(original(0), SOMEWHERE) == "known"
    assert library.read_original(image_id) == original(0).data
    assert library.table().loc[image_id, "decision"] == "keep"


def test_what_a_killed_writer_left_is_not_taken_for_the_original(library: Library) -> None:
    place = library.files.original(original(1).id)
    place.parent.mkdir(parents=True)
    place.write_bytes(original(1).data[:3])
    assert library.add(original(1), SOMEWHERE) == "new"
    assert library.read_original(original(1).id) == original(1).data


def test_pending_are_images_that_these_versions_have_not_seen_oldest_first(library: Library) -> None:
    ids = fill(library, 3)
    library.add(original(7), SOMEWHERE)
    assert library.pending(VERSIONS) == [original(7).id]
    assert library.pending("newer") == [*ids, original(7).id]
    library.save_examinations([dataclasses.replace(examination(ids[1]), versions="newer")])
    assert library.pending("newer") == [ids[0], ids[2], original(7).id]


def test_an_image_that_was_realigned_is_pending_until_it_is_examined_so(library: Library) -> None:
    first, _ = fill(library, 2)
    moved = tuple((x + 3, y) for x, y in ANCHORS)
    assert library.alignment_of(first) == ANCHORS
    library.correct_alignment(first, moved, "ann")
    assert (library.alignment_of(first), library.corrections()) == (moved, {first: moved})
    assert library.pending(VERSIONS) == [first]
    library.save_examinations([dataclasses.replace(examination(first), anchors=moved)])
    assert library.pending(VERSIONS) == []


@pytest.mark.parametrize("anchors", [(), ((1, 2), (3, 4)), ((1, 2), (3, 4), (5, float("nan"))), (1, 2, 3)])
def test_an_alignment_needs_three_finite_points(library: Library, anchors: tuple) -> None:
    (image_id,) = fill(library, 1)
    with pytest.raises(ValueError, match="expected"):
        library.correct_alignment(image_id, anchors, "ann")


def test_an_examination_comes_back_as_it_was(library: Library) -> None:
    (image_id,) = fill(library, 1)
    assert library.examination(image_id) == examination(image_id)
    assert library.examination(original(9).id) is None
    found = library.embeddings([original(9).id, image_id])
    assert found.shape == (2, 1280)
    assert bool((found[1] == 1).all())
    assert bool((found[0] != found[0]).all())
    assert library.duplicate_inputs() == (
        [image_id],
        [original(0).pixel_hash],
        [examination(image_id).phash],
        [examination(image_id).phash_mirror],
    )


def test_an_examination_of_an_unknown_image_is_passed_over(library: Library) -> None:
    ids = fill(library, 1)
    library.save_examinations([examination(original(5).id), examination(ids[0], yaw=30.0)])
    assert library.table()["yaw"].tolist() == [30.0]


def test_marks_of_source_files_are_kept_per_source(library: Library) -> None:
    many = {f"{number}.jpg": f"1:2:{number}" for number in range(1200)}
    library.note_source_files("folder:a", many)
    library.note_source_files("folder:a", {"3.jpg": "new", "ünd/ 4.jpg": "refused:bomb"})
    library.note_source_files("folder:b", {"3.jpg": "other"})
    assert library.known_sources("folder:a") == {**many, "3.jpg": "new", "ünd/ 4.jpg": "refused:bomb"}
    assert library.known_sources("folder:b") == {"3.jpg": "other"}
    assert library.known_sources("folder:c") == {}


def test_names_that_are_no_text_are_kept_as_escapes(library: Library) -> None:
    name = b"caf\xe9\0.jpg".decode("utf-8", "surrogateescape")
    assert library.add(original(1), Provenance("folder:heap", name, author="\0")) == "new"
    assert library.add(original(1), Provenance("folder:heap", name, author="\0")) == "known"
    library.save_examinations([dataclasses.replace(examination(original(1).id), detail=name)])
    library.note_source_files("folder:heap", {name: "1:2:3"})
    library.note_source_files("folder:heap", {name: "1:2:4"})
    assert len(library.provenance(original(1).id)) == 1
    assert library.table()["name"].tolist() == [r"caf\udce9\x00.jpg"]
    assert library.known_sources("folder:heap") == {r"caf\udce9\x00.jpg": "1:2:4"}


def test_another_process_that_opens_the_library_sees_everything(
    library: Library, open_library: Callable[[], Library]
) -> None:
    ids = fill(library, 2)
    library.decide(ids[:1], "reject", reviewer="ann", add_labels=["hat"])
    other = open_library()
    assert other.table().equals(library.table())
    assert other.history(ids[0]) == library.history(ids[0])


def test_files_are_found_without_loading_the_database_or_pandas() -> None:
    code = (
        "import sys; sys.modules['sqlalchemy'] = sys.modules['pandas'] = None\n"
        "import curation.library.files, curation.library.records\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
