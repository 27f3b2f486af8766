"""Confirmed email addresses, and who is told in which room a user is."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("users", sa.Column("email_confirmed", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_table(
        "whereabouts",
        sa.Column("user_id", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("audience", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="pk_whereabouts"),
    )
