"""Splits: nothing alike on two sides, and old images stay where they are."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import face_mesh
from core.images import read_photo
from core.landmarks import FaceLandmarker
from curation.analysis.aligned import align_face, make_row
from curation.analysis.pictures import write_face
from curation.duplicates import MAX_DISTANCE
from curation.export.dataset import export_version
from curation.export.splits import (
    NONE,
    SPLITS,
    Candidate,
    Fractions,
    assign_splits,
    divided_keys,
    shared_keys,
)
from curation.library.library import Library
from curation.library.records import Measurements, Original, Provenance

EVEN = Fractions(0.4, 0.3, 0.3)


def key(number: int) -> str:
    return f"{number:064x}"


def unlike(seed: int) -> bytes:
    return np.random.default_rng(seed).integers(0, 256, 32, dtype=np.uint8).tobytes()


def candidate(
    number: int, *, phash: bytes = b"", mirror: bytes = b"", keys: tuple[str, ...] = ()
) -> Candidate:
    face = phash or unlike(10_000 + number)
    return Candidate(key(number), f"2026-01-01T{number:08d}Z", face, mirror or unlike(90_000 + number), keys)


def heap(count: int) -> list[Candidate]:
    return [candidate(number) for number in range(count)]


def test_parts_come_out_as_asked():
    counts = Counter(assignment.split for assignment in assign_splits(heap(2000)).values())
    assert counts["train"] == pytest.approx(1600, abs=80)
    assert counts["val"] == pytest.approx(200, abs=60)
    assert counts["test"] == pytest.approx(200, abs=60)


def test_another_seed_gives_other_splits():
    images = heap(200)
    first, second = assign_splits(images), assign_splits(images, seed=1)
    assert first != second


def test_near_duplicates_and_mirror_images_share_a_split():
    images = heap(300)
    copies = [
        replace(candidate(1000 + i), **{"phash": image.phash if i % 2 else image.phash_mirror})
        for i, image in enumerate(images)
    ]
    assignments = assign_splits(images + copies)
    for image, copy in zip(images, copies, strict=True):
        assert assignments[copy.id] == assignments[image.id]


def test_images_whose_hashes_are_near_share_a_split_only_if_they_are_the_same():
    images = heap(40)
    strangers = [replace(candidate(1000 + i), phash=image.phash) for i, image in enumerate(images)]
    asked: list[tuple[str, str]] = []

    def is_same(one: str, other: str) -> bool:
        asked.append((one, other))
        return int(other, 16) % 2 == 0

    assignments = assign_splits(images + strangers, is_same=is_same)
    for image, stranger in zip(images, strangers, strict=True):
        assert (assignments[stranger.id].group == image.id) == (int(stranger.id, 16) % 2 == 0)
    assert asked == [(image.id, stranger.id) for image, stranger in zip(images, strangers, strict=True)]


def test_each_group_of_many_copies_is_asked_about_once():
    copies = [replace(candidate(i), phash=unlike(1)) for i in range(200)]
    asked: list[tuple[str, str]] = []
    assignments = assign_splits(copies, is_same=lambda one, other: not asked.append((one, other)))
    assert {assignment.group for assignment in assignments.values()} == {key(0)}
    assert len(asked) == 199


def test_an_export_ties_a_copy_and_not_the_stranger_whose_hash_is_as_near(
    shared_dir: Path, landmarker_path: Path, make_library: Callable[[str], Library], tmp_path: Path
):
    folder = shared_dir / "data" / "generated" / "female_white"
    photo, stranger = (read_photo(folder / f"{name}.webp") for name in ("0701", "0794"))
    small = cv2.resize(photo, (384, 384), interpolation=cv2.INTER_AREA)
    library, hashes = make_library("library"), []
    with FaceLandmarker(landmarker_path) as landmarker:
        for number, picture in enumerate((photo, stranger, small)):
            image_id = add_photo(library, picture, landmarker, f"2026-01-01T00:00:0{number}Z")
            hashes.append(library.examinations([image_id])[image_id].phash)
    bits = [(int.from_bytes(hashes[0]) ^ int.from_bytes(other)).bit_count() for other in hashes[1:]]
    assert max(bits) <= MAX_DISTANCE
    library.freeze("first", who="Ann")
    assert export_version(library, "first", tmp_path / "out").groups == 2


def add_photo(library: Library, photo: np.ndarray, landmarker: FaceLandmarker, added_at: str) -> str:
    """Put a photo with a face into the library, and keep it."""
    data = cv2.imencode(".png", photo[:, :, ::-1])[1].tobytes()
    image_id = hashlib.sha256(data).hexdigest()
    height, width = photo.shape[:2]
    original = Original(image_id, data, "PNG", width, height, hashlib.sha256(photo.tobytes()).hexdigest())
    library.add(original, Provenance("folder:a", f"{image_id}.png", added_at=added_at))
    found = landmarker.detect(photo)
    assert found is not None
    face = align_face(photo, face_mesh.anchors(found.points), found.points)
    write_face(library.files, image_id, face.photo, face.sketch())
    library.save_examinations([make_row(image_id, photo, face, Measurements())])
    library.decide([image_id], "keep", reviewer="Ann")
    return image_id


def test_pages_and_authors_share_a_split():
    images = [candidate(i, keys=shared_keys([f"https://a.example/{i // 5}"], [""])) for i in range(200)]
    assignments = assign_splits(images)
    for start in range(0, 200, 5):
        assert len({assignments[key(i)].split for i in range(start, start + 5)}) == 1


@pytest.mark.parametrize(("pages", "authors", "expected"), [
    (["https://A.example/x/#top"], [], ("page https://a.example/x",)),
    ([""], ["  Ann   Bee "], ("author ann bee",)),
    ([], ["unknown", "", "Anonymous"], ()),
])  # fmt: skip
def test_pages_and_authors_are_compared_in_one_form(pages, authors, expected):
    assert shared_keys(pages, authors) == expected


def test_a_page_or_author_with_most_of_the_images_does_not_fill_one_split():
    images = [candidate(i, keys=("author omi",)) for i in range(300)]
    assignments = assign_splits(images)
    counts = Counter(assignment.split for assignment in assignments.values())
    assert counts["train"] == pytest.approx(240, abs=25)
    assert divided_keys(images, assignments) == ["author omi"]
    assert {i: assignments[i] for i in list(assignments)[:100]} == assign_splits(images[:100])


def test_a_page_with_up_to_a_fifth_is_never_divided():
    images = [candidate(i, keys=(f"page {i % 10}",)) for i in range(300)]
    assert divided_keys(images, assign_splits(images)) == []


def test_a_late_link_between_two_sides_is_in_no_split():
    images = heap(60)
    assignments = assign_splits(images)
    train = next(image for image in images if assignments[image.id].split == "train")
    test = next(image for image in images if assignments[image.id].split == "test")
    bridge = replace(candidate(999), phash=train.phash, keys=("page p",))
    again = [replace(image, keys=("page p",)) if image == test else image for image in images]
    after = assign_splits([*again, bridge])
    assert after[bridge.id].split == NONE
    assert {image.id: after[image.id].split for image in images} == {
        i: p.split for i, p in assignments.items()
    }


def test_groups_that_grow_together_on_one_side_are_one_group():
    images = heap(60)
    assignments = assign_splits(images)
    first, second = [image for image in images if assignments[image.id].split == "train"][:2]
    link = replace(candidate(999), phash=first.phash, keys=("page p",))
    again = [replace(image, keys=("page p",)) if image == second else image for image in images]
    after = assign_splits([*again, link])
    assert after[first.id] == after[second.id] == after[link.id]
    assert after[first.id].group == min(first.id, second.id)


def test_a_few_images_still_fill_every_split():
    for count in (3, 4, 7, 12):
        assert {assignment.split for assignment in assign_splits(heap(count)).values()} == set(SPLITS)


def test_one_image_goes_into_one_split_and_none_into_none():
    assert len(assign_splits(heap(1))) == 1
    assert assign_splits([]) == {}


def test_a_split_that_nobody_wants_stays_empty():
    assignments = assign_splits(heap(50), fractions=Fractions(0.9, 0.1, 0.0))
    assert {assignment.split for assignment in assignments.values()} == {"train", "val"}


@pytest.mark.parametrize("parts", [(0.8, 0.1, 0.2), (1.2, -0.1, -0.1)])
def test_parts_that_do_not_sum_to_one_are_refused(parts):
    with pytest.raises(ValueError, match="sum to 1"):
        Fractions(*parts)


@st.composite
def crawls(draw):
    """Images that copy one another and share pages, in the order in which they arrived."""
    random = np.random.default_rng(draw(st.integers(0, 2**20)))
    count = draw(st.integers(40, 90))
    images: list[Candidate] = []
    for number in range(count):
        keys = tuple(f"page {random.integers(60)}" for _ in range(random.integers(0, 2)))
        one = candidate(number, keys=keys)
        if images and random.random() < 0.3:
            other = images[random.integers(len(images))]
            bits = np.unpackbits(
                np.frombuffer((other.phash, other.phash_mirror)[random.integers(2)], np.uint8)
            )
            bits[random.choice(256, random.integers(0, 25), replace=False)] ^= 1
            one = replace(one, phash=np.packbits(bits).tobytes())
        images.append(one)
    return images, draw(st.integers(1, count - 1)), random.permutation(count)


@given(crawls())
@settings(deadline=None, max_examples=40)
def test_nothing_alike_is_on_two_sides_and_additions_move_nobody(crawl):
    images, before, order = crawl
    assignments = assign_splits(images)
    assert assignments == assign_splits([images[i] for i in order])

    def alike(first: Candidate, second: Candidate) -> bool:
        seen = int.from_bytes(second.phash, "big")
        bits = min(
            (int.from_bytes(own, "big") ^ seen).bit_count() for own in (first.phash, first.phash_mirror)
        )
        return bits <= MAX_DISTANCE or bool(set(first.keys) & set(second.keys))

    for late, image in enumerate(images):
        for earlier in images[:late]:
            sides = {assignments[image.id].split, assignments[earlier.id].split} - {NONE}
            assert len(sides) < 2 or not alike(earlier, image)
    earlier = assign_splits(images[:before], fractions=EVEN)
    groups = Counter(assignment.split for assignment in set(earlier.values()))
    if min(groups[split] for split in SPLITS) > 1:  # else one was filled, so that it is not empty
        later = assign_splits(images, fractions=EVEN)
        for image in images[:before]:
            assert later[image.id].split == earlier[image.id].split
