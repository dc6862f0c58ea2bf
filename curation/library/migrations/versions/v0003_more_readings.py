"""Readings of borders, colours, drawings and hidden faces."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    for name in ("frame", "chroma", "drawn", "hidden"):
        op.add_column("examinations", sa.Column(name, sa.Float(53), nullable=True))
