"""Freeze versions of the library, lists of images with all that was known and decided about them; restore them.

A version restored from an export brings its images as far as the export knows them.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from sqlalchemy import Connection, Row, insert, select

from core.names import search_key
from curation.library import decisions, examinations
from curation.library.database import Database, Write, chunks, now, rows_among
from curation.library.images import (
    add_provenances,
    buried,
    count,
    enter_pictures,
    pictures,
    provenances,
    rows_of,
)
from curation.library.records import (
    Examination,
    LibraryError,
    Measurements,
    Picture,
    Provenance,
    check_version_name,
    clean_reviewer,
)
from curation.library.schema import (
    duplicates,
    images,
    member_contents,
    states,
    verdicts,
    version_members,
    versions,
)
from curation.rules import Rules

IMPORTER = "import"
_BLOBS = ("landmarks", "phash", "phash_mirror")
_LATER_READINGS = ("frame", "chroma", "drawn", "hidden")  # versions frozen before have no word of them
_HEAD = ("name", "who", "note", "created", "hash")


@dataclass(frozen=True)
class Member:
    """Record an image of a version as it was when the version was frozen."""

    image_id: str
    decided_by: str  # ``person`` or ``machine``: who kept it
    # ``(reviewer, decision, time)`` of everybody who had one, by reviewer.
    opinions: tuple[tuple[str, str, str], ...]
    labels: tuple[str, ...]
    duplicate_group: str  # id of the best of its group of duplicates, "" if it was in none
    picture: Picture
    provenances: tuple[Provenance, ...]
    # Without the embedding; its anchors are those in force, a person's correction included.
    examination: Examination

    def to_json(self) -> str:
        """Write one line of text; equal members give equal lines."""
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
    """Give the SHA-256 of a text, hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def hash_version(members: Iterable[tuple[str, str]], rules_text: str) -> str:
    """Hash a version's content, from ``(image id, hash of the member's line)`` and the rules."""
    lines = [f"{image_id} {content}\n" for image_id, content in sorted(members)]
    return hash_text("".join(lines) + rules_text)


@dataclass(frozen=True)
class Version:
    """A frozen dataset; `curation.library.library.Library.members` reads what it froze of each image."""

    name: str
    created: str
    who: str
    note: str
    hash: str  # SHA-256 of all members and the rules: equal versions of different libraries share it
    # Images that were kept, in order of id; those deleted for good since are in ``removed``.
    ids: tuple[str, ...]
    rules_text: str
    # How many images were left out, by rule, or by ``person``, ``undecided`` or ``disputed``.
    rejected: dict[str, int] = field(default_factory=dict)
    removed: tuple[str, ...] = ()

    @property
    def rules(self) -> Rules:
        """Read the rules as they were."""
        return Rules.from_yaml(self.rules_text)


def freeze(database: Database, name: str, *, who: str, note: str = "", trust_rules: bool = True) -> Version:
    """Freeze a version; see `curation.library.library.Library.freeze`.

    The members are gathered from one state of the database, some at a time and without holding up
    writers. The version is there when all are.
    """
    name = check_version_name(name)
    who = clean_reviewer(who)
    hashes: dict[str, str] = {}
    with database.read() as connection:
        _refuse_taken(connection, name)
        kept, rejected = _outcome(connection, trust_rules=trust_rules)
        rules_text = examinations.current_rules(connection).to_yaml()
        for some in chunks(_gather(connection, kept)):
            with database.write() as write:
                hashes |= _store(write, {member.image_id: member.to_json() for member in some})
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
    corrected = examinations.corrections(connection)
    grouped = select(images.c.id, duplicates.c.best).join_from(images, duplicates)
    for ids in chunks(kept):
        found = examinations.get(connection, ids)
        labels, said = decisions.labels_of(connection, ids), decisions.all_opinions_of(connection, ids)
        picture, origins = pictures(connection, ids), provenances(connection, ids)
        groups = {row.id: row.best for row in rows_among(connection, grouped, images.c.id, ids)}
        for image_id in ids:
            one = found.get(image_id) or Examination(image_id, "")
            yield Member(
                image_id,
                decided_by=kept[image_id],
                opinions=tuple(sorted(said[image_id])),
                labels=labels.get(image_id, ()),
                duplicate_group=groups.get(image_id, ""),
                picture=picture[image_id],
                provenances=origins.get(image_id, ()),
                examination=replace(one, anchors=corrected.get(image_id, one.anchors), embedding=b""),
            )


def _refuse_taken(connection: Connection, name: str) -> None:
    if _row(connection, name):
        raise ValueError(
            f"there is a version {name!r} already, and versions never change: choose another name"
        )


def _store(write: Write, contents: dict[str, str]) -> dict[str, str]:
    """Keep members' lines, each content once; returns their hashes."""
    hashes = {image_id: hash_text(content) for image_id, content in contents.items()}
    for ids in chunks(contents):
        rows = [{"hash": hashes[i], "image_id": i, "content": contents[i]} for i in ids]
        write.upsert(member_contents, rows)
    return hashes


def _enter(write: Write, version: Version, hashes: dict[str, str]) -> Version:
    whole = replace(version, hash=hash_version(hashes.items(), version.rules_text))
    row = {name: getattr(whole, name) for name in _HEAD} | {
        "key": search_key(whole.name),
        "rules": whole.rules_text,
        "rejected": json.dumps(whole.rejected),
    }
    number = write.connection.execute(insert(versions).values(row).returning(versions.c.id)).scalar_one()
    member = {"version": number, "removed": False}
    write.insert(version_members, [member | {"image_id": i, "content_hash": hashes[i]} for i in hashes])
    return whole


