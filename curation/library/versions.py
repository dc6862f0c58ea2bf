"""Freeze versions of the library: lists of images with all that was known and decided about them."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, insert, select

from core.names import search_key
from curation.library import examinations as examined
from curation.library.database import Database, Write, chunks, now
from curation.library.decisions import labels_of
from curation.library.errors import LibraryError
from curation.library.examinations import corrections, current_rules
from curation.library.images import Member, buried, hash_text, hash_version, pictures, provenances
from curation.library.names import check_version_name, clean_reviewer
from curation.library.schema import (
    duplicates,
    images,
    member_contents,
    opinions,
    states,
    verdicts,
    version_members,
    versions,
)
from curation.rules import Rules


@dataclass(frozen=True)
class Version:
    """A frozen dataset; `curation.library.library.Library.members` reads what it froze of each image.

    Attributes
    ----------
    hash
        SHA-256 of all members and the rules: equal versions of different libraries share it.
    ids
        Images that were kept, in order of id; those deleted for good since are in ``removed``.
    rejected
        How many images were left out, by rule, or by ``person``, ``undecided`` or ``disputed``.
    """

    name: str
    created: str
    who: str
    note: str
    hash: str
    ids: tuple[str, ...]
    rules_text: str
    rejected: dict[str, int] = field(default_factory=dict)
    removed: tuple[str, ...] = ()

    @property
    def rules(self) -> Rules:
        """The rules as they were."""
        return Rules.from_yaml(self.rules_text)


def freeze(database: Database, name: str, *, who: str, note: str = "", trust_rules: bool = True) -> Version:
    """See `curation.library.library.Library.freeze`.

    The members are gathered from one state of the database, some at a time and without holding up
    writers. The version is there when all are.
    """
    name = check_version_name(name)
    who = clean_reviewer(who)
    hashes: dict[str, str] = {}
    with database.read() as connection:
        _refuse_taken(connection, name)
        kept, rejected = _outcome(connection, trust_rules=trust_rules)
        rules_text = current_rules(connection).to_yaml()
        for some in chunks(_gather(connection, kept)):
            with database.write() as write:
                hashes |= store(write, {member.image_id: member.to_json() for member in some})
    with database.write() as write:
        _refuse_taken(write.connection, name)
        gone = buried(write.connection, hashes)  # deleted while we gathered
        forget(write, gone)
        for image_id in gone:
            del hashes[image_id]
        version = Version(name, now(), who, note, "", tuple(sorted(hashes)), rules_text, rejected)
        return _enter(write, version, hashes)


def _outcome(connection: Connection, *, trust_rules: bool) -> tuple[dict[str, str], dict[str, int]]:
    """Kept images with who kept them, and how many were left out for what."""
    rows = connection.execute(
        select(
            images.c.id, states.c.decision, states.c.disputed, verdicts.c.verdict, verdicts.c.rule
        ).select_from(images.outerjoin(states).outerjoin(verdicts, verdicts.c.number == images.c.number))
    )
    kept: dict[str, str] = {}
    rejected: Counter[str] = Counter()
    for image_id, decision, disputed, verdict, rule in rows:
        if decision == "keep":
            kept[image_id] = "person"
        elif decision or disputed:
            rejected["disputed" if disputed else "person" if decision == "reject" else "undecided"] += 1
        elif verdict == "keep" and trust_rules:
            kept[image_id] = "machine"
        else:
            rejected[rule or "undecided"] += 1
    return kept, dict(sorted(rejected.items()))


def _gather(connection: Connection, kept: dict[str, str]) -> Iterator[Member]:
    corrected = corrections(connection)
    for ids in chunks(kept):
        found = examined.get(connection, ids)
        labels, picture = labels_of(connection, ids), pictures(connection, ids)
        origins, said = provenances(connection, ids), _opinions_of(connection, ids)
        groups = dict(
            connection.execute(
                select(images.c.id, duplicates.c.best)
                .join_from(images, duplicates)
                .where(images.c.id.in_(ids))
            ).all()
        )
        for image_id in ids:
            one = found.get(image_id) or examined.Examination(image_id, "")
            anchors = corrected.get(image_id, one.anchors)
            yield Member(
                image_id,
                kept[image_id],
                tuple(said[image_id]),
                labels.get(image_id, ()),
                groups.get(image_id, ""),
                picture[image_id],
                origins.get(image_id, ()),
                replace(one, anchors=anchors, embedding=b""),
            )


def _opinions_of(connection: Connection, ids: list[str]) -> dict[str, list[tuple[str, str, str]]]:
    said: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for row in connection.execute(
        select(images.c.id, opinions.c.reviewer, opinions.c.decision, opinions.c.made_at)
        .join_from(images, opinions)
        .where(images.c.id.in_(ids))
    ):
        said[row.id].append((row.reviewer, row.decision, row.made_at))
    return {image_id: sorted(found) for image_id, found in said.items()} | {
        image_id: [] for image_id in ids if image_id not in said
    }


def _refuse_taken(connection: Connection, name: str) -> None:
    if connection.execute(select(versions.c.id).where(versions.c.key == search_key(name))).first():
        raise ValueError(
            f"there is a version {name!r} already, and versions never change: choose another name"
        )


def store(write: Write, contents: dict[str, str]) -> dict[str, str]:
    """Keep members' lines, each content once; returns their hashes."""
    hashes = {image_id: hash_text(content) for image_id, content in contents.items()}
    for ids in chunks(contents):
        rows = [{"hash": hashes[i], "image_id": i, "content": contents[i]} for i in ids]
        write.upsert(member_contents, rows)
    return hashes


