"""How many rooms the user of an account has hosted."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("users", sa.Column("rooms_hosted", sa.Integer, nullable=False, server_default="0"))
