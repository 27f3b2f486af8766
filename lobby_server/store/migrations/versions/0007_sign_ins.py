"""Where users are signed in, roles of accounts, and names that look alike."""

import sqlalchemy as sa
from alembic import op

from lobby_server.core.accounts import look_of

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("users", sa.Column("role", sa.Text))
    op.add_column("users", sa.Column("username_look", sa.Text))
    _note_looks()
    op.create_index("ix_users_username_look", "users", ["username_look"], unique=True)
    op.create_table(
        "sign_ins",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("client", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sign_ins"),
    )
    op.create_index("ix_sign_ins_user_id", "sign_ins", ["user_id"])


def _note_looks() -> None:
    """Of accounts that look alike already the oldest one is noted; all of them keep their names."""
    users = sa.table("users", sa.column("id", sa.BigInteger), sa.column("username"), sa.column("username_look"))
    connection = op.get_bind()
    seen: set[str] = set()
    for row in connection.execute(sa.select(users.c.id, users.c.username).order_by(users.c.id)).all():
        look = look_of(row.username)
        if look not in seen:
            seen.add(look)
            connection.execute(sa.update(users).where(users.c.id == row.id).values(username_look=look))
