"""Friends, blocks, chat, notifications, announcements, and whom a private room lets in."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "room_guests",
        sa.Column("room_id", sa.Text, nullable=False),
        sa.Column("user_id", sa.BigInteger, nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("room_id", "user_id", name="pk_room_guests"),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name="fk_room_guests_room_id", ondelete="CASCADE"),
    )
    op.create_table(
        "friend_requests",
        _counted_id(),
        sa.Column("sender_id", sa.BigInteger, nullable=False),
        sa.Column("sender_username", sa.Text, nullable=False),
        sa.Column("receiver_id", sa.BigInteger, nullable=False),
        sa.Column("receiver_username", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_friend_requests"),
        sa.UniqueConstraint("sender_id", "receiver_id", name="uq_friend_requests_sender_id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "friendships",
        sa.Column("user_id", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("friend_id", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("friend_username", sa.Text, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "friend_id", name="pk_friendships"),
    )
    op.create_table(
        "blocks",
        sa.Column("user_id", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("blocked_id", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("blocked_username", sa.Text, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "blocked_id", name="pk_blocks"),
    )
    op.create_table(
        "chat_lines",
        _counted_id(),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("sender_id", sa.BigInteger, nullable=False),
        sa.Column("sender_username", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_withheld", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_chat_lines"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_chat_lines_channel", "chat_lines", ["channel", "id"])
    op.create_index("ix_chat_lines_sent_at", "chat_lines", ["sent_at"])
    op.create_table(
        "notifications",
        _counted_id(),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("from_user_id", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_read", sa.Boolean, nullable=False),
        sa.Column("is_delivered", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notifications"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_notifications_user_id", "notifications", ["user_id", "id"])
    op.create_index("ix_notifications_created_at", "notifications", ["created_at"])
    op.create_table(
        "announcements",
        _counted_id(),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("author_id", sa.BigInteger, nullable=False),
        sa.Column("author_username", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_announcements"),
        sqlite_autoincrement=True,
    )


def _counted_id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False)
