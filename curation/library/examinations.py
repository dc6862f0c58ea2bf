"""Store what was measured of an image: examination, verdict, alignment, proposal and duplicates."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import methodcaller

import numpy as np
import pandas as pd
from sqlalchemy import Column, ColumnElement, Connection, Row, func, insert, select

from curation.align import check_anchors
from curation.library.database import Write, chunks, now, rows_among
from curation.library.images import numbers_of, rows_of
from curation.library.records import (
    MEASUREMENT_NAMES,
    DuplicateGroup,
    DuplicateInputs,
    Examination,
    Measurements,
    clean_reviewer,
)
from curation.library.schema import (
    alignments,
    duplicates,
    examinations,
    examiners,
    face_data,
    images,
    proposals,
    rule_sets,
    verdicts,
)
from curation.rules import Rules, judge_table

Anchors = tuple[tuple[float, float], ...]
DEFAULTS = "defaults"  # as who: the program's own rules, which a newer program may replace
EMBEDDING_SIZE = 1280
LOSSLESS = frozenset({"PNG", "BMP", "TIFF", "PPM", "TGA", "SGI", "JPEG2000"})
USEFUL_EYE_DISTANCE_PX = 140.0  # of the template; more of it is lost in alignment
_READINGS = ("eye_distance_px", "padding", "frame", "sharpness", "stretch", "covered", "faces")
_BLOBS = ("phash", "phash_mirror", "landmarks", "embedding")
_VERDICT = ("number", "verdict", "rule", "value", "threshold")
_MOVED_PX = 0.01
_BATCH = 20_000


def current_rules(connection: Connection) -> Rules:
    """Read the rules in force."""
    text = connection.execute(select(rule_sets.c.text).order_by(rule_sets.c.id.desc()).limit(1)).scalar()
    return Rules.default() if text is None else _parse(text)


_parse = lru_cache(maxsize=16)(Rules.from_yaml)


def has_old_defaults(connection: Connection, text: str) -> bool:
    """Tell whether the rules in force are defaults, and others than ``text``."""
    newest = connection.execute(select(rule_sets).order_by(rule_sets.c.id.desc()).limit(1)).first()
    return newest is None or (newest.who == DEFAULTS and newest.text != text)


def set_rules(write: Write, rules: Rules, who: str) -> int:
    """Put rules in force, judge every image anew from its readings; returns how many verdicts changed."""
    write.insert(rule_sets, [{"text": rules.to_yaml(), "who": clean_reviewer(who), "made_at": now()}])
    last = write.connection.execute(select(func.max(examinations.c.number))).scalar() or 0
    changed = 0
    for start in range(0, last + 1, _BATCH):  # not all at once: a server must stay small
        changed += _judge(write, rules, methodcaller("between", start, start + _BATCH - 1))
    return changed


def judge(write: Write, numbers: Sequence[int]) -> None:
    """Judge some images by the rules in force."""
    rules = current_rules(write.connection)
    for chunk in chunks(numbers):
        _judge(write, rules, methodcaller("in_", chunk))


def _judge(write: Write, rules: Rules, among: Callable[[Column[int]], ColumnElement[bool]]) -> int:
    """Judge the images whose number is ``among`` some; returns how many verdicts changed."""
    joined = examinations.join(images).outerjoin(duplicates, duplicates.c.number == examinations.c.number)
    readings = select(*examinations.c["number", "status", *MEASUREMENT_NAMES], images.c.id, duplicates.c.best)
    result = write.connection.execute(readings.select_from(joined).where(among(examinations.c.number)))
    names = list(result.keys())
    columns = dict(zip(names, zip(*result.all(), strict=True), strict=False))
    if not columns:
        return 0
    table = pd.DataFrame(
        {name: np.array(columns[name], np.float32) for name in MEASUREMENT_NAMES}
        | {"status": columns["status"], "duplicate_best": _is_best(columns["id"], columns["best"])}
    )
    new = judge_table(table, rules)
    rows = zip(
        columns["number"],
        new["verdict"].tolist(),
        new["rule"].tolist(),
        _missing_as_none(new["value"]),
        _missing_as_none(new["threshold"]),
        strict=True,
    )
    stored = write.connection.execute(select(*verdicts.c[_VERDICT]).where(among(verdicts.c.number)))
    old = {row.number: tuple(row) for row in stored}
    changed = [dict(zip(_VERDICT, row, strict=True)) for row in rows if row != old.get(row[0])]
    write.upsert(verdicts, changed)
    return len(changed)


def _is_best(ids: Sequence[str], best: Sequence[str | None]) -> list[bool]:
    return [not group or group == image_id for image_id, group in zip(ids, best, strict=True)]


def _missing_as_none(values: pd.Series) -> list[float | None]:
    return [None if value != value else value for value in values.tolist()]


def correct_alignment(
    write: Write, image_id: str, anchors: Sequence[Sequence[float]], reviewer: str, *, token: str = ""
) -> None:
    """Note where a person put image-left eye, image-right eye and mouth, in the upright source.

    With a token that was used before nothing happens.

    Raises
    ------
    ValueError
        If no face can be aligned by these points; nothing is noted then.
    """
    points, reviewer = _check(anchors), clean_reviewer(reviewer)
    known = select(alignments.c.id).where(alignments.c.token == token)
    if token and write.connection.execute(known).first() is not None:
        return
    number = numbers_of(write.connection, [image_id])[image_id]
    row = {"number": number, "anchors": json.dumps(points), "reviewer": reviewer}
    write.insert(alignments, [row | {"made_at": now(), "token": token or None}])


def _check(anchors: Sequence[Sequence[float]]) -> Anchors:
    try:
        points = tuple((float(x), float(y)) for x, y in anchors)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"expected three points (x, y), got {anchors!r}") from error
    if len(points) != 3 or not all(math.isfinite(value) for point in points for value in point):
        raise ValueError(f"expected image-left eye, image-right eye and mouth as (x, y), got {anchors!r}")
    check_anchors(points)
    return points


def corrections(connection: Connection) -> dict[str, Anchors]:
    """Give the newest correction of each image that has one."""
    newest = select(func.max(alignments.c.id)).group_by(alignments.c.number)
    rows = connection.execute(
        select(images.c.id, alignments.c.anchors)
        .join_from(images, alignments)
        .where(alignments.c.id.in_(newest))
        .order_by(images.c.number)
    )
    return {row.id: _read(row.anchors) for row in rows}


def alignment_of(connection: Connection, image_id: str) -> Anchors:
    """Give the newest correction, else what the machine found, else ()."""
    for table in (alignments, examinations):
        newest = select(table.c.anchors).join_from(images, table).where(images.c.id == image_id)
        if table is alignments:
            newest = newest.order_by(alignments.c.id.desc()).limit(1)
        found = connection.execute(newest).scalar()
        if found is not None:
            return _read(found)
    return ()


def _read(text: str) -> Anchors:
    return tuple((x, y) for x, y in json.loads(text))


def pending(connection: Connection, versions: str) -> list[str]:
    """List the ids to examine, oldest first: not done by these versions, or realigned by hand since."""
    joined = images.outerjoin(examinations).outerjoin(examiners)
    undone = select(images.c.id).select_from(joined).where(examiners.c.versions.is_distinct_from(versions))
    found = list(connection.execute(undone.order_by(images.c.number)).scalars())
    waiting = set(found)
    corrected = corrections(connection)
    for image_id, examined in get(connection, corrected).items():
        if image_id not in waiting and examined.status == "ok" and examined.anchors:
            moved = np.abs(np.subtract(examined.anchors, corrected[image_id])).max()
            if moved > _MOVED_PX:
                found.append(image_id)
    return found


def save(write: Write, found: Sequence[Examination]) -> list[int]:
    """Put examinations over earlier ones; those of images deleted in the meantime are left out."""
    known = rows_of(write.connection, (examined.image_id for examined in found))
    examiner = {versions: _examiner(write, versions) for versions in {one.versions for one in found}}
    newest = {known[one.image_id]: one for one in found if one.image_id in known}
    write.upsert(
        examinations,
        [
            {
                "number": number,
                "status": one.status,
                "detail": one.detail,
                "examiner": examiner[one.versions],
                **{name: _plain_number(value) for name, value in vars(one.measurements).items()},
                "anchors": json.dumps([[float(x), float(y)] for x, y in one.anchors]),
            }
            for number, one in newest.items()
        ],
    )
    blobs = ({name: bytes(getattr(one, name)) for name in _BLOBS} for one in newest.values())
    write.upsert(face_data, [{"number": number} | row for number, row in zip(newest, blobs, strict=True)])
    return list(newest)


def _plain_number(value: float | None) -> float | None:
    """NumPy's scalars as Python's, NaN as missing."""
    if value is None or value != value:
        return None
    return value if isinstance(value, int) else float(value)


def _examiner(write: Write, versions: str) -> int:
    found = write.connection.execute(select(examiners.c.id).where(examiners.c.versions == versions)).scalar()
    if found is not None:
        return found
    statement = insert(examiners).values(versions=versions).returning(examiners.c.id)
    return write.connection.execute(statement).scalar_one()


def get(connection: Connection, ids: Iterable[str]) -> dict[str, Examination]:
    """Read the newest examination of each image that has one."""
    joined = images.join(examinations).join(examiners).join(face_data, face_data.c.number == images.c.number)
    query = select(images.c.id, examinations, examiners.c.versions, *face_data.c[_BLOBS]).select_from(joined)
    return {row.id: _examination(row) for row in rows_among(connection, query, images.c.id, ids)}


def _examination(row: Row) -> Examination:
    return Examination(
        image_id=row.id,
        status=row.status,
        detail=row.detail,
        versions=row.versions,
        measurements=Measurements(**{name: getattr(row, name) for name in MEASUREMENT_NAMES}),
        anchors=tuple((x, y) for x, y in json.loads(row.anchors)),
        **{name: bytes(getattr(row, name)) for name in _BLOBS},
    )


def embeddings(connection: Connection, ids: Sequence[str]) -> np.ndarray:
    """Read embeddings, (N, 1280) float16 in the order of ``ids``; NaN where an image has none."""
    found = np.full((len(ids), EMBEDDING_SIZE), np.nan, dtype=np.float16)
    places: dict[str, list[int]] = {}
    for place, image_id in enumerate(ids):
        places.setdefault(image_id, []).append(place)
    query = select(images.c.id, face_data.c.embedding).join_from(images, face_data)
    for image_id, embedding in rows_among(connection, query, images.c.id, places):
        if len(embedding) == 2 * EMBEDDING_SIZE:
            found[places[image_id]] = np.frombuffer(embedding, dtype=np.float16)
    return found


def save_proposals(write: Write, found: Mapping[str, tuple[float, float]], model: str) -> None:
    """Keep ``{id: (probability of keep, confidence)}``, over what was kept before."""
    rows = []
    for image_id, number in numbers_of(write.connection, found).items():
        keep, confidence = map(float, found[image_id])
        rows.append({"number": number, "proposal": keep, "confidence": confidence, "model": model})
    write.upsert(proposals, rows)


def duplicate_inputs(connection: Connection) -> DuplicateInputs:
    """Read what the search for duplicates needs, of every examined image, oldest first."""
    joined = images.join(examinations).join(face_data, face_data.c.number == images.c.number)
    columns = (images.c.id, images.c.pixel_hash, face_data.c.phash, face_data.c.phash_mirror)
    rows = connection.execute(select(*columns).select_from(joined).order_by(images.c.number))
    found = DuplicateInputs([], [], [], [])
    for image_id, pixel_hash, phash, mirror in rows:
        found.ids.append(image_id)
        found.pixel_hashes.append(pixel_hash)
        found.phashes.append(bytes(phash))
        found.mirrors.append(bytes(mirror))
    return found


def save_duplicates(write: Write, groups: Iterable[DuplicateGroup]) -> None:
    """Replace all groups of duplicates and judge the images whose place changed."""
    wanted = {
        image_id: (group.best, group.kind) for group in groups for image_id in group.members if group.best
    }
    numbers = rows_of(write.connection, wanted)
    new = {numbers[image_id]: place for image_id, place in wanted.items() if image_id in numbers}
    stored = write.connection.execute(select(*duplicates.c["number", "best", "kind"]))
    old = {row.number: (row.best, row.kind) for row in stored}
    changed = {number: new.get(number, ("", "")) for number in new.keys() | old.keys()}
    changed = {number: place for number, place in changed.items() if place != old.get(number, ("", ""))}
    rows = [{"number": number, "best": best, "kind": kind} for number, (best, kind) in changed.items()]
    write.upsert(duplicates, rows)
    judge(write, list(changed))


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
    """Choose the copy to keep, by its id.

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
    """Put the best copy of a group first; members that are gone are left out."""
    here = [known[one] for one in group.members if one in known]
    if not here:
        return group
    best = best_copy(here)
    return DuplicateGroup(group.kind, best, (best, *sorted(copy.id for copy in here if copy.id != best)))


def copies(connection: Connection, ids: Iterable[str]) -> dict[str, Copy]:
    """Read what is known of images as copies."""
    columns = (*images.c["id", "format", "width", "height"], *examinations.c[_READINGS])
    query = select(*columns).select_from(images.outerjoin(examinations))
    return {row.id: Copy(*row) for row in rows_among(connection, query, images.c.id, ids)}


def best_copies(connection: Connection, groups: Iterable[DuplicateGroup]) -> list[DuplicateGroup]:
    """Give the same groups, each led by the copy that `best_copy` prefers."""
    groups = list(groups)
    known = copies(connection, (one for group in groups for one in group.members))
    return [lead_by_best(group, known) for group in groups]


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
