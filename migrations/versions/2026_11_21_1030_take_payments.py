"""Take payments: payments, refunds, disputes, the provider's facts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from walls import leave_open, raise_wall, refuse_changes

revision = "p1030"
down_revision = "m1020"
branch_labels = None
depends_on = None

# Tables in the order they are made, with what the operator's role may do: sums and states, never a payer.
WALLED = {
    "balance_transaction": "read",
    "payment": "read",
    "payout": "read",
    "provider_event": "read",
    "provider_reading": "read",
    "dispute": "read",
    "payer": "none",
    "provider_event_body": "none",
    "refund": "read",
}
APPEND_ONLY = ("provider_event_body",)


def upgrade() -> None:
    op.create_table(
        "balance_transaction",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reporting_category", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=True),
        sa.Column("posted_as", sa.Text(), nullable=True),
        sa.Column("provider_created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("available_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("fetched_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "currency IN ('CNY', 'EUR', 'HKD', 'JPY', 'KWD', 'USD')", name=op.f("balance_transaction_currency_check")
        ),
        sa.CheckConstraint("net_minor = amount_minor - fee_minor", name=op.f("balance_transaction_net_check")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("balance_transaction_pkey")),
        sa.UniqueConstraint("tenant_id", "provider_id", name=op.f("balance_transaction_tenant_id_provider_id_key")),
    )
    op.create_index(
        "balance_transaction_by_day_idx",
        "balance_transaction",
        ["tenant_id", "provider_created_at", "id"],
        unique=False,
    )
    op.create_index(
        "balance_transaction_by_source_idx", "balance_transaction", ["tenant_id", "source_id"], unique=False
    )
    op.create_index(
        "balance_transaction_open_idx",
        "balance_transaction",
        ["tenant_id", "provider_id"],
        unique=False,
        postgresql_where=sa.text("posted_as IS NULL"),
    )
    op.create_table(
        "payment",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_type", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("claims_order", sa.Boolean(), nullable=False),
        sa.Column("programme_id", sa.Uuid(), nullable=True),
        sa.Column("entitlement_id", sa.Uuid(), nullable=True),
        sa.Column("payment_method", sa.Text(), nullable=True),
        sa.Column("return_url", sa.Text(), nullable=True),
        sa.Column("provider_account_id", sa.Text(), nullable=True),
        sa.Column("provider_intent_id", sa.Text(), nullable=True),
        sa.Column("provider_charge_id", sa.Text(), nullable=True),
        sa.Column("client_secret", sa.Text(), nullable=True),
        sa.Column("next_action", sa.Text(), nullable=True),
        sa.Column("failure_code", sa.Text(), nullable=True),
        sa.Column("fee_minor", sa.BigInteger(), nullable=True),
        sa.Column("refund_reserved_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("asked_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("succeeded_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("captured_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("completed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(method = 'entitlement') = (entitlement_id IS NOT NULL)", name=op.f("payment_entitlement_named_check")
        ),
        sa.CheckConstraint(
            "currency IN ('CNY', 'EUR', 'HKD', 'JPY', 'KWD', 'USD')", name=op.f("payment_currency_check")
        ),
        sa.CheckConstraint(
            "method IN ('card', 'alipay', 'wechat_pay', 'entitlement')", name=op.f("payment_method_check")
        ),
        sa.CheckConstraint(
            "status IN ('created', 'requires_action', 'processing', 'failed', 'cancelled', 'succeeded')",
            name=op.f("payment_status_check"),
        ),
        sa.CheckConstraint(
            "(entitlement_id IS NULL) = (programme_id IS NULL)", name=op.f("payment_programme_named_check")
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("payment_amount_positive_check")),
        sa.CheckConstraint(
            "refund_reserved_minor >= 0 AND refunded_minor >= 0", name=op.f("payment_refunds_not_negative_check")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("payment_pkey")),
        sa.UniqueConstraint("tenant_id", "provider_intent_id", name=op.f("payment_tenant_id_provider_intent_id_key")),
    )
    op.create_index("payment_by_charge_idx", "payment", ["tenant_id", "provider_charge_id"], unique=False)
    op.create_index("payment_by_day_idx", "payment", ["tenant_id", "created_at", "id"], unique=False)
    op.create_index(
        "payment_claims_order_key",
        "payment",
        ["tenant_id", "order_type", "order_id"],
        unique=True,
        postgresql_where=sa.text("claims_order"),
    )
    op.create_index(
        "payment_waiting_idx",
        "payment",
        ["tenant_id", "created_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('created', 'requires_action', 'processing')"),
    )
    op.create_table(
        "payout",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider_payout_id", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("is_automatic", sa.Boolean(), nullable=False),
        sa.Column("failure_code", sa.Text(), nullable=True),
        sa.Column("is_posted", sa.Boolean(), nullable=False),
        sa.Column("is_reversed", sa.Boolean(), nullable=False),
        sa.Column("sent_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("arrives_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "currency IN ('CNY', 'EUR', 'HKD', 'JPY', 'KWD', 'USD')", name=op.f("payout_currency_check")
        ),
        sa.CheckConstraint("status IN ('sent', 'paid', 'failed')", name=op.f("payout_status_check")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("payout_pkey")),
        sa.UniqueConstraint("tenant_id", "provider_payout_id", name=op.f("payout_tenant_id_provider_payout_id_key")),
    )
    op.create_index("payout_by_day_idx", "payout", ["tenant_id", "sent_at", "id"], unique=False)
    op.create_table(
        "provider_account",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("is_live", sa.Boolean(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("provider_account_pkey")),
        sa.UniqueConstraint("tenant_id", "is_live", name=op.f("provider_account_tenant_id_is_live_key")),
    )
    op.create_table(
        "provider_event",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider_event_id", sa.Text(), nullable=False),
        sa.Column("provider_account_id", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("object_kind", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=True),
        sa.Column("api_version", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("provider_created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("received_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("folded_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('received', 'folded', 'ignored', 'unroutable')", name=op.f("provider_event_status_check")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("provider_event_pkey")),
        sa.UniqueConstraint(
            "tenant_id", "provider_event_id", name=op.f("provider_event_tenant_id_provider_event_id_key")
        ),
    )
    op.create_index(
        "provider_event_by_status_idx", "provider_event", ["tenant_id", "status", "received_at", "id"], unique=False
    )
    op.create_index(
        "provider_event_open_idx",
        "provider_event",
        ["tenant_id", "received_at"],
        unique=False,
        postgresql_where=sa.text("status = 'received'"),
    )
    op.create_table(
        "provider_reading",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("read_until", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("provider_reading_pkey")),
    )
    op.create_table(
        "dispute",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        sa.Column("provider_dispute_id", sa.Text(), nullable=False),
        sa.Column("provider_charge_id", sa.Text(), nullable=False),
        sa.Column("provider_status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("is_withdrawn", sa.Boolean(), nullable=False),
        sa.Column("is_reinstated", sa.Boolean(), nullable=False),
        sa.Column("is_written_off", sa.Boolean(), nullable=False),
        sa.Column("opened_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("closed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "currency IN ('CNY', 'EUR', 'HKD', 'JPY', 'KWD', 'USD')", name=op.f("dispute_currency_check")
        ),
        sa.CheckConstraint("status IN ('open', 'won', 'lost', 'closed')", name=op.f("dispute_status_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "payment_id"], ["payment.tenant_id", "payment.id"], name=op.f("dispute_payment_fkey")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("dispute_pkey")),
        sa.UniqueConstraint("tenant_id", "provider_dispute_id", name=op.f("dispute_tenant_id_provider_dispute_id_key")),
    )
    op.create_index("dispute_by_day_idx", "dispute", ["tenant_id", "opened_at", "id"], unique=False)
    op.create_table(
        "payer",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "id"], ["payment.tenant_id", "payment.id"], name=op.f("payer_payment_fkey")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("payer_pkey")),
    )
    op.create_index("payer_by_person_idx", "payer", ["tenant_id", "person_id"], unique=False)
    op.create_table(
        "provider_event_body",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "id"],
            ["provider_event.tenant_id", "provider_event.id"],
            name=op.f("provider_event_body_provider_event_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("provider_event_body_pkey")),
    )
    op.create_table(
        "refund",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("provider_refund_id", sa.Text(), nullable=True),
        sa.Column("failure_code", sa.Text(), nullable=True),
        sa.Column("is_posted", sa.Boolean(), nullable=False),
        sa.Column("is_reversed", sa.Boolean(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("asked_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("succeeded_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "currency IN ('CNY', 'EUR', 'HKD', 'JPY', 'KWD', 'USD')", name=op.f("refund_currency_check")
        ),
        sa.CheckConstraint("status IN ('created', 'pending', 'succeeded', 'failed')", name=op.f("refund_status_check")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("refund_amount_positive_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "payment_id"], ["payment.tenant_id", "payment.id"], name=op.f("refund_payment_fkey")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("refund_pkey")),
        sa.UniqueConstraint("tenant_id", "payment_id", "key", name=op.f("refund_tenant_id_payment_id_key_key")),
        sa.UniqueConstraint("tenant_id", "provider_refund_id", name=op.f("refund_tenant_id_provider_refund_id_key")),
    )
    op.create_index("refund_by_day_idx", "refund", ["tenant_id", "created_at", "id"], unique=False)
    op.create_index(
        "refund_waiting_idx",
        "refund",
        ["tenant_id", "created_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('created', 'pending')"),
    )
    for table, operator in WALLED.items():
        raise_wall(table, operator=operator, append_only=table in APPEND_ONLY)
    for table in APPEND_ONLY:
        refuse_changes(table)
    leave_open("provider_account", tandem_app="SELECT, INSERT", tandem_operator="SELECT")


def downgrade() -> None:
    for table in ("provider_account", *reversed(WALLED)):
        op.drop_table(table)
