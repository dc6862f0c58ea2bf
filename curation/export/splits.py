"""Assign images to train, val and test: nothing alike on two sides, and nobody moves when images are added.

Images that belong together share a split: near duplicates of one another, images from one page, images by
one author. Each group has a number between 0 and 1 that follows from the seed and the id of its oldest
image, and that number decides. Images are placed in order of arrival, so those that came before keep
their place whatever comes later. A late image that links two groups on different sides fits on neither:
it is in no split (``none``), and the card says how many there are. scikit-learn's grouped folds know neither:
`StratifiedGroupKFold` and `GroupShuffleSplit` deal all groups anew when one comes.

An image that none of this places follows an earlier photo of the same person, as far as faces tell
(`curation.export.people`). They may be wrong, so they overrule nothing, and a group takes no more by faces alone
once it holds `FACES_BIND` images and a twentieth of all: whatever faces say, groups stay small.

A page or author with more than a fifth of all images could only fill one split or leave it empty. It binds
its first few images and those that come while its part is smaller; `divided_keys` names it.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from core.nearest import BitRows
from curation.duplicates import MAX_DISTANCE
from curation.export.people import group_faces

TRAIN, VAL, TEST, NONE = "train", "val", "test", "none"
SPLITS = (TRAIN, VAL, TEST)
NOBODY = frozenset({"", "unknown", "anonymous", "n/a", "none", "-"})
LARGEST_PART = 0.2  # of the images so far, that a page or author may bind
ALWAYS_BOUND = 5  # of its images
FACES_BIND, FACES_PART = 25, 0.05
_BLOCK = 64


@dataclass(frozen=True)
class Fractions:
    """Fractions of the groups that go into each split; they sum to one."""

    train: float = 0.8
    val: float = 0.1
    test: float = 0.1

    def __post_init__(self) -> None:
        parts = (self.train, self.val, self.test)
        if min(parts) < 0 or abs(sum(parts) - 1) > 1e-6:
            raise ValueError(f"expected three parts of at least 0 that sum to 1, got {parts}")

    def split_of(self, number: float) -> str:
        """Choose the split of a group's number in [0, 1). Test and val lie at the ends, so that they can grow."""
        if number < self.test:
            return TEST
        return VAL if number >= 1 - self.val else TRAIN

    def wanted(self) -> tuple[str, ...]:
        """List the splits that are to hold something."""
        return tuple(split for split in SPLITS if getattr(self, split) > 0)


@dataclass(frozen=True)
class Candidate:
    """What decides the place of one image."""

    id: str
    added_at: str  # when it arrived, as text that sorts; of equals the smaller id came first
    # phash, phash_mirror: 32 bytes each; none where it has no face.
    phash: bytes = b""
    phash_mirror: bytes = b""
    keys: tuple[str, ...] = ()  # what it shares with others of its group (pages, authors); see `shared_keys`
    face: bytes = b""  # vector of the face, (128,) float16; none where it is not known


@dataclass(frozen=True)
class Assignment:
    """Tell where an image goes."""

    split: str  # ``train``, ``val``, ``test``, or ``none`` where it would bring two sides together
    group: str  # id of the oldest image of its group
    # Id of the oldest image with the same person's face; its own where there is none.
    person: str = field(default="", compare=False)
    by_face: bool = field(default=False, compare=False)  # whether nothing but the face put it there


def shared_keys(pages: Sequence[str], authors: Sequence[str]) -> tuple[str, ...]:
    """Give pages and authors of one image in the form in which they are compared; unknown ones left out."""
    page_keys = {
        f"page {page.split('#')[0].strip().rstrip('/').casefold()}" for page in pages if page.strip()
    }
    author_keys = {" ".join(author.split()).casefold() for author in authors} - NOBODY
    return tuple(sorted(page_keys | {f"author {author}" for author in author_keys}))


