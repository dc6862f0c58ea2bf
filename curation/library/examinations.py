"""Store what was measured of an image: examination, verdict and alignment."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Row, Select, func, insert, select

from curation.library.database import Write, chunks, now
from curation.library.images import numbers_of, rows_of
from curation.library.records import (
    MEASUREMENT_NAMES,
    DuplicateGroup,
    DuplicateInputs,
    Examination,
    Measurements,
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

_BATCH = 20_000
_STORED = ("number", "verdict", "rule", "value", "threshold")
DEFAULTS = "defaults"  # as who: the program's own rules, which a newer program may replace


def current_rules(connection: Connection) -> Rules:
    """The rules in force."""
    text = connection.execute(select(rule_sets.c.text).order_by(rule_sets.c.id.desc()).limit(1)).scalar()
    return Rules.default() if text is None else _parse(text)


_parse = lru_cache(maxsize=16)(Rules.from_yaml)


def has_old_defaults(connection: Connection, text: str) -> bool:
    """Whether the rules in force are defaults, and others than ``text``."""
    newest = connection.execute(select(rule_sets).order_by(rule_sets.c.id.desc()).limit(1)).first()
    return newest is None or (newest.who == DEFAULTS and newest.text != text)


def set_rules(write: Write, rules: Rules, who: str) -> int:
    """Put rules in force and judge every image by them; returns how many verdicts changed."""
    write.connection.execute(insert(rule_sets).values(text=rules.to_yaml(), who=who, made_at=now()))
    last = write.connection.execute(select(func.max(examinations.c.number))).scalar() or 0
    changed = 0
    for start in range(0, last + 1, _BATCH):  # not all at once: a server must stay small
        bounds = start, start + _BATCH - 1
        changed += _judge(
            write,
            rules,
            _readings().where(examinations.c.number.between(*bounds)),
            select(verdicts).where(verdicts.c.number.between(*bounds)),
        )
    return changed


def judge(write: Write, numbers: Sequence[int]) -> None:
    """Judge some images by the rules in force."""
    rules = current_rules(write.connection)
    for chunk in chunks(numbers):
        _judge(
            write,
            rules,
            _readings().where(examinations.c.number.in_(chunk)),
            select(verdicts).where(verdicts.c.number.in_(chunk)),
        )


def _readings() -> Select[Any]:
    columns = (examinations.c["number", "status", *MEASUREMENT_NAMES], images.c.id, duplicates.c.best)
    joined = examinations.join(images).outerjoin(duplicates, duplicates.c.number == examinations.c.number)
    return select(*columns[0], *columns[1:]).select_from(joined)


def _judge(write: Write, rules: Rules, readings: Select[Any], known: Select[Any]) -> int:
    result = write.connection.execute(readings)
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
        _plain(new["value"]),
        _plain(new["threshold"]),
        strict=True,
    )
    old = {
        row[0]: tuple(row)
        for row in write.connection.execute(
            known.with_only_columns(*(verdicts.c[name] for name in _STORED))
        ).all()
    }
    changed = [
        dict(zip(_STORED, row, strict=True)) | {"changed": write.count}
        for row in rows
        if row != old.get(row[0])
    ]
    write.upsert(verdicts, changed)
    return len(changed)


def _is_best(ids: Sequence[str], best: Sequence[str | None]) -> list[bool]:
    return [not group or group == image_id for image_id, group in zip(ids, best, strict=True)]


def _plain(values: pd.Series) -> list[float | None]:
    return [None if value != value else value for value in values.tolist()]


Anchors = tuple[tuple[float, float], ...]


def correct(
    write: Write, image_id: str, anchors: Sequence[Sequence[float]], reviewer: str, token: str | None
) -> None:
    """Append a correction; with a token that was used before, nothing happens."""
    points = _check(anchors)
    if token is not None:
        known = select(alignments.c.id).where(alignments.c.token == token)
        if write.connection.execute(known).first() is not None:
            return
    number = numbers_of(write.connection, [image_id])[image_id]
    write.connection.execute(
        insert(alignments).values(
            number=number, anchors=json.dumps(points), reviewer=reviewer, made_at=now(), token=token
        )
    )


def _check(anchors: Sequence[Sequence[float]]) -> Anchors:
    try:
        points = tuple((float(x), float(y)) for x, y in anchors)
    except (TypeError, ValueError) as error:
        raise ValueError(f"expected three points (x, y), got {anchors!r}") from error
    if len(points) != 3 or not all(math.isfinite(value) for point in points for value in point):
        raise ValueError(f"expected image-left eye, image-right eye and mouth as (x, y), got {anchors!r}")
    return points


def corrections(connection: Connection) -> dict[str, Anchors]:
    """Newest correction of each image that has one."""
    newest = select(func.max(alignments.c.id)).group_by(alignments.c.number)
    rows = connection.execute(
        select(images.c.id, alignments.c.anchors)
        .join_from(images, alignments)
        .where(alignments.c.id.in_(newest))
        .order_by(images.c.number)
    )
    return {row.id: _read(row.anchors) for row in rows}


def alignment_of(connection: Connection, image_id: str) -> Anchors:
    """The newest correction, else what the machine found, else nothing."""
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


EMBEDDING_SIZE = 1280
_BLOBS = ("phash", "phash_mirror", "landmarks", "embedding")
_MOVED_PX = 0.01


def pending(connection: Connection, versions: str) -> list[str]:
    """Images to examine, oldest first: never done by these versions, or realigned by hand since."""
    joined = images.outerjoin(examinations).outerjoin(examiners)
    rows = connection.execute(
        select(images.c.id)
        .select_from(joined)
        .where(examiners.c.versions.is_distinct_from(versions))
        .order_by(images.c.number)
    )
    found = list(rows.scalars())
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
                "changed": write.count,
            }
            for number, one in newest.items()
        ],
    )
    write.upsert(
        face_data,
        [
            {"number": number, **{name: bytes(getattr(one, name)) for name in _BLOBS}}
            for number, one in newest.items()
        ],
    )
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
    """Examinations of those among ``ids`` that have one."""
    joined = images.join(examinations).join(examiners).join(face_data, face_data.c.number == images.c.number)
    blobs = (face_data.c[name] for name in _BLOBS)
    query = select(images.c.id, examinations, examiners.c.versions).add_columns(*blobs).select_from(joined)
    return {
        row.id: _examination(row)
        for chunk in chunks(ids)
        for row in connection.execute(query.where(images.c.id.in_(chunk)))
    }


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
    """(N, 1280) float16 in the order of ``ids``; NaN where there is none."""
    found = np.full((len(ids), EMBEDDING_SIZE), np.nan, dtype=np.float16)
    rows_of: dict[str, list[int]] = {}
    for row, image_id in enumerate(ids):
        rows_of.setdefault(image_id, []).append(row)
    for chunk in chunks(rows_of):
        for image_id, embedding in connection.execute(
            select(images.c.id, face_data.c.embedding)
            .join_from(images, face_data)
            .where(images.c.id.in_(chunk))
        ):
            if len(embedding) == 2 * EMBEDDING_SIZE:
                found[rows_of[image_id]] = np.frombuffer(embedding, dtype=np.float16)
    return found


def duplicate_inputs(connection: Connection) -> DuplicateInputs:
    """All that the search for duplicates needs, of every image that was examined."""
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


def save_duplicates(write: Write, groups: Iterable[DuplicateGroup]) -> list[int]:
    """Replace all groups; returns the images whose place in a group changed."""
    wanted = {
        image_id: (group.best, group.kind) for group in groups for image_id in group.members if group.best
    }
    numbers = rows_of(write.connection, wanted)
    new = {numbers[image_id]: place for image_id, place in wanted.items() if image_id in numbers}
    old = {
        row.number: (row.best, row.kind)
        for row in write.connection.execute(select(*duplicates.c["number", "best", "kind"]))
    }
    changed = {number: new.get(number, ("", "")) for number in new.keys() | old.keys()}
    changed = {number: place for number, place in changed.items() if place != old.get(number, ("", ""))}
    write.upsert(
        duplicates,
        [
            {"number": number, "best": best, "kind": kind, "changed": write.count}
            for number, (best, kind) in changed.items()
        ],
    )
    return list(changed)


def save_proposals(write: Write, found: Mapping[str, tuple[float, float]], model: str) -> None:
    """Put proposals over earlier ones."""
    numbers = numbers_of(write.connection, found)
    write.upsert(
        proposals,
        [
            {
                "number": number,
                "proposal": float(found[image_id][0]),
                "confidence": float(found[image_id][1]),
                "model": model,
                "changed": write.count,
            }
            for image_id, number in numbers.items()
        ],
    )
