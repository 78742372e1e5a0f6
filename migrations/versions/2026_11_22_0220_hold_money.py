"""Hold money, and checkpoint balances by day.

Journals are found by the moment of their booking through a BRIN index: they lie in that order, so it costs nothing.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from walls import raise_wall

revision = "l0220"
down_revision = "r0210"
branch_labels = None
depends_on = None

MOMENT = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "balance_checkpoint",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("moved_minor", sa.BigInteger(), nullable=False),
        sa.Column("entry_count", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("basis IN ('effective', 'booked')", name=op.f("balance_checkpoint_basis_check")),
        sa.PrimaryKeyConstraint("tenant_id", "id", "basis", "day", name=op.f("balance_checkpoint_pkey")),
    )
    op.create_table(
        "checkpoint_cursor",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("counted_seq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "id"], ["book.tenant_id", "book.id"], name=op.f("checkpoint_cursor_book_fkey")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("checkpoint_cursor_pkey")),
    )
    op.create_table(
        "money_hold",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("account_code", sa.Text(), nullable=False),
        sa.Column("party_id", sa.Uuid(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("captured_minor", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("placed_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("journal_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("money_hold_amount_check")),
        sa.CheckConstraint("captured_minor BETWEEN 0 AND amount_minor", name=op.f("money_hold_captured_check")),
        sa.CheckConstraint(
            "status IN ('pending', 'captured', 'voided', 'expired')", name=op.f("money_hold_status_check")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("money_hold_pkey")),
        sa.UniqueConstraint("tenant_id", "key", name=op.f("money_hold_tenant_id_key_key")),
    )
    op.create_index(
        "money_hold_by_expiry",
        "money_hold",
        ["tenant_id", "expires_at"],
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index("journal_by_booking", "journal", ["booked_at"], postgresql_using="brin")
    for table in ("balance_checkpoint", "checkpoint_cursor", "money_hold"):
        raise_wall(table, operator="read")


def downgrade() -> None:
    op.drop_index("journal_by_booking", table_name="journal")
    for table in ("money_hold", "checkpoint_cursor", "balance_checkpoint"):
        op.drop_table(table)
