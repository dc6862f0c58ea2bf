"""Groups of duplicates: stars around the best, the same whatever the order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.duplicates import MAX_DISTANCE, find_duplicates
from curation.library.records import DuplicateGroup


def key(number: int) -> str:
    return f"{number:064x}"


def code(ones: int, start: int = 0) -> bytes:
    """A hash with a run of ones."""
    values = np.zeros(256, np.uint8)
    values[start : start + ones] = 1
    return np.packbits(values).tobytes()


def unlike(seed: int) -> bytes:
    return np.random.default_rng(1000 + seed).integers(0, 256, 32, dtype=np.uint8).tobytes()


def group(hashes, *, mirrors=None, pixels=None, quality=None, **options):
    count = len(hashes)
    return find_duplicates(
        [key(i) for i in range(count)],
        pixels or [""] * count,
        hashes,
        mirrors or [unlike(i) if value else b"" for i, value in enumerate(hashes)],
        quality if quality is not None else list(range(count, 0, -1)),
        **options,
    )


def test_faces_within_the_distance_are_one_group_and_the_best_leads():
    groups = group([code(0), code(MAX_DISTANCE), unlike(50)], quality=[1, 2, 3])
    assert groups == [DuplicateGroup("near", key(1), (key(1), key(0)))]


def test_one_bit_more_makes_two_faces():
    assert group([code(0), code(MAX_DISTANCE + 1)]) == []


def test_near_hashes_are_a_group_only_where_the_faces_are_the_same():
    hashes = [code(0), code(9), code(18)]
    groups = group(hashes, is_same=lambda one, other: {one, other} == {key(1), key(2)})
    assert groups == [DuplicateGroup("near", key(1), (key(1), key(2)))]
    assert group(hashes, is_same=lambda one, other: False) == []


def test_a_mirror_image_is_found():
    groups = group([unlike(1), unlike(2)], mirrors=[unlike(2), unlike(1)])
    assert groups == [DuplicateGroup("near", key(0), (key(0), key(1)))]


def test_equal_pixels_are_found_without_a_face():
    groups = group([b"", b"", b""], pixels=["p", "q", "p"], quality=[0, 0, 5])
    assert groups == [DuplicateGroup("pixels", key(2), (key(2), key(0)))]


def test_unknown_pixels_are_not_equal():
    assert group([b"", b""], pixels=["", ""]) == []


def test_equal_pixels_with_a_face_stay_of_that_kind():
    assert group([code(3), code(3)], pixels=["p", "p"])[0].kind == "pixels"


def test_a_group_of_pixels_and_near_ones_is_near_and_holds_all():
    groups = group([code(3), code(3), code(9)], pixels=["p", "p", "r"], quality=[0, 1, 2])
    assert groups == [DuplicateGroup("near", key(2), (key(2), key(0), key(1)))]


def test_a_chain_does_not_join_strangers():
    """Each link is within the distance, the ends are not."""
    chain = [code(20 * step) for step in range(6)]
    groups = group(chain)
    assert [one.members for one in groups] == [(key(0), key(1)), (key(2), key(3)), (key(4), key(5))]


def test_the_middle_of_a_chain_takes_both_ends_when_it_is_the_best():
    groups = group([code(0), code(20), code(40)], quality=[1, 9, 1])
    assert [one.members for one in groups] == [(key(1), key(0), key(2))]


def test_of_equal_quality_the_smaller_id_is_the_best():
    assert group([code(1), code(0)], quality=[4, 4])[0].best == key(0)


def test_no_images_give_no_groups():
    assert group([]) == []


def test_many_equal_hashes_are_one_group():
    groups = group([code(5)] * 500)
    assert len(groups) == 1
    assert len(groups[0].members) == 500


def test_an_id_that_comes_twice_is_refused():
    with pytest.raises(ValueError, match="twice"):
        find_duplicates(["a", "a"], ["", ""], [b"", b""], [b"", b""], [1, 2])


def test_lists_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="one length"):
        find_duplicates(["a", "b"], [""], [b"", b""], [b"", b""], [1, 2])


def test_a_hash_of_another_length_is_refused():
    with pytest.raises(ValueError, match="32 bytes"):
        group([b"short", code(1)])


@st.composite
def heaps(draw):
    """A few faces and copies of them that differ in some bits, some of them mirrored."""
    count = draw(st.integers(1, 40))
    random = np.random.default_rng(draw(st.integers(0, 2**20)))
    prototypes = random.integers(0, 2, (draw(st.integers(1, 5)), 256), dtype=np.uint8)
    hashes, mirrors = [], []
    for _ in range(count):
        plain = prototypes[random.integers(len(prototypes))].copy()
        plain[random.choice(256, random.integers(0, 30), replace=False)] ^= 1
        pair = [np.packbits(plain).tobytes(), np.packbits(plain[::-1]).tobytes()]
        if random.integers(3) == 0:
            pair.reverse()
        hashes.append(pair[0])
        mirrors.append(pair[1])
    return hashes, mirrors, random.integers(0, 6, count).tolist(), random.permutation(count)


@given(heaps())
@settings(deadline=None, max_examples=60)
def test_groups_are_disjoint_stars_and_do_not_depend_on_the_order(heap):
    hashes, mirrors, quality, order = heap
    ids = [key(i) for i in range(len(hashes))]
    groups = find_duplicates(ids, [""] * len(ids), hashes, mirrors, quality)
    members = [member for one in groups for member in one.members]
    assert len(members) == len(set(members))

    def bits(value: bytes) -> int:
        return int.from_bytes(value, "big")

    def alike(centre: int, other: int) -> bool:
        seen = bits(hashes[other])
        return min((bits(one[centre]) ^ seen).bit_count() for one in (hashes, mirrors)) <= MAX_DISTANCE

    place = {one: i for i, one in enumerate(ids)}
    for one in groups:
        assert one.best == one.members[0]
        for member in one.members[1:]:
            assert alike(place[one.best], place[member])
            assert quality[place[member]] <= quality[place[one.best]]
    leaders = sorted(set(range(len(ids))) - {place[m] for one in groups for m in one.members[1:]})
    rank = {i: (-quality[i], ids[i]) for i in leaders}
    for first in leaders:  # what stays when only the best of each group is kept: no two alike
        for second in leaders:
            if rank[first] < rank[second]:
                assert not alike(first, second)
    shuffled = [list(np.array(values, dtype=object)[order]) for values in (ids, hashes, mirrors, quality)]
    assert groups == find_duplicates(shuffled[0], [""] * len(ids), *shuffled[1:])
