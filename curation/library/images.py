"""Store images and where they come from."""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from threading import Lock
from typing import Any, Self

import pandas as pd
from sqlalchemy import Connection, delete, func, insert, or_, select, tuple_

from curation.agreement import Agreement, compare_reviewers
from curation.library.database import Database, Write, chunks, now
from curation.library.errors import LibraryError
from curation.library.files import LibraryFiles
from curation.library.records import Disagreement, Examination, Measurements, Original, Picture, Provenance
from curation.library.schema import (
    images,
    opinions,
    provenance,
    source_files,
    states,
    storable,
    tombstones,
    versions,
)

WRITERS = 8  # the file system commits what several threads sync together: a third of the time and less
_PROVENANCE = ("source", "name", "url", "page", "licence", "author", "uploader")


def add(
    database: Database, files: LibraryFiles, arrivals: Sequence[tuple[Original, Provenance]]
) -> list[str]:
    """Keep pictures; see `curation.library.library.Library.add`.

    The bytes are on disk before the row is: a killed run leaves at most a file that nobody knows of,
    and the next one finds it there.
    """
    with database.read() as connection:
        deleted = _deleted(connection, [original for original, _ in arrivals])
    wanted = {original.id: original for original, _ in arrivals if original.id not in deleted}
    with ThreadPoolExecutor(min(WRITERS, len(wanted) or 1)) as writers:
        list(writers.map(files.put_original, wanted.values()))  # raises what one of them raised
    with database.write() as write:
        deleted = _deleted(write.connection, [original for original, _ in arrivals])
        outcomes = _enter(write, [arrival for arrival in arrivals if arrival[0].id not in deleted])
    for original, _ in arrivals:
        if original.id in deleted:  # forgotten while we wrote
            files.remove(original.id)
    return ["deleted" if original.id in deleted else next(outcomes) for original, _ in arrivals]


def _deleted(connection: Connection, originals: Sequence[Original]) -> set[str]:
    """Ids among ``originals`` that were deleted for good, be it as other bytes of the same pixels."""
    found: set[str] = set()
    for chunk in chunks(originals):
        rows = connection.execute(
            select(tombstones.c.image_id, tombstones.c.pixel_hash).where(
                or_(
                    tombstones.c.image_id.in_([original.id for original in chunk]),
                    tombstones.c.pixel_hash.in_([original.pixel_hash for original in chunk]),
                )
            )
        ).all()
        ids, pixels = {row.image_id for row in rows}, {row.pixel_hash for row in rows}
        found |= {original.id for original in chunk if original.id in ids or original.pixel_hash in pixels}
    return found


def _enter(write: Write, arrivals: Sequence[tuple[Original, Provenance]]) -> Iterator[str]:
    """Make the rows; says of each arrival in turn whether it was new."""
    files = {original.id: original for original, _ in arrivals}
    numbers = rows_of(write.connection, files)
    new = {
        original.id: (
            Picture(original.format, original.width, original.height, original.pixel_hash),
            len(original.data),
        )
        for original in files.values()
        if original.id not in numbers
    }
    numbers |= enter_pictures(write, new)
    origins: dict[int, list[Provenance]] = {}
    for original, where in arrivals:
        origins.setdefault(numbers[original.id], []).append(where)
    add_provenances(write, origins)
    outcomes = []
    for original, _ in arrivals:
        outcomes.append("known" if new.pop(original.id, None) is None else "new")
    return iter(outcomes)


def enter_pictures(write: Write, new: Mapping[str, tuple[Picture, int]]) -> dict[str, int]:
    """Make the rows of new images, given with the size of their file; returns their numbers."""
    found: dict[str, int] = {}
    for ids in chunks(new):
        rows = [
            {"id": i, **vars(new[i][0]), "bytes": new[i][1], "added_at": now(), "changed": write.count}
            for i in ids
        ]
        statement = insert(images).returning(images.c.id, images.c.number, sort_by_parameter_order=True)
        found.update(tuple(row) for row in write.connection.execute(statement, rows))
    return found


