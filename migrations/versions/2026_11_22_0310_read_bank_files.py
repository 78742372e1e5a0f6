"""Read bank files: statements, their lines, and what each line has been matched with."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from walls import raise_wall, refuse_changes

revision = "r0310"
down_revision = "s0300"
branch_labels = None
depends_on = None

CURRENCIES = "'CNY', 'EUR', 'HKD', 'JPY', 'KWD', 'USD'"
MOMENT = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "bank_statement",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("file_sha256", sa.Text(), nullable=False),
        sa.Column("line_count", sa.BigInteger(), nullable=False),
        sa.Column("known_count", sa.BigInteger(), nullable=False),
        sa.Column("uploaded_at", MOMENT, nullable=False),
        sa.Column("uploaded_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("bank_statement_pkey")),
        sa.UniqueConstraint(
            "tenant_id", "account", "file_sha256", name=op.f("bank_statement_tenant_id_account_file_sha256_key")
        ),
    )
    op.create_index("bank_statement_by_time_idx", "bank_statement", ["tenant_id", "uploaded_at", "id"])
    op.create_table(
        "bank_line",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("statement_id", sa.Uuid(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("body_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("row", sa.BigInteger(), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("bank_reference", sa.Text(), nullable=False),
        sa.Column("counterparty", sa.Text(), nullable=False),
        sa.Column("changed_xid", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("amount_minor <> 0", name=op.f("bank_line_amount_check")),
        sa.CheckConstraint(f"currency IN ({CURRENCIES})", name=op.f("bank_line_currency_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "statement_id"],
            ["bank_statement.tenant_id", "bank_statement.id"],
            name=op.f("bank_line_bank_statement_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("bank_line_pkey")),
        sa.UniqueConstraint("tenant_id", "account", "identity", name=op.f("bank_line_tenant_id_account_identity_key")),
    )
    op.create_index("bank_line_by_amount_idx", "bank_line", ["tenant_id", "currency", "amount_minor", "booked_on"])
    op.create_table(
        "recon_claim",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("claimed_id", sa.Uuid(), nullable=False),
        sa.Column("match_id", sa.Uuid(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("claimed_at", MOMENT, nullable=False),
        sa.Column("changed_xid", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("side IN ('bank', 'payout', 'invoice')", name=op.f("recon_claim_side_check")),
        sa.CheckConstraint(
            "rule IN ('id', 'reference', 'unique', 'batch', 'manual')", name=op.f("recon_claim_rule_check")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "side", "claimed_id", name=op.f("recon_claim_pkey")),
    )
    op.create_index("recon_claim_by_match_idx", "recon_claim", ["tenant_id", "match_id"])
    for table in ("bank_line", "recon_claim"):
        op.create_index(f"{table}_by_change_idx", table, ["tenant_id", "changed_xid"])
        op.execute(
            f"CREATE TRIGGER {table}_notes_change BEFORE INSERT OR UPDATE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION tandem_note_change()"
        )
    for table in ("bank_statement", "bank_line"):
        raise_wall(table, operator="write", append_only=True)
        refuse_changes(table)
    raise_wall("recon_claim", operator="read")


def downgrade() -> None:
    for table in ("recon_claim", "bank_line", "bank_statement"):
        op.drop_table(table)