def forget(write: Write, ids: Iterable[str]) -> None:
    """Take images out of all versions; that they were in it stays known, by their hash."""
    for chunk in chunks(ids):
        write.connection.execute(
            version_members.update().where(version_members.c.image_id.in_(chunk)).values(removed=True)
        )
        write.connection.execute(member_contents.delete().where(member_contents.c.image_id.in_(chunk)))


def listed(connection: Connection) -> list[Version]:
    """List all versions, oldest first."""
    return [get(connection, name) for name in _names(connection)]


def get(connection: Connection, name: str) -> Version:
    """Read one version.

    Raises
    ------
    LibraryError
        If there is none of that name.
    """
    row = _row(connection, name)
    if row is None:
        there = ", ".join(_names(connection))
        raise LibraryError(f"There is no version {name!r}. Versions: {there or 'none yet'}.")
    frozen = connection.execute(
        select(version_members.c.image_id, version_members.c.removed)
        .where(version_members.c.version == row.id)
        .order_by(version_members.c.image_id)
    ).all()
    return Version(
        **{name: getattr(row, name) for name in _HEAD},
        ids=tuple(member.image_id for member in frozen if not member.removed),
        rules_text=row.rules,
        rejected=json.loads(row.rejected),
        removed=tuple(member.image_id for member in frozen if member.removed),
    )


def _row(connection: Connection, name: str) -> Row[Any] | None:
    return connection.execute(select(versions).where(versions.c.key == search_key(name))).first()


def _names(connection: Connection) -> Sequence[str]:
    return connection.execute(select(versions.c.name).order_by(versions.c.id)).scalars().all()


def members(connection: Connection, name: str, ids: Sequence[str]) -> list[Member]:
    """Read what a version froze of some images that are still there, in order of id."""
    row_id = select(versions.c.id).where(versions.c.key == search_key(name)).scalar_subquery()
    joined = version_members.join(member_contents, member_contents.c.hash == version_members.c.content_hash)
    rows = connection.execute(
        select(member_contents.c.content)
        .select_from(joined)
        .where(version_members.c.version == row_id, version_members.c.image_id.in_(ids))
        .order_by(version_members.c.image_id)
    )
    return [Member.from_json(content) for content in rows.scalars()]


def restore(write: Write, version: Version, members: Iterable[Member]) -> Version:
    """Enter a version that was frozen in another library, with the images that are not here yet.

    Images come without their originals, which no export holds. An empty library takes the rules
    of the version, too. The same version twice is fine.

    Raises
    ------
    ValueError
        If the members are not those of the version, or another version has its name.
    """
    members = list(members)
    restored = _restore_list(write, version, {member.image_id: member.to_json() for member in members})
    if count(write.connection) == 0 and examinations.has_old_defaults(write.connection, version.rules_text):
        examinations.set_rules(write, version.rules, IMPORTER)
    ids = [member.image_id for member in members]
    known = {*rows_of(write.connection, ids), *buried(write.connection, ids)}
    _restore_images(write, version, [member for member in members if member.image_id not in known])
    return restored


def _restore_list(write: Write, version: Version, contents: dict[str, str]) -> Version:
    version = replace(version, name=check_version_name(version.name))
    hashes = {image_id: hash_text(content) for image_id, content in contents.items()}
    found = hash_version(hashes.items(), version.rules_text)
    if found != version.hash:
        raise ValueError(
            f"version {version.name!r} is not what was frozen: its content has hash {found[:12]}, "
            f"expected {version.hash[:12]}. Its files were changed."
        )
    same = _row(write.connection, version.name)
    if same is not None:
        if same.hash == version.hash:
            return get(write.connection, same.name)
        raise ValueError(
            f"there is another version {same.name!r} here already (hash {same.hash[:12]}, "
            f"not {version.hash[:12]}): choose another name"
        )
    entered = _enter(write, version, _store(write, contents))
    gone = buried(write.connection, contents)
    forget(write, gone)
    return get(write.connection, entered.name) if gone else entered


def _restore_images(write: Write, version: Version, new: Sequence[Member]) -> None:
    numbers = enter_pictures(write, {member.image_id: (member.picture, 0) for member in new})
    add_provenances(write, {numbers[member.image_id]: member.provenances for member in new})
    examinations.save(write, [member.examination for member in new if member.examination.status])
    write.upsert(
        duplicates,
        [
            {"number": numbers[member.image_id], "best": member.duplicate_group, "kind": "near"}
            for member in new
            if member.duplicate_group
        ],
    )
    _repeat_decisions(write, version, {numbers[member.image_id]: member for member in new})
    decisions.derive(write, list(numbers.values()))
    examinations.judge(write, list(numbers.values()))


def _repeat_decisions(write: Write, version: Version, members: dict[int, Member]) -> None:
    """Enter what was decided about images, by number, as the version's members tell it."""
    said: dict[tuple[bool, str, str, str], list[int]] = defaultdict(list)
    for number, member in members.items():
        for reviewer, decision, made_at in member.opinions:
            said[False, made_at, reviewer, decision].append(number)
        if len({decision for _, decision, _ in member.opinions}) > 1:  # it was settled, and kept
            said[True, version.created, IMPORTER, "keep"].append(number)
    for (settles, made_at, reviewer, decision), numbers in sorted(said.items()):
        action = decisions.append_action(write, "decide", reviewer, made_at=made_at)
        decisions.append_decisions(write, action, dict.fromkeys(numbers, decision), settles=settles)
    labelled = {number: member.labels for number, member in members.items() if member.labels}
    if labelled:
        action = decisions.append_action(write, "decide", IMPORTER, made_at=version.created)
        decisions.append_decisions(write, action, dict.fromkeys(labelled))
        decisions.append_labels(
            write, action, {n: [(label, True) for label in labels] for n, labels in labelled.items()}
        )
