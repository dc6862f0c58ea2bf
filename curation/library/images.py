"""Store images, where they come from and which files of a source were seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Connection, func, insert, select

from curation.library.database import Database, Write, chunks, now, rows_among
from curation.library.files import LibraryFiles
from curation.library.records import LibraryError, Original, Picture, Provenance
from curation.library.schema import images, provenance, source_files, storable, tombstones

WRITERS = 8  # the file system commits what several threads sync together: a third of the time and less
_ORIGIN = ("source", "name", "url", "page", "licence", "author", "uploader")
_PICTURE = ("format", "width", "height", "pixel_hash")


def add(
    database: Database, files: LibraryFiles, arrivals: Sequence[tuple[Original, Provenance]]
) -> list[str]:
    """Keep pictures; see `curation.library.library.Library.add`.

    The bytes are on disk before the row is: a killed run leaves at most a file that nobody knows of,
    and the next one finds it there.
    """
    originals = [original for original, _ in arrivals]
    with database.read() as connection:
        deleted = _deleted(connection, originals)
    wanted = {original.id: original for original in originals if original.id not in deleted}
    with ThreadPoolExecutor(min(WRITERS, len(wanted) or 1)) as writers:
        list(writers.map(files.put_original, wanted.values()))  # raises what one of them raised
    with database.write() as write:
        deleted = _deleted(write.connection, originals)
        outcomes = _enter(write, [arrival for arrival in arrivals if arrival[0].id not in deleted])
    for image_id in deleted:
        files.remove(image_id)  # it may have been forgotten while we wrote
    return ["deleted" if original.id in deleted else next(outcomes) for original in originals]


def _deleted(connection: Connection, originals: Sequence[Original]) -> set[str]:
    """Ids among ``originals`` that were deleted for good, be it as other bytes of the same pixels."""
    ids = set(buried(connection, (original.id for original in originals)))
    hashes = (original.pixel_hash for original in originals)
    query = select(tombstones.c.pixel_hash)
    pixels = {row.pixel_hash for row in rows_among(connection, query, tombstones.c.pixel_hash, hashes)}
    return {original.id for original in originals if original.id in ids or original.pixel_hash in pixels}


def _enter(write: Write, arrivals: Sequence[tuple[Original, Provenance]]) -> Iterator[str]:
    """Make the rows; says of each arrival in turn whether it was new."""
    files = {original.id: original for original, _ in arrivals}
    numbers = rows_of(write.connection, files)
    new = {
        original.id: (Picture(*(getattr(original, name) for name in _PICTURE)), len(original.data))
        for original in files.values()
        if original.id not in numbers
    }
    numbers |= enter_pictures(write, new)
    origins: dict[int, list[Provenance]] = {}
    for original, where in arrivals:
        origins.setdefault(numbers[original.id], []).append(where)
    add_provenances(write, origins)
    return iter(["known" if new.pop(original.id, None) is None else "new" for original, _ in arrivals])


def enter_pictures(write: Write, new: Mapping[str, tuple[Picture, int]]) -> dict[str, int]:
    """Make the rows of new images, given with the size of their file; returns their numbers."""
    statement = insert(images).returning(images.c.id, images.c.number, sort_by_parameter_order=True)
    found: dict[str, int] = {}
    for ids in chunks(new):
        rows = [
            {"id": i, **vars(new[i][0]), "bytes": new[i][1], "added_at": now(), "changed": write.count}
            for i in ids
        ]
        found.update(tuple(row) for row in write.connection.execute(statement, rows))
    return found


def add_provenances(write: Write, origins: Mapping[int, Sequence[Provenance]]) -> None:
    """Note where images came from; the same place is noted once."""
    for numbers in chunks(origins):
        known: dict[int, set[tuple[str, ...]]] = {number: set() for number in numbers}
        for row in write.connection.execute(select(provenance).where(provenance.c.number.in_(numbers))):
            known[row.number].add(tuple(getattr(row, name) for name in _ORIGIN))
        rows = []
        for number in numbers:
            for origin in origins[number]:
                key = tuple(storable(getattr(origin, name)) for name in _ORIGIN)
                if key not in known[number]:
                    dated = vars(origin) | {"added_at": origin.added_at or now()}
                    rows.append({"number": number, "position": len(known[number]), **dated})
                    known[number].add(key)
        write.insert(provenance, rows)


def provenances(connection: Connection, ids: Iterable[str]) -> dict[str, tuple[Provenance, ...]]:
    """Tell where each image came from, oldest first."""
    query = (
        select(images.c.id, *provenance.c[*_ORIGIN, "added_at"])
        .join_from(images, provenance)
        .order_by(provenance.c.number, provenance.c.position)
    )
    found: dict[str, tuple[Provenance, ...]] = {}
    for image_id, *origin in rows_among(connection, query, images.c.id, ids):
        found[image_id] = (*found.get(image_id, ()), Provenance(*origin))
    return found


def pictures(connection: Connection, ids: Iterable[str]) -> dict[str, Picture]:
    """Give format, size and pixel hash of each image."""
    rows = rows_among(connection, select(*images.c["id", *_PICTURE]), images.c.id, ids)
    return {image_id: Picture(*values) for image_id, *values in rows}


def numbers_of(connection: Connection, ids: Iterable[str]) -> dict[str, int]:
    """Give the rows of images, in the order asked for and each once.

    Raises
    ------
    LibraryError
        If one of them is not in the library.
    """
    wanted = list(dict.fromkeys(ids))
    found = rows_of(connection, wanted)
    missing = [image_id for image_id in wanted if image_id not in found]
    if missing:
        raise LibraryError(
            f"{len(missing)} of {len(wanted)} images are not in the library, {missing[0][:12]} among them "
            "(deleted in the meantime?). Load the page again."
        )
    return {image_id: found[image_id] for image_id in wanted}


def rows_of(connection: Connection, ids: Iterable[str]) -> dict[str, int]:
    """Give the rows of those among ``ids`` that are in the library."""
    rows = rows_among(connection, select(images.c.id, images.c.number), images.c.id, ids)
    return {row.id: row.number for row in rows}


def find_ids(connection: Connection, beginnings: Iterable[str]) -> list[str]:
    """Find the ids of images by their beginnings.

    Raises
    ------
    ValueError
        If one of them begins no id, or several.
    """
    found: list[str] = []
    for beginning in beginnings:
        begins = images.c.id.startswith(beginning, autoescape=True)
        matching = list(connection.execute(select(images.c.id).where(begins)).scalars())
        if len(matching) != 1:
            raise ValueError(
                f"{beginning!r} is the beginning of {len(matching)} ids of this library, expected 1. "
                "Give more of the id."
            )
        found += matching
    return found


def known_sources(connection: Connection, source: str) -> dict[str, str]:
    """Read what `note_source_files` noted of each file of a source."""
    rows = connection.execute(
        select(source_files.c.name, source_files.c.mark).where(source_files.c.source == source)
    )
    return {row.name: row.mark for row in rows}


def note_source_files(write: Write, source: str, marks: Mapping[str, str]) -> None:
    """Note how each file of a source looked (any text), so that the next run may pass over it."""
    write.upsert(
        source_files, [{"source": source, "name": name, "mark": mark} for name, mark in marks.items()]
    )


def buried(connection: Connection, ids: Iterable[str]) -> list[str]:
    """List those among ``ids`` that were deleted for good."""
    query = select(tombstones.c.image_id)
    return [row.image_id for row in rows_among(connection, query, tombstones.c.image_id, ids)]


def count(connection: Connection) -> int:
    """Count the images."""
    return connection.execute(select(func.count()).select_from(images)).scalar_one()
