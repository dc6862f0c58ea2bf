"""What the machine found out about each image: readings, hashes, embeddings, duplicates, proposals."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from sqlalchemy import Connection, Row, insert, select

from curation.library.alignments import corrections
from curation.library.database import Write, chunks
from curation.library.images import numbers_of, rows_of
from curation.library.records import (
    MEASUREMENT_NAMES,
    DuplicateGroup,
    DuplicateInputs,
    Examination,
    Measurements,
)
from curation.library.schema import duplicates, examinations, examiners, face_data, images, proposals

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
                **{name: _plain(value) for name, value in vars(one.measurements).items()},
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


def _plain(value: float | None) -> float | None:
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
