"""Take transfers back: proposed by the operator, decided by the hospital, told by the provider."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from walls import raise_wall

revision = "r1225"
down_revision = "s1216"
branch_labels = None
depends_on = None

_MOMENT = postgresql.TIMESTAMP(timezone=True)
CHECKS = {
    "status": "status IN ('proposed', 'approved', 'declined', 'withdrawn', 'failed', 'returned')",
    "currency": "currency IN ('CNY', 'EUR', 'HKD', 'JPY', 'KWD', 'USD')",
    "amount": "amount_minor > 0",
    "told_by_provider": "(status = 'returned') = (provider_reversal_id IS NOT NULL)",
    "returned_at": "(provider_reversal_id IS NULL) = (returned_at IS NULL)",
    "proposed_by": "proposed_by IS NOT NULL OR status = 'returned'",
    "because": "(proposed_by IS NULL) = (because IS NULL)",
    "four_eyes": (
        "proposed_by IS NULL OR status IN ('proposed', 'withdrawn') "
        "OR (decided_by IS NOT NULL AND decided_by <> proposed_by)"
    ),
}
# Four eyes across parties, also where our own code is broken (as in s0230).
FOUR_EYES = """
CREATE FUNCTION tandem_operator_never_takes_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_user = 'tandem_operator' AND NEW.status = 'approved' THEN
        RAISE EXCEPTION 'the operator does not decide this: what a hospital was sent goes back by its own word'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "transfer_return",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("transfer_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("because", sa.Text(), nullable=True),
        sa.Column("proposed_by", sa.Uuid(), nullable=True),
        sa.Column("proposed_at", _MOMENT, nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", _MOMENT, nullable=True),
        sa.Column("declined_because", sa.Text(), nullable=True),
        sa.Column("asked_at", _MOMENT, nullable=True),
        sa.Column("provider_reversal_id", sa.Text(), nullable=True),
        sa.Column("returned_at", _MOMENT, nullable=True),
        sa.Column("failure_code", sa.Text(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        *(sa.CheckConstraint(sql, name=op.f(f"transfer_return_{name}_check")) for name, sql in CHECKS.items()),
        sa.ForeignKeyConstraint(
            ["tenant_id", "transfer_id"],
            ["settlement_transfer.tenant_id", "settlement_transfer.id"],
            name=op.f("transfer_return_settlement_transfer_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("transfer_return_pkey")),
        sa.UniqueConstraint(
            "tenant_id", "provider_reversal_id", name=op.f("transfer_return_tenant_id_provider_reversal_id_key")
        ),
    )
    op.create_index(
        "transfer_return_live_key",
        "transfer_return",
        ["tenant_id", "transfer_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('proposed', 'approved')"),
    )
    op.create_index("transfer_return_by_transfer", "transfer_return", ["tenant_id", "transfer_id"])
    op.create_index("transfer_return_by_time", "transfer_return", ["tenant_id", "proposed_at", "id"])
    op.create_index(
        "transfer_return_waiting",
        "transfer_return",
        ["tenant_id", "decided_at"],
        postgresql_where=sa.text("status = 'approved'"),
    )
    raise_wall("transfer_return", operator="write", deletable=False)
    op.execute(FOUR_EYES)
    op.execute(
        "CREATE TRIGGER transfer_return_has_four_eyes BEFORE INSERT OR UPDATE ON transfer_return "
        "FOR EACH ROW EXECUTE FUNCTION tandem_operator_never_takes_back()"
    )


def downgrade() -> None:
    op.drop_table("transfer_return")
    op.execute("DROP FUNCTION tandem_operator_never_takes_back()")