def add_provenances(write: Write, origins: Mapping[int, Sequence[Provenance]]) -> None:
    """Note where images came from; the same place is noted once."""
    for numbers in chunks(origins):
        known: dict[int, set[tuple[str, ...]]] = {number: set() for number in numbers}
        for row in write.connection.execute(select(provenance).where(provenance.c.number.in_(numbers))):
            known[row.number].add(tuple(getattr(row, name) for name in _PROVENANCE))
        rows = []
        for number in numbers:
            for origin in origins[number]:
                key = tuple(storable(getattr(origin, name)) for name in _PROVENANCE)
                if key not in known[number]:
                    dated = vars(origin) | {"added_at": origin.added_at or now()}
                    rows.append({"number": number, "position": len(known[number]), **dated})
                    known[number].add(key)
        if rows:
            write.connection.execute(insert(provenance), rows)


def provenances(connection: Connection, ids: Iterable[str]) -> dict[str, tuple[Provenance, ...]]:
    """Where each image came from, oldest first."""
    found: dict[str, list[Provenance]] = {}
    for chunk in chunks(ids):
        for row in connection.execute(
            select(images.c.id, provenance)
            .join_from(images, provenance)
            .where(images.c.id.in_(chunk))
            .order_by(provenance.c.number, provenance.c.position)
        ):
            values = {name: getattr(row, name) for name in (*_PROVENANCE, "added_at")}
            found.setdefault(row.id, []).append(Provenance(**values))
    return {image_id: tuple(origins) for image_id, origins in found.items()}


def pictures(connection: Connection, ids: Iterable[str]) -> dict[str, Picture]:
    """Format, size and pixel hash of each image."""
    columns = (images.c.id, images.c.format, images.c.width, images.c.height, images.c.pixel_hash)
    return {
        row[0]: Picture(*row[1:])
        for chunk in chunks(ids)
        for row in connection.execute(select(*columns).where(images.c.id.in_(chunk)))
    }


def numbers_of(connection: Connection, ids: Iterable[str]) -> dict[str, int]:
    """The rows of images, in the order asked for and each once.

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


def find_ids(connection: Connection, beginnings: Iterable[str]) -> list[str]:
    """See `curation.library.library.Library.find_ids`."""
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


def rows_of(connection: Connection, ids: Iterable[str]) -> dict[str, int]:
    """The rows of those among ``ids`` that are in the library."""
    found: dict[str, int] = {}
    for chunk in chunks(ids):
        rows = connection.execute(select(images.c.id, images.c.number).where(images.c.id.in_(chunk)))
        found.update((row.id, row.number) for row in rows)
    return found


def known_sources(connection: Connection, source: str) -> dict[str, str]:
    """What was noted of each file of a source."""
    rows = connection.execute(
        select(source_files.c.name, source_files.c.mark).where(source_files.c.source == source)
    )
    return {row.name: row.mark for row in rows}


def note_source_files(write: Write, source: str, marks: Mapping[str, str]) -> None:
    """Note a mark for each file of a source, over what was noted before."""
    for chunk in chunks(marks):
        write.connection.execute(
            delete(source_files).where(
                tuple_(source_files.c.source, source_files.c.name).in_([(source, name) for name in chunk])
            )
        )
        rows = [{"source": source, "name": name, "mark": marks[name]} for name in chunk]
        write.connection.execute(insert(source_files), rows)


def buried(connection: Connection, ids: Iterable[str]) -> list[str]:
    """Those among ``ids`` that were deleted for good."""
    column = tombstones.c.image_id
    return [
        found
        for chunk in chunks(ids)
        for found in connection.execute(select(column).where(column.in_(chunk))).scalars()
    ]


def count(connection: Connection) -> int:
    """How many images there are."""
    return connection.execute(select(func.count()).select_from(images)).scalar_one()


_WORDS = {"states": "state", "verdicts": "verdict", "rules": "rule", "sources": "source", "status": "status"}


class Listings:
    """Counts and lists of one database; may be shared by threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = Lock()
        self._counts: tuple[int, dict[str, Any]] = (-1, {})

    def disagreements(self) -> list[Disagreement]:
        """See `curation.library.library.Library.disagreements`."""
        with self._database.read() as connection:
            rows = connection.execute(
                select(images.c.id, opinions.c.reviewer, opinions.c.decision, opinions.c.made_at)
                .select_from(states.join(images).join(opinions, opinions.c.number == states.c.number))
                .where(states.c.disputed)
                .order_by(states.c.number, opinions.c.action)
            ).all()
        found: dict[str, list[tuple[str, str, str]]] = {}
        for row in rows:
            found.setdefault(row.id, []).append((row.reviewer, row.decision, row.made_at))
        return [Disagreement(image_id, tuple(said)) for image_id, said in found.items()]

    def agreement(self) -> Agreement:
        """See `curation.library.library.Library.agreement`."""
        with self._database.read() as connection:
            rated = select(opinions.c.number, opinions.c.reviewer, opinions.c.rating)
            rows = connection.execute(rated.where(opinions.c.rating != "")).all()
        return compare_reviewers(rows)

    def counts(self, revision: int, table: pd.DataFrame) -> dict[str, Any]:
        """See `curation.library.library.Library.counts`."""
        with self._lock:
            if self._counts[0] != revision:
                self._counts = revision, self._count(table)
            return self._counts[1]

    def _count(self, table: pd.DataFrame) -> dict[str, Any]:
        with self._database.read() as connection:
            deleted = connection.execute(select(func.count()).select_from(tombstones)).scalar_one()
            frozen = connection.execute(select(func.count()).select_from(versions)).scalar_one()
            everybody = connection.execute(select(states.c.labels, states.c.reviewers)).all()
        labels = Counter(label for row in everybody for label in json.loads(row.labels))
        reviewers = Counter(name for row in everybody for name in json.loads(row.reviewers))
        return {
            "images": len(table),
            "examined": int((table["status"] != "").sum()),
            "decided": int((table["decision"] != "").sum()),
            "disputed": int(table["disputed"].sum()),
            "deleted": deleted,
            "versions": frozen,
            **{
                name: {word: int(n) for word, n in table[column].value_counts().items() if n and word}
                for name, column in _WORDS.items()
            },
            "labels": dict(sorted(labels.items())),
            "reviewers": dict(sorted(reviewers.items())),
        }


