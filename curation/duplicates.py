"""Group images that show the same picture.

Three likenesses, each looser than the one before. Equal bytes never get this far: an image's id is the hash
of its bytes, so the library knows it already. Equal pixels have one ``pixel_hash``. Near duplicates have
perceptual hashes (`curation.analysis.hashes`) that differ in at most `MAX_DISTANCE` of 256 bits, one of them
mirrored perhaps, and the same fine detail inside the face: the hash alone takes strangers before one wall
for one picture.

A group is a star: every member is like the best one. Chains, in which each is only like the next, merge
strangers; see section 10 of the design. ``python -m tests.benchmarks.duplicates_validity`` prints what is
found and what is confused.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from core.nearest import BitRows
from curation.analysis.hashes import SAME_DETAIL, compare_details, face_detail
from curation.library.records import DuplicateGroup

MAX_DISTANCE = 32
KEPT_DETAILS = 256
_HASH_BYTES = 32
_BLOCK = 16  # centres asked about at once; all other images may match each of them
_COPY_ROWS_AFTER = 0.02  # of the rows are done with: the search then leaves them out


def find_duplicates(
    ids: Sequence[str],
    pixel_hashes: Sequence[str],
    phashes: Sequence[bytes],
    mirrors: Sequence[bytes],
    quality: Sequence[float] | NDArray[np.number],
    *,
    is_same: Callable[[str, str], bool] | None = None,
) -> list[DuplicateGroup]:
    """Group images that show the same picture.

    Going from the best image to the worst, each one that is in no group yet becomes the centre of one and
    takes in whatever is like it and in no group either. So the result depends on nothing but the images and
    their quality, not on their order.

    Parameters
    ----------
    ids
        Each once.
    pixel_hashes
        Empty where unknown.
    phashes, mirrors
        Of each aligned crop and of its mirror image, 32 bytes; empty where there is no face.
    quality
        Higher is better. Of equals the smaller id is better. Which copy stays in the end is chosen by
        `curation.library.examinations.best_copy`.
    is_same
        Asked about the ids of two images whose hashes are near; without it hashes alone decide.

    Returns
    -------
    groups
        Of two members or more, ordered by the id of the best one. Members: the best one, then by id.

    Raises
    ------
    ValueError
        If the lists differ in length, an id comes twice or a hash has another length.
    """
    lengths = {len(ids), len(pixel_hashes), len(phashes), len(mirrors), len(quality)}
    if lengths != {len(ids)}:
        raise ValueError(f"expected five lists of one length, got lengths {sorted(lengths)}")
    if len(set(ids)) != len(ids):
        raise ValueError("an id comes twice: the same bytes are one image")
    order = sorted(range(len(ids)), key=lambda i: (-float(quality[i]), ids[i]))
    same_pixels = _equal_pixels(order, pixel_hashes)
    firsts = [i for i in same_pixels if phashes[i]]
    confirm = None if is_same is None else lambda one, other: is_same(ids[firsts[one]], ids[firsts[other]])
    near = _stars(_rows([phashes[i] for i in firsts]), _rows([mirrors[i] for i in firsts]), confirm)
    groups = []
    for star in near:
        members = [i for place in star for i in same_pixels.pop(firsts[place])]
        groups.append(_group("near", members, ids))
    groups += [_group("pixels", members, ids) for members in same_pixels.values() if len(members) > 1]
    return sorted(groups, key=lambda group: group.best)


class DetailComparison:
    """Say of two images whether their aligned faces are one picture, by `curation.analysis.hashes.compare_details`.

    Faces are read as they are asked about, and the details of the last `KEPT_DETAILS` stay in memory (64 MB).

    Parameters
    ----------
    read_face
        The aligned face of an image, (512, 512, 3) uint8, by its id; ``None`` where it is missing, which is like
        no other.
    """

    def __init__(self, read_face: Callable[[str], NDArray[np.uint8] | None]) -> None:
        self._read_face = read_face
        self._detail = lru_cache(KEPT_DETAILS)(self._read)

    def __call__(self, one: str, other: str) -> bool:
        first, second = self._detail(one), self._detail(other)
        return first is not None and second is not None and compare_details(first, second) >= SAME_DETAIL

    def _read(self, image_id: str) -> NDArray[np.float32] | None:
        face = self._read_face(image_id)
        return None if face is None else face_detail(face)


def _equal_pixels(order: Sequence[int], pixel_hashes: Sequence[str]) -> dict[int, list[int]]:
    """Images by the best one that has their pixels, best first."""
    first_of: dict[str, int] = {}
    classes: dict[int, list[int]] = defaultdict(list)
    for i in order:
        first = first_of.setdefault(pixel_hashes[i], i) if pixel_hashes[i] else i
        classes[first].append(i)
    return dict(classes)


def _stars(
    hashes: NDArray[np.uint8], mirrors: NDArray[np.uint8], confirm: Callable[[int, int], bool] | None
) -> list[list[int]]:
    """Stars over rows that are in order of quality; the centre comes first in each."""
    total = len(hashes)
    free = np.ones(total, dtype=bool)
    first, index = 0, BitRows(hashes)  # the rows that are searched are those from the first on
    stars = []
    with ThreadPoolExecutor(2) as threads:  # faiss lets go of the interpreter's lock
        for start in range(0, total, _BLOCK):
            if start - first > _COPY_ROWS_AFTER * (total - first):
                first, index = start, BitRows(hashes[start:])
            centres = start + np.flatnonzero(free[start : start + _BLOCK])
            search = partial(index.within, max_distance=MAX_DISTANCE)
            answers = list(threads.map(search, (hashes[centres], mirrors[centres])))
            centre = np.concatenate([centres[asked] for asked, _ in answers])
            member = np.concatenate([first + found for _, found in answers])
            likely = free[member] & (member > centre)
            centre, member = centre[likely], member[likely]
            for one in np.unique(centre):
                if not free[one]:
                    continue
                near = np.unique(member[centre == one])
                members = [m for m in near[free[near]].tolist() if confirm is None or confirm(int(one), m)]
                free[members] = False
                if members:
                    stars.append([int(one), *members])
    return stars


def _rows(hashes: list[bytes]) -> NDArray[np.uint8]:
    if any(len(value) != _HASH_BYTES for value in hashes):
        raise ValueError(f"expected perceptual hashes of {_HASH_BYTES} bytes")
    return np.frombuffer(b"".join(hashes), dtype=np.uint8).reshape(-1, _HASH_BYTES)


def _group(kind: str, members: Sequence[int], ids: Sequence[str]) -> DuplicateGroup:
    best = ids[members[0]]
    return DuplicateGroup(kind, best, (best, *sorted(ids[i] for i in members[1:])))