def _enter(write: Write, version: Version, hashes: dict[str, str]) -> Version:
    whole = replace(version, hash=hash_version(hashes.items(), version.rules_text))
    row = {name: getattr(whole, name) for name in ("name", "who", "note", "created", "hash")} | {
        "key": search_key(whole.name),
        "rules": whole.rules_text,
        "rejected": json.dumps(whole.rejected),
    }
    number = write.connection.execute(insert(versions).values(row).returning(versions.c.id)).scalar_one()
    for ids in chunks(hashes):
        rows = [{"version": number, "image_id": i, "content_hash": hashes[i], "removed": False} for i in ids]
        write.connection.execute(insert(version_members), rows)
    return whole


def restore(write: Write, version: Version, contents: dict[str, str]) -> Version:
    """Enter a version that was frozen elsewhere; the same one twice is fine."""
    version = replace(version, name=check_version_name(version.name))
    hashes = {image_id: hash_text(content) for image_id, content in contents.items()}
    found = hash_version(hashes.items(), version.rules_text)
    if found != version.hash:
        raise ValueError(
            f"version {version.name!r} is not what was frozen: its content has hash {found[:12]}, "
            f"expected {version.hash[:12]}. Its files were changed."
        )
    same = write.connection.execute(
        select(versions).where(versions.c.key == search_key(version.name))
    ).first()
    if same is not None:
        if same.hash == version.hash:
            return get(write.connection, same.name)
        raise ValueError(
            f"there is another version {same.name!r} here already (hash {same.hash[:12]}, "
            f"not {version.hash[:12]}): choose another name"
        )
    entered = _enter(write, version, store(write, contents))
    gone = buried(write.connection, contents)
    forget(write, gone)
    return get(write.connection, entered.name) if gone else entered


def forget(write: Write, ids: Iterable[str]) -> None:
    """Take images out of all versions; that they were in it stays known, by their hash."""
    for chunk in chunks(ids):
        write.connection.execute(
            version_members.update().where(version_members.c.image_id.in_(chunk)).values(removed=True)
        )
        write.connection.execute(member_contents.delete().where(member_contents.c.image_id.in_(chunk)))


def listed(connection: Connection) -> list[Version]:
    """All versions, oldest first."""
    rows = connection.execute(select(versions.c.name).order_by(versions.c.id)).scalars().all()
    return [get(connection, name) for name in rows]


def get(connection: Connection, name: str) -> Version:
    """One version.

    Raises
    ------
    LibraryError
        If there is none of that name.
    """
    row: Any = connection.execute(select(versions).where(versions.c.key == search_key(name))).first()
    if row is None:
        there = connection.execute(select(versions.c.name).order_by(versions.c.id)).scalars().all()
        raise LibraryError(f"There is no version {name!r}. Versions: {', '.join(there) or 'none yet'}.")
    members = connection.execute(
        select(version_members.c.image_id, version_members.c.removed)
        .where(version_members.c.version == row.id)
        .order_by(version_members.c.image_id)
    ).all()
    return Version(
        name=row.name,
        created=row.created,
        who=row.who,
        note=row.note,
        hash=row.hash,
        ids=tuple(member.image_id for member in members if not member.removed),
        rules_text=row.rules,
        rejected=json.loads(row.rejected),
        removed=tuple(member.image_id for member in members if member.removed),
    )


def members(connection: Connection, name: str, ids: Sequence[str]) -> list[Member]:
    """What a version froze of some images that are still there, in order of id."""
    row_id = select(versions.c.id).where(versions.c.key == search_key(name)).scalar_subquery()
    joined = version_members.join(member_contents, member_contents.c.hash == version_members.c.content_hash)
    rows = connection.execute(
        select(member_contents.c.content)
        .select_from(joined)
        .where(version_members.c.version == row_id, version_members.c.image_id.in_(ids))
        .order_by(version_members.c.image_id)
    )
    return [Member.from_json(content) for content in rows.scalars()]
