"""A name of a room's own, and who plays in it once it has started."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("rooms", sa.Column("name", sa.Text))
    op.add_column("rooms", sa.Column("player_ids", sa.Text))
