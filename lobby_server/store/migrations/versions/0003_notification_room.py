"""The room that a notification invites into."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("notifications", sa.Column("room_id", sa.Text))
