"""Waive, compose and pay invoices: who bears free care, what payouts consist of, invoices paid online."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from walls import raise_wall, refuse_changes

revision = "p0245"
down_revision = "u0235"
branch_labels = None
depends_on = None

CURRENCY = "currency IN ('CNY', 'EUR', 'HKD', 'JPY', 'KWD', 'USD')"
WAITING = sa.text("status IN ('created', 'requires_action', 'processing')")


def upgrade() -> None:
    _waiver()
    _invoice_intent()
    _payouts()
    raise_wall("waiver", operator="read")
    raise_wall("invoice_intent", operator="read")
    raise_wall("payout_part", operator="read", append_only=True)
    refuse_changes("payout_part")


def downgrade() -> None:
    op.drop_table("payout_part")
    op.drop_index("balance_transaction_unpaid_idx", "balance_transaction")
    op.drop_column("balance_transaction", "paid_out_minor")
    for column in ("is_composed", "composition", "unallocated_minor"):
        op.drop_column("payout", column)
    op.drop_table("invoice_intent")
    op.drop_table("waiver")


def _waiver() -> None:
    op.create_table(
        "waiver",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_type", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("bearer", sa.Text(), nullable=False),
        sa.Column("bearer_name", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("needs_second", sa.Boolean(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("proposed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(CURRENCY, name=op.f("waiver_currency_check")),
        sa.CheckConstraint("bearer IN ('hospital_fund', 'charity', 'insurer')", name=op.f("waiver_bearer_check")),
        sa.CheckConstraint(
            "(bearer = 'hospital_fund') = (bearer_name IS NULL)", name=op.f("waiver_bearer_named_check")
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("waiver_amount_positive_check")),
        sa.CheckConstraint(
            "status IN ('proposed', 'refused') OR decided_by IS NOT NULL",
            name=op.f("waiver_decided_by_somebody_check"),
        ),
        sa.CheckConstraint("NOT needs_second OR decided_by <> proposed_by", name=op.f("waiver_four_eyes_check")),
        sa.CheckConstraint(
            "status IN ('proposed', 'granted', 'refused', 'taken_back')", name=op.f("waiver_status_check")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("waiver_pkey")),
    )
    op.create_index("waiver_by_order_idx", "waiver", ["tenant_id", "order_type", "order_id"])
    op.create_index("waiver_by_day_idx", "waiver", ["tenant_id", "proposed_at", "id"])


def _invoice_intent() -> None:
    op.create_table(
        "invoice_intent",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("payment_method", sa.Text(), nullable=True),
        sa.Column("return_url", sa.Text(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("provider_intent_id", sa.Text(), nullable=True),
        sa.Column("client_secret", sa.Text(), nullable=True),
        sa.Column("next_action", sa.Text(), nullable=True),
        sa.Column("failure_code", sa.Text(), nullable=True),
        sa.Column("fee_minor", sa.BigInteger(), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("asked_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("succeeded_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("amount_minor > 0", name=op.f("invoice_intent_amount_positive_check")),
        sa.CheckConstraint(CURRENCY, name=op.f("invoice_intent_currency_check")),
        sa.CheckConstraint("method IN ('card', 'alipay', 'wechat_pay')", name=op.f("invoice_intent_method_check")),
        sa.CheckConstraint(
            "status IN ('created', 'requires_action', 'processing', 'failed', 'cancelled', 'succeeded')",
            name=op.f("invoice_intent_status_check"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "invoice_id"], ["invoice.tenant_id", "invoice.id"], name=op.f("invoice_intent_invoice_fkey")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("invoice_intent_pkey")),
        sa.UniqueConstraint(
            "tenant_id", "provider_intent_id", name=op.f("invoice_intent_tenant_id_provider_intent_id_key")
        ),
    )
    op.create_index(
        "invoice_intent_waiting_idx", "invoice_intent", ["tenant_id", "created_at"], postgresql_where=WAITING
    )
    op.create_index(
        "invoice_intent_one_at_a_time_key",
        "invoice_intent",
        ["tenant_id", "invoice_id"],
        unique=True,
        postgresql_where=WAITING,
    )


def _payouts() -> None:
    op.add_column("payout", sa.Column("is_composed", sa.Boolean(), nullable=False, server_default="false"))
    op.add_column("payout", sa.Column("composition", sa.Text(), nullable=False, server_default="unknown"))
    op.add_column("payout", sa.Column("unallocated_minor", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column(
        "balance_transaction", sa.Column("paid_out_minor", sa.BigInteger(), nullable=False, server_default="0")
    )
    for table, column in (
        ("payout", "is_composed"),
        ("payout", "composition"),
        ("payout", "unallocated_minor"),
        ("balance_transaction", "paid_out_minor"),
    ):
        op.alter_column(table, column, server_default=None)
    op.create_check_constraint(
        op.f("payout_composition_check"), "payout", "composition IN ('unknown', 'told', 'assumed')"
    )
    op.create_index(
        "balance_transaction_unpaid_idx",
        "balance_transaction",
        ["tenant_id", "available_at"],
        postgresql_where=sa.text("paid_out_minor <> net_minor"),
    )
    op.create_table(
        "payout_part",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("payout_id", sa.Uuid(), nullable=False),
        sa.Column("balance_transaction_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("is_assumed", sa.Boolean(), nullable=False),
        sa.CheckConstraint("amount_minor <> 0", name=op.f("payout_part_amount_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "balance_transaction_id"],
            ["balance_transaction.tenant_id", "balance_transaction.id"],
            name=op.f("payout_part_balance_transaction_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "payout_id"], ["payout.tenant_id", "payout.id"], name=op.f("payout_part_payout_fkey")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("payout_part_pkey")),
        sa.UniqueConstraint(
            "tenant_id",
            "payout_id",
            "balance_transaction_id",
            name=op.f("payout_part_tenant_id_payout_id_balance_transaction_id_key"),
        ),
    )
    op.create_index("payout_part_by_movement_idx", "payout_part", ["tenant_id", "balance_transaction_id"])
