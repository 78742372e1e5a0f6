"""Tell dispute fees: each dispute says what the provider keeps for it."""

import sqlalchemy as sa
from alembic import op

revision = "p0205"
down_revision = "i0145"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("dispute", sa.Column("fee_minor", sa.BigInteger(), nullable=False, server_default="0"))
    op.alter_column("dispute", "fee_minor", server_default=None)


def downgrade() -> None:
    op.drop_column("dispute", "fee_minor")
