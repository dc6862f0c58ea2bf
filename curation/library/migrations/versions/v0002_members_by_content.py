"""Versions share what they froze of an image, and keep its hash when it is deleted for good."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.drop_table("version_members")  # no program ever filled it
    op.create_table(
        "version_members",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("image_id", sa.String(length=64), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("removed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["version"], ["versions.id"], name=op.f("fk_version_members_version")),
        sa.PrimaryKeyConstraint("version", "image_id", name=op.f("pk_version_members")),
    )
    op.create_index("ix_version_members_image_id", "version_members", ["image_id"])
    op.create_table(
        "member_contents",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("image_id", sa.String(length=64), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_member_contents")),
    )
    op.create_index(op.f("ix_member_contents_image_id"), "member_contents", ["image_id"])
