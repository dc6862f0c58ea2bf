"""Define the tables of the library and how text is stored in them.

``actions``, ``decisions``, ``label_changes``, ``alignments`` and ``rule_sets`` are only ever added to.
``opinions`` and ``states`` are what follows from them, kept so that reading is quick; they can be
made anew at any time. Inside the database an image goes by ``number``, which is never used twice and
grows in order of arrival; everywhere else by its ``id``.

A column ``changed`` holds the count of the write that touched the row last (see ``meta``), so that a
reader asks for what is new since it looked.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
)
from sqlalchemy import Text as PlainText
from sqlalchemy.types import TypeDecorator

from curation.library.records import MEASUREMENT_NAMES


def storable(text: str) -> str:
    """Write a text as a database takes it; see `Text`."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


class Text(TypeDecorator[str]):
    """Text of strangers: file names that are no UTF-8 and NUL characters are written as escapes.

    Neither database takes them as they are.
    """

    impl = PlainText
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:
        """Write what is stored of a text."""
        return None if value is None else storable(value)


HEAD = "0003"  # of migrations/versions: what a database must be at to be used

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite gives only "INTEGER PRIMARY KEY" its own numbers.
Number = BigInteger().with_variant(Integer, "sqlite")
WHOLE_NUMBERS = frozenset({"faces", "width", "height"})


def _number(*, key: bool = False) -> Column[int]:
    return Column("number", Number, ForeignKey("images.number"), primary_key=key, nullable=False)


def _changed() -> Column[int]:
    return Column("changed", BigInteger, nullable=False, index=True)


meta = Table("meta", metadata, Column("name", String(40), primary_key=True), Column("value", BigInteger))

