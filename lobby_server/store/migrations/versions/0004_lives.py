"""Which life of a server used the database last, and a key by which a notification is added once."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "server_life",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("checks", sa.BigInteger, nullable=False),
    )
    op.add_column("notifications", sa.Column("key", sa.Text))
    op.create_index("ix_notifications_key", "notifications", ["key"], unique=True)
