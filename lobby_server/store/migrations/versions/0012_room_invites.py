"""Invitations into rooms, until now known by their unread notifications, which are taken over.

Which one lets its guest into a private room was kept nowhere: the oldest of those that stand does, so that the guest is
shut out when the last one ends.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_TAKE_OVER = """
INSERT INTO room_invites (room_id, sender_id, guest_id, position, lets_in)
SELECT room_id, from_user_id, user_id, MIN(id), FALSE
FROM notifications
WHERE kind = 'match_invite' AND NOT is_read AND room_id IN (SELECT id FROM rooms)
GROUP BY room_id, from_user_id, user_id
"""
_LET_IN = """
UPDATE room_invites SET lets_in = TRUE
WHERE room_id IN (SELECT id FROM rooms WHERE NOT is_public)
AND EXISTS (
    SELECT 1 FROM room_guests
    WHERE room_guests.room_id = room_invites.room_id AND room_guests.user_id = room_invites.guest_id
)
AND NOT EXISTS (
    SELECT 1 FROM room_invites AS older
    WHERE older.room_id = room_invites.room_id AND older.guest_id = room_invites.guest_id
    AND older.position < room_invites.position
)
"""


def upgrade() -> None:
    op.create_table(
        "room_invites",
        sa.Column("room_id", sa.Text, nullable=False),
        sa.Column("sender_id", sa.BigInteger, nullable=False),
        sa.Column("guest_id", sa.BigInteger, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("lets_in", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("room_id", "sender_id", "guest_id", name="pk_room_invites"),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name="fk_room_invites_room_id", ondelete="CASCADE"),
    )
    op.execute(_TAKE_OVER)
    op.execute(_LET_IN)