def assign_splits(
    candidates: Sequence[Candidate],
    *,
    seed: int = 0,
    fractions: Fractions = Fractions(),
    is_same: Callable[[str, str], bool] | None = None,
) -> dict[str, Assignment]:
    """Give every image its split.

    A split that ends up empty although it should hold something (that happens below some thirty groups)
    takes a group from another one that can spare it; only in this case can a later image move old ones.

    Parameters
    ----------
    candidates
        In any order.
    seed
        Another one gives other splits.
    is_same
        Asked about the ids of two images whose hashes are near (`curation.duplicates.DetailComparison`); without it
        hashes alone decide, and tie strangers before one wall.

    Returns
    -------
    assignments
        By id.
    """
    order = sorted(candidates, key=lambda one: (one.added_at, one.id))
    alike = _earlier_alike(order)
    people = group_faces([member.face for member in order])
    groups, by_face = _Groups(), set[str]()
    seen: Counter[str] = Counter()
    for number, member in enumerate(order):
        most = max(ALWAYS_BOUND, LARGEST_PART * number)
        keys = [key for key in member.keys if seen[key] <= most]
        seen.update(member.keys)
        linked = {groups.holding(key) for key in keys} - {""}
        for before in alike.get(number, ()):
            group = groups.of(order[before].id)
            if group and group not in linked and (is_same is None or is_same(order[before].id, member.id)):
                linked.add(group)
        if not linked and 0 <= people[number] < number:
            person = groups.of(order[people[number]].id)
            if person and groups.sizes[person] < max(FACES_BIND, FACES_PART * number):
                linked.add(person)
                by_face.add(member.id)
        sides = {groups.split[group] for group in linked}
        if not sides:
            groups.found(member.id, keys, fractions.split_of(_number(seed, member.id)))
        elif len(sides) == 1:
            groups.join(member.id, keys, linked)
    group_of = {member.id: groups.of(member.id) for member in order}
    splits = _fill_empty(group_of, groups, seed, fractions)
    found = {}
    for number, member in enumerate(order):
        group = group_of[member.id]
        person = order[people[number]].id if people[number] >= 0 else member.id
        found[member.id] = Assignment(
            splits[group] if group else NONE, group or member.id, person, member.id in by_face
        )
    return found


class _Groups:
    """Groups under the id of their oldest image, as they grow together.

    Attributes
    ----------
    split
        Of each group.
    sizes
        Images in each.
    """

    def __init__(self) -> None:
        self.split: dict[str, str] = {}
        self.sizes: Counter[str] = Counter()
        self._parent: dict[str, str] = {}
        self._holders: dict[str, str] = {}

    def of(self, image_id: str) -> str:
        """Find the group of an image; empty where it has none."""
        group = self._parent.get(image_id, "")
        while group and self._parent[group] != group:
            group = self._parent[group] = self._parent[self._parent[group]]
        return group

    def holding(self, key: str) -> str:
        """Find the group with a page or author; empty where there is none."""
        return self.of(self._holders.get(key, ""))

    def found(self, image_id: str, keys: Sequence[str], split: str) -> None:
        """Begin a group."""
        self._parent[image_id] = image_id
        self.split[image_id] = split
        self.sizes[image_id] = 1
        self._holders.update(dict.fromkeys(keys, image_id))

    def join(self, image_id: str, keys: Sequence[str], groups: set[str]) -> None:
        """Put an image into groups of one split, which are one group from now on."""
        oldest, *others = sorted(groups, key=list(self.split).index) if len(groups) > 1 else groups
        self._parent.update(dict.fromkeys([*others, image_id], oldest))
        self.sizes[oldest] += 1
        for other in others:
            del self.split[other]
            self.sizes[oldest] += self.sizes.pop(other)
        self._holders.update(dict.fromkeys(keys, oldest))


def divided_keys(candidates: Sequence[Candidate], assignments: Mapping[str, Assignment]) -> list[str]:
    """List pages and authors on several sides, because they have too large a part of the images."""
    sides: dict[str, set[str]] = defaultdict(set)
    for one in candidates:
        if assignments[one.id].split != NONE:
            for key in one.keys:
                sides[key].add(assignments[one.id].split)
    return sorted(key for key, splits in sides.items() if len(splits) > 1)


def _number(seed: int, image_id: str) -> float:
    digest = hashlib.sha256(f"{seed} {image_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _earlier_alike(order: Sequence[Candidate]) -> dict[int, list[int]]:
    """For each image the images before it whose hashes are near, mirrored perhaps."""
    rows = [number for number, member in enumerate(order) if member.phash]
    if not rows:
        return {}
    plain, mirrored = (
        np.frombuffer(b"".join(getattr(order[row], side) for row in rows), np.uint8).reshape(len(rows), -1)
        for side in ("phash", "phash_mirror")
    )
    found: dict[int, list[int]] = {}
    for start in range(0, len(rows), _BLOCK):
        stop = min(start + _BLOCK, len(rows))
        pairs: set[tuple[int, int]] = set()
        for before in (plain, mirrored):
            asked, earlier = BitRows(before[:stop]).within(plain[start:stop], MAX_DISTANCE)
            later = start + asked
            pairs.update(zip(later[earlier < later].tolist(), earlier[earlier < later].tolist(), strict=True))
        for late, early in sorted(pairs):
            found.setdefault(rows[late], []).append(rows[early])
    return found


def _fill_empty(group_of: dict[str, str], groups: _Groups, seed: int, fractions: Fractions) -> dict[str, str]:
    """Splits of the groups, after an empty one was given the smallest group of one that has others."""
    splits = dict(groups.split)
    sizes = Counter(group for group in group_of.values() if group)
    for wanted in fractions.wanted():
        held = Counter(splits.values())
        if held[wanted]:
            continue
        spare = [group for group, split in splits.items() if held[split] > 1]
        if spare:
            splits[min(spare, key=lambda group: (sizes[group], _number(seed, group)))] = wanted
    return splits