_BLOBS = ("landmarks", "phash", "phash_mirror")
_LATER_READINGS = ("frame", "chroma", "drawn", "hidden")  # versions frozen before have no word of them


@dataclass(frozen=True)
class Member:
    """An image of a version, as it was when the version was frozen.

    Attributes
    ----------
    decided_by
        ``person`` or ``machine``: who kept it.
    opinions
        ``(reviewer, decision, time)`` of everybody who had one, by reviewer.
    duplicate_group
        Id of the best of its group of duplicates, "" if it was in none.
    examination
        Without the embedding; its anchors are those in force, a person's correction included.
    """

    image_id: str
    decided_by: str
    opinions: tuple[tuple[str, str, str], ...]
    labels: tuple[str, ...]
    duplicate_group: str
    picture: Picture
    provenances: tuple[Provenance, ...]
    examination: Examination

    def to_json(self) -> str:
        """One line of text; equal members give equal lines."""
        content = asdict(self)
        examined = content["examination"]
        del examined["embedding"], examined["image_id"]
        for name in _LATER_READINGS:
            if examined["measurements"][name] is None:
                del examined["measurements"][name]
        for name in _BLOBS:
            examined[name] = base64.b64encode(examined[name]).decode()
        return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, line: str) -> Self:
        """Read what `to_json` wrote.

        Raises
        ------
        ValueError
            If the line is none of its.
        """
        try:
            return cls._read(json.loads(line))
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise ValueError(f"this is no member of a version: {line[:80]!r} ({error!r})") from error

    @classmethod
    def _read(cls, content: dict[str, Any]) -> Self:
        examined = dict(content["examination"])
        blobs: dict[str, Any] = {name: base64.b64decode(examined.pop(name), validate=True) for name in _BLOBS}
        examination = Examination(
            image_id=content["image_id"],
            measurements=Measurements(**examined.pop("measurements")),
            anchors=tuple((float(x), float(y)) for x, y in examined.pop("anchors")),
            **blobs,
            **examined,
        )
        return cls(
            image_id=content["image_id"],
            decided_by=content["decided_by"],
            opinions=tuple((who, what, when) for who, what, when in content["opinions"]),
            labels=tuple(content["labels"]),
            duplicate_group=content["duplicate_group"],
            picture=Picture(**content["picture"]),
            provenances=tuple(Provenance(**origin) for origin in content["provenances"]),
            examination=examination,
        )


def hash_text(text: str) -> str:
    """SHA-256, hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def hash_version(members: Iterable[tuple[str, str]], rules_text: str) -> str:
    """Hash of a version's content, from ``(image id, hash of the member's line)`` and the rules."""
    lines = [f"{image_id} {content}\n" for image_id, content in sorted(members)]
    return hash_text("".join(lines) + rules_text)
