"""Delete images for good, because a person asks for it.

A tombstone comes first, then the files go, then the rows, then what was exported of them. A kill in
between leaves a tombstone that is not finished, and the next `Library.open` finishes it; from the first
moment on the image can neither be added nor exported again. The same pixels in other bytes are the same
picture and go with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence

from sqlalchemy import delete, select, update

from curation.library import examinations, versions
from curation.library.database import Database, Write, chunks, now
from curation.library.files import LibraryFiles
from curation.library.images import numbers_of
from curation.library.records import clean_reviewer
from curation.library.schema import duplicates, images, metadata, source_files, tombstones

# All tables about an image: those that point to another one come before it.
_OF_IMAGE = [
    table for table in reversed(metadata.sorted_tables) if "number" in table.c and table is not tombstones
]


def delete_for_good(
    database: Database,
    files: LibraryFiles,
    ids: Iterable[str],
    *,
    who: str,
    why: str,
    remove_made: Callable[[Collection[str]], None],
) -> list[str]:
    """Delete images; gives the ids, those of equal pixels among them."""
    who = clean_reviewer(who)
    with database.write() as write:
        buried = _bury(write, list(numbers_of(write.connection, ids)), who, why)
    finish(database, files, remove_made)
    return buried


def _bury(write: Write, ids: Sequence[str], who: str, why: str) -> list[str]:
    buried: list[str] = []
    for chunk in chunks(ids):
        same_pixels = select(images.c.pixel_hash).where(images.c.id.in_(chunk))
        found = write.connection.execute(
            select(*images.c["number", "id", "pixel_hash"]).where(
                images.c.pixel_hash.in_(same_pixels), images.c.id.not_in(select(tombstones.c.image_id))
            )
        ).all()
        asked = {"who": who, "why": why, "deleted_at": now(), "finished": False}
        write.insert(
            tombstones,
            [
                asked | {"image_id": row.id, "pixel_hash": row.pixel_hash, "number": row.number}
                for row in found
            ],
        )
        buried += [row.id for row in found]
    return buried


def finish(database: Database, files: LibraryFiles, remove_made: Callable[[Collection[str]], None]) -> int:
    """Carry deletions through to their end; returns how many there were to finish.

    Parameters
    ----------
    remove_made
        Removes images from what was made of the library's versions.
    """
    unfinished = select(tombstones.c.image_id, tombstones.c.number).where(~tombstones.c.finished)
    with database.read() as connection:
        waiting = connection.execute(unfinished).all()
    for chunk in chunks(waiting):
        for row in chunk:
            files.remove(row.image_id)
        with database.write() as write:
            _forget(write, [row.image_id for row in chunk], [row.number for row in chunk])
    if waiting:
        database.scrub()
        remove_made([row.image_id for row in waiting])
    for chunk in chunks(waiting):
        with database.write() as write:
            ids = [row.image_id for row in chunk]
            write.connection.execute(
                update(tombstones)
                .where(tombstones.c.image_id.in_(ids))
                .values(finished=True, changed=write.count)
            )
    return len(waiting)


def _forget(write: Write, ids: list[str], numbers: list[int]) -> None:
    versions.forget(write, ids)
    _succeed(write, ids)
    for table in _OF_IMAGE:
        write.connection.execute(delete(table).where(table.c.number.in_(numbers)))
    for image_id in ids:
        write.connection.execute(delete(source_files).where(source_files.c.mark.contains(image_id)))


def _succeed(write: Write, ids: list[str]) -> None:
    """Where the best copy of a picture is deleted, the next best takes its place at once."""
    rows = write.connection.execute(
        select(duplicates.c.number, duplicates.c.best, images.c.id)
        .join_from(duplicates, images)
        .where(duplicates.c.best.in_(ids), images.c.id.not_in(ids))
    ).all()
    groups: dict[str, dict[str, int]] = defaultdict(dict)
    for row in rows:
        groups[row.best][row.id] = row.number
    known = examinations.copies(write.connection, (row.id for row in rows))
    for left in groups.values():
        best = examinations.best_copy([known[one] for one in left]) if len(left) > 1 else ""
        values = {"best": best, "changed": write.count} | ({} if best else {"kind": ""})
        write.connection.execute(
            update(duplicates).where(duplicates.c.number.in_(list(left.values()))).values(values)
        )
    examinations.judge(write, [row.number for row in rows])
