"""Bans of users, reports of players, what administrators did, and announcements that end."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("announcements", sa.Column("ends_at", sa.DateTime(timezone=True)))
    op.create_table(
        "user_bans",
        sa.Column("user_id", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("username", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("until", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.BigInteger, nullable=False),
        sa.Column("by_username", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="pk_user_bans"),
    )
    op.create_table(
        "reports",
        _counted_id(),
        sa.Column("sender_id", sa.BigInteger, nullable=False),
        sa.Column("sender_username", sa.Text, nullable=False),
        sa.Column("about_id", sa.BigInteger, nullable=False),
        sa.Column("about_username", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("room_id", sa.Text),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_closed", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_reports"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "audit_entries",
        _counted_id(),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.BigInteger, nullable=False),
        sa.Column("by_username", sa.Text, nullable=False),
        sa.Column("deed", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_entries"),
        sqlite_autoincrement=True,
    )


def _counted_id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False)
