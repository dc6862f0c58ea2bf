"""Which of several copies of one picture is the best, by what is known of them; used where groups are made
and where the best one of a group is deleted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from curation.library.database import chunks
from curation.library.records import DuplicateGroup
from curation.library.schema import examinations, images

LOSSLESS = frozenset({"PNG", "BMP", "TIFF", "PPM", "TGA", "SGI", "JPEG2000"})
USEFUL_EYE_DISTANCE_PX = 140.0  # of the template; more of it is lost in alignment
_READINGS = ("eye_distance_px", "padding", "frame", "sharpness", "stretch", "covered", "faces")


@dataclass(frozen=True)
class Copy:
    """One of several images that show the same picture; readings are ``None`` where there is none."""

    id: str
    format: str
    width: int
    height: int
    eye_distance_px: float | None = None
    padding: float | None = None
    frame: float | None = None
    sharpness: float | None = None
    stretch: float | None = None
    covered: float | None = None
    faces: float | None = None


def best_copy(copies: Sequence[Copy]) -> str:
    """Id of the copy to keep.

    One after the other, each of these leaves only the copies that are as good as the best in it: no second
    face in the picture, so that a face outranks the group picture that it was cut from; pixels between the
    eyes, as far as alignment can use them; little of the aligned frame beyond the picture; no border around
    it; a format without loss; pixels of the picture; sharpness; little stretch and cover. Differences that
    nobody sees do not count. Of equals the smaller id is the best.

    Raises
    ------
    ValueError
        If there is no copy.
    """
    left = sorted(copies, key=lambda copy: copy.id)
    if not left:
        raise ValueError("expected at least one copy, got none")
    for goodness, tolerance in _GOODNESS:
        values = [goodness(copy) for copy in left]
        least = max(values) - tolerance
        left = [copy for copy, value in zip(left, values, strict=True) if value >= least]
    return left[0].id


def lead_by_best(group: DuplicateGroup, known: Mapping[str, Copy]) -> DuplicateGroup:
    """The same group, its best copy first; members that are gone are left out."""
    here = [known[one] for one in group.members if one in known]
    if not here:
        return group
    best = best_copy(here)
    return DuplicateGroup(group.kind, best, (best, *sorted(copy.id for copy in here if copy.id != best)))


def copies(connection: Connection, ids: Iterable[str]) -> dict[str, Copy]:
    """What is known of images as copies."""
    columns = (*images.c["id", "format", "width", "height"], *examinations.c[_READINGS])
    query = select(*columns).select_from(images.outerjoin(examinations))
    return {
        row.id: Copy(*row)
        for chunk in chunks(ids)
        for row in connection.execute(query.where(images.c.id.in_(chunk)))
    }


def _log(value: float | None) -> float:
    """Sizes are compared in proportion, and an unknown one is none."""
    return math.log(value) if value is not None and value > 0 else -99.0


def _little(value: float | None) -> float:
    return -1.0 if value is None else -float(value)


_GOODNESS: tuple[tuple[Callable[[Copy], float], float], ...] = (
    (lambda copy: float((copy.faces or 1) <= 1), 0.0),
    (lambda copy: _log(min(copy.eye_distance_px or 0, USEFUL_EYE_DISTANCE_PX)), 0.1),
    (lambda copy: _little(copy.padding), 0.02),
    (lambda copy: _little(copy.frame), 0.02),
    (lambda copy: float(copy.format in LOSSLESS), 0.0),
    (lambda copy: _log(copy.width * copy.height), 0.05),
    (lambda copy: _log(copy.sharpness), 0.1),
    (lambda copy: _little(copy.stretch), 0.02),
    (lambda copy: _little(copy.covered), 0.1),
)
