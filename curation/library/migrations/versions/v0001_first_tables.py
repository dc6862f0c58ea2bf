"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "actions",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("target", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("reviewer", sa.String(length=60), nullable=False),
        sa.Column("made_at", sa.String(length=20), nullable=False),
        sa.Column("token", sa.String(length=80), nullable=True),
        sa.ForeignKeyConstraint(["target"], ["actions.id"], name=op.f("fk_actions_target")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_actions")),
        sa.UniqueConstraint("token", name=op.f("uq_actions_token")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("actions", schema=None) as batch_op:
        batch_op.create_index("ix_actions_reviewer_id", ["reviewer", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_actions_target"), ["target"], unique=False)

    op.create_table(
        "examiners",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("versions", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_examiners")),
        sa.UniqueConstraint("versions", name=op.f("uq_examiners_versions")),
    )
    op.create_table(
        "images",
        sa.Column(
            "number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("pixel_hash", sa.String(length=64), nullable=False),
        sa.Column("format", sa.String(length=20), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("added_at", sa.String(length=20), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_images")),
        sa.UniqueConstraint("id", name=op.f("uq_images_id")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("images", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_images_changed"), ["changed"], unique=False)
        batch_op.create_index(batch_op.f("ix_images_pixel_hash"), ["pixel_hash"], unique=False)

    op.create_table(
        "meta",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_meta")),
    )
    op.create_table(
        "rule_sets",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("who", sa.String(length=60), nullable=False),
        sa.Column("made_at", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_sets")),
    )
    op.create_table(
        "source_files",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("source", "name", name=op.f("pk_source_files")),
    )
    op.create_table(
        "tombstones",
        sa.Column("image_id", sa.String(length=64), nullable=False),
        sa.Column("pixel_hash", sa.String(length=64), nullable=False),
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("who", sa.String(length=60), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("deleted_at", sa.String(length=20), nullable=False),
        sa.Column("finished", sa.Boolean(), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("image_id", name=op.f("pk_tombstones")),
    )
    with op.batch_alter_table("tombstones", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_tombstones_changed"), ["changed"], unique=False)
        batch_op.create_index(batch_op.f("ix_tombstones_pixel_hash"), ["pixel_hash"], unique=False)

    op.create_table(
        "versions",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("who", sa.String(length=60), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created", sa.String(length=20), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("rejected", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_versions")),
        sa.UniqueConstraint("key", name=op.f("uq_versions_key")),
    )
    op.create_table(
        "alignments",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("anchors", sa.Text(), nullable=False),
        sa.Column("reviewer", sa.String(length=60), nullable=False),
        sa.Column("made_at", sa.String(length=20), nullable=False),
        sa.Column("token", sa.String(length=80), nullable=True),
        sa.ForeignKeyConstraint(["number"], ["images.number"], name=op.f("fk_alignments_number")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alignments")),
        sa.UniqueConstraint("token", name=op.f("uq_alignments_token")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("alignments", schema=None) as batch_op:
        batch_op.create_index("ix_alignments_number", ["number"], unique=False)

    op.create_table(
        "decisions",
        sa.Column("action", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("decision", sa.String(length=10), nullable=True),
        sa.Column("settles", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["action"], ["actions.id"], name=op.f("fk_decisions_action")),
        sa.ForeignKeyConstraint(["number"], ["images.number"], name=op.f("fk_decisions_number")),
        sa.PrimaryKeyConstraint("action", "number", name=op.f("pk_decisions")),
    )
    with op.batch_alter_table("decisions", schema=None) as batch_op:
        batch_op.create_index("ix_decisions_number", ["number"], unique=False)

    op.create_table(
        "duplicates",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("best", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["number"], ["images.number"], name=op.f("fk_duplicates_number")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_duplicates")),
    )
    with op.batch_alter_table("duplicates", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_duplicates_changed"), ["changed"], unique=False)

    op.create_table(
        "examinations",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("examiner", sa.Integer(), nullable=False),
        sa.Column("faces", sa.Integer(), nullable=True),
        sa.Column("eye_distance_px", sa.Float(precision=53), nullable=True),
        sa.Column("yaw", sa.Float(precision=53), nullable=True),
        sa.Column("pitch", sa.Float(precision=53), nullable=True),
        sa.Column("roll", sa.Float(precision=53), nullable=True),
        sa.Column("roll_aligned", sa.Float(precision=53), nullable=True),
        sa.Column("sharpness", sa.Float(precision=53), nullable=True),
        sa.Column("brightness", sa.Float(precision=53), nullable=True),
        sa.Column("dynamic_range", sa.Float(precision=53), nullable=True),
        sa.Column("shadow", sa.Float(precision=53), nullable=True),
        sa.Column("backlight", sa.Float(precision=53), nullable=True),
        sa.Column("colour_cast", sa.Float(precision=53), nullable=True),
        sa.Column("eyes_open", sa.Float(precision=53), nullable=True),
        sa.Column("mouth_open", sa.Float(precision=53), nullable=True),
        sa.Column("covered", sa.Float(precision=53), nullable=True),
        sa.Column("head_covered", sa.Float(precision=53), nullable=True),
        sa.Column("padding", sa.Float(precision=53), nullable=True),
        sa.Column("stretch", sa.Float(precision=53), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("anchors", sa.Text(), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["examiner"], ["examiners.id"], name=op.f("fk_examinations_examiner")),
        sa.ForeignKeyConstraint(["number"], ["images.number"], name=op.f("fk_examinations_number")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_examinations")),
    )
    with op.batch_alter_table("examinations", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_examinations_changed"), ["changed"], unique=False)

    op.create_table(
        "face_data",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("phash", sa.LargeBinary(), nullable=False),
        sa.Column("phash_mirror", sa.LargeBinary(), nullable=False),
        sa.Column("landmarks", sa.LargeBinary(), nullable=False),
        sa.Column("embedding", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["number"], ["images.number"], name=op.f("fk_face_data_number")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_face_data")),
    )
    op.create_table(
        "label_changes",
        sa.Column("action", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("label", sa.String(length=60), nullable=False),
        sa.Column("added", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["action"], ["actions.id"], name=op.f("fk_label_changes_action")),
        sa.ForeignKeyConstraint(["number"], ["images.number"], name=op.f("fk_label_changes_number")),
        sa.PrimaryKeyConstraint("action", "number", "label", name=op.f("pk_label_changes")),
    )
    with op.batch_alter_table("label_changes", schema=None) as batch_op:
        batch_op.create_index("ix_label_changes_number", ["number"], unique=False)

    op.create_table(
        "leases",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reviewer", sa.String(length=60), nullable=False),
        sa.Column("expires_at", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(["number"], ["images.number"], name=op.f("fk_leases_number")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_leases")),
    )
    with op.batch_alter_table("leases", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_leases_reviewer"), ["reviewer"], unique=False)

    op.create_table(
        "opinions",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reviewer", sa.String(length=60), nullable=False),
        sa.Column("decision", sa.String(length=10), nullable=False),
        sa.Column("rating", sa.String(length=10), nullable=False),
        sa.Column("made_at", sa.String(length=20), nullable=False),
        sa.Column("action", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["number"], ["images.number"], name=op.f("fk_opinions_number")),
        sa.PrimaryKeyConstraint("number", "reviewer", name=op.f("pk_opinions")),
    )
    op.create_table(
        "proposals",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("proposal", sa.Float(precision=53), nullable=True),
        sa.Column("confidence", sa.Float(precision=53), nullable=True),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["number"], ["images.number"], name=op.f("fk_proposals_number")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_proposals")),
    )
    with op.batch_alter_table("proposals", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_proposals_changed"), ["changed"], unique=False)

    op.create_table(
        "provenance",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("page", sa.Text(), nullable=False),
        sa.Column("licence", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("uploader", sa.Text(), nullable=False),
        sa.Column("added_at", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(["number"], ["images.number"], name=op.f("fk_provenance_number")),
        sa.PrimaryKeyConstraint("number", "position", name=op.f("pk_provenance")),
    )
    op.create_table(
        "states",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("decision", sa.String(length=10), nullable=False),
        sa.Column("disputed", sa.Boolean(), nullable=False),
        sa.Column("reviewers", sa.Text(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.String(length=20), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["number"], ["images.number"], name=op.f("fk_states_number")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_states")),
    )
    with op.batch_alter_table("states", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_states_changed"), ["changed"], unique=False)

    op.create_table(
        "verdicts",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("verdict", sa.String(length=10), nullable=False),
        sa.Column("rule", sa.String(length=40), nullable=False),
        sa.Column("value", sa.Float(precision=53), nullable=True),
        sa.Column("threshold", sa.Float(precision=53), nullable=True),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["number"], ["images.number"], name=op.f("fk_verdicts_number")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_verdicts")),
    )
    with op.batch_alter_table("verdicts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_verdicts_changed"), ["changed"], unique=False)

    op.create_table(
        "version_members",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("image_id", sa.String(length=64), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("removed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["version"], ["versions.id"], name=op.f("fk_version_members_version")),
        sa.PrimaryKeyConstraint("version", "image_id", name=op.f("pk_version_members")),
    )
    op.bulk_insert(sa.table("meta", sa.column("name"), sa.column("value")), [{"name": "changes", "value": 0}])