images = Table(
    "images",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("pixel_hash", String(64), nullable=False, index=True),
    Column("format", String(20), nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("added_at", String(20), nullable=False),
    _changed(),
    sqlite_autoincrement=True,
)

provenance = Table(
    "provenance",
    metadata,
    _number(key=True),
    Column("position", Integer, primary_key=True),
    *(
        Column(name, Text, nullable=False)
        for name in ("source", "name", "url", "page", "licence", "author", "uploader")
    ),
    Column("added_at", String(20), nullable=False),
)

source_files = Table(
    "source_files",
    metadata,
    Column("source", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("mark", Text, nullable=False),
)

examiners = Table(
    "examiners",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("versions", Text, nullable=False, unique=True),
)

examinations = Table(
    "examinations",
    metadata,
    _number(key=True),
    Column("status", String(20), nullable=False),
    Column("detail", Text, nullable=False),
    Column("examiner", Integer, ForeignKey("examiners.id"), nullable=False),
    *(Column(name, Integer if name in WHOLE_NUMBERS else Float(53)) for name in MEASUREMENT_NAMES),
    Column("anchors", Text, nullable=False),
    _changed(),
)

face_data = Table(
    "face_data",
    metadata,
    _number(key=True),
    Column("phash", LargeBinary, nullable=False),
    Column("phash_mirror", LargeBinary, nullable=False),
    Column("landmarks", LargeBinary, nullable=False),
    Column("embedding", LargeBinary, nullable=False),
)

duplicates = Table(
    "duplicates",
    metadata,
    _number(key=True),
    Column("best", String(64), nullable=False),  # id of the best of its group; "" when in none
    Column("kind", String(10), nullable=False),
    _changed(),
)

proposals = Table(
    "proposals",
    metadata,
    _number(key=True),
    Column("proposal", Float(53)),
    Column("confidence", Float(53)),
    Column("model", Text, nullable=False),
    _changed(),
)

rule_sets = Table(
    "rule_sets",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("text", Text, nullable=False),
    Column("who", String(60), nullable=False),
    Column("made_at", String(20), nullable=False),
)

verdicts = Table(
    "verdicts",
    metadata,
    _number(key=True),
    Column("verdict", String(10), nullable=False),
    Column("rule", String(40), nullable=False),
    Column("value", Float(53)),
    Column("threshold", Float(53)),
    _changed(),
)

actions = Table(
    "actions",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("kind", String(10), nullable=False),  # decide, undo, redo
    Column("target", Number, ForeignKey("actions.id"), index=True),  # what is undone or redone
    Column("reviewer", String(60), nullable=False),
    Column("made_at", String(20), nullable=False),
    Column("token", String(80), unique=True),  # of a caller that may ask twice
    Index("ix_actions_reviewer_id", "reviewer", "id"),
    sqlite_autoincrement=True,
)

decisions = Table(
    "decisions",
    metadata,
    Column("action", Number, ForeignKey("actions.id"), primary_key=True),
    _number(key=True),
    Column("decision", String(10)),  # NULL: only labels were changed; "": withdrawn
    Column("settles", Boolean, nullable=False),
    Index("ix_decisions_number", "number"),
)

label_changes = Table(
    "label_changes",
    metadata,
    Column("action", Number, ForeignKey("actions.id"), primary_key=True),
    _number(key=True),
    Column("label", String(60), primary_key=True),
    Column("added", Boolean, nullable=False),
    Index("ix_label_changes_number", "number"),
)

opinions = Table(
    "opinions",
    metadata,
    _number(key=True),
    Column("reviewer", String(60), primary_key=True),
    Column("decision", String(10), nullable=False),
    Column("rating", String(10), nullable=False),  # the same, but for decisions that settle a dispute
    Column("made_at", String(20), nullable=False),
    Column("action", Number, nullable=False),
)

states = Table(
    "states",
    metadata,
    _number(key=True),
    Column("decision", String(10), nullable=False),
    Column("disputed", Boolean, nullable=False),
    Column("reviewers", Text, nullable=False),  # JSON lists
    Column("labels", Text, nullable=False),
    Column("decided_at", String(20), nullable=False),
    _changed(),
)

alignments = Table(
    "alignments",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    _number(),
    Column("anchors", Text, nullable=False),
    Column("reviewer", String(60), nullable=False),
    Column("made_at", String(20), nullable=False),
    Column("token", String(80), unique=True),
    Index("ix_alignments_number", "number"),
    sqlite_autoincrement=True,
)

leases = Table(
    "leases",
    metadata,
    _number(key=True),
    Column("reviewer", String(60), nullable=False, index=True),
    Column("expires_at", Float(53), nullable=False),  # seconds since 1970, UTC
)

versions = Table(
    "versions",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("name", String(60), nullable=False),
    Column("key", String(60), nullable=False, unique=True),  # the name as a case-blind disk sees it
    Column("who", String(60), nullable=False),
    Column("note", Text, nullable=False),
    Column("created", String(20), nullable=False),
    Column("rules", Text, nullable=False),
    Column("rejected", Text, nullable=False),  # JSON: how many each rule left out
    Column("hash", String(64), nullable=False),
)

version_members = Table(
    "version_members",
    metadata,
    Column("version", Integer, ForeignKey("versions.id"), primary_key=True),
    Column("image_id", String(64), primary_key=True),
    Column("content_hash", String(64), nullable=False),  # stays when the content is deleted for good
    Column("removed", Boolean, nullable=False),
    Index("ix_version_members_image_id", "image_id"),
)

member_contents = Table(
    "member_contents",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("image_id", String(64), nullable=False, index=True),
    Column("content", Text, nullable=False),  # JSON: see `curation.library.versions.Member`
)

tombstones = Table(
    "tombstones",
    metadata,
    Column("image_id", String(64), primary_key=True),
    Column("pixel_hash", String(64), nullable=False, index=True),
    Column("number", Number, nullable=False),
    Column("who", String(60), nullable=False),
    Column("why", Text, nullable=False),
    Column("deleted_at", String(20), nullable=False),
    Column("finished", Boolean, nullable=False),
    _changed(),
)
