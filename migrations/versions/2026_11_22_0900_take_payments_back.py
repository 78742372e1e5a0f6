"""Take payments back: a customer's bank disputes an online payment of an invoice, which is owed again."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from walls import raise_wall

revision = "f0900"
down_revision = "f0835"
branch_labels = None
depends_on = None

_MOMENT = postgresql.TIMESTAMP(timezone=True)
_SAID = (
    *("tenant_id", "id", "invoice_id", "invoice_payment_id", "provider_dispute_id", "amount_minor", "currency"),
    "opened_at",
)


def upgrade() -> None:
    op.create_table(
        "invoice_chargeback",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("invoice_payment_id", sa.Uuid(), nullable=False),
        sa.Column("provider_dispute_id", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("opened_at", _MOMENT, nullable=False),
        sa.Column("taken_at", _MOMENT, nullable=True),
        sa.Column("given_back_at", _MOMENT, nullable=True),
        sa.CheckConstraint(
            "status IN ('open', 'won', 'lost', 'closed')", name=op.f("invoice_chargeback_status_check")
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("invoice_chargeback_amount_check")),
        sa.CheckConstraint(
            "given_back_at IS NULL OR taken_at IS NOT NULL", name=op.f("invoice_chargeback_back_after_gone_check")
        ),
        sa.CheckConstraint(
            "currency IN ('CNY', 'EUR', 'HKD', 'JPY', 'KWD', 'USD')", name=op.f("invoice_chargeback_currency_check")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "invoice_id"],
            ["invoice.tenant_id", "invoice.id"],
            name=op.f("invoice_chargeback_invoice_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "invoice_payment_id"],
            ["invoice_payment.tenant_id", "invoice_payment.id"],
            name=op.f("invoice_chargeback_invoice_payment_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("invoice_chargeback_pkey")),
        sa.UniqueConstraint(
            "tenant_id", "provider_dispute_id", name=op.f("invoice_chargeback_tenant_id_provider_dispute_id_key")
        ),
    )
    op.create_index("invoice_chargeback_by_invoice_idx", "invoice_chargeback", ["tenant_id", "invoice_id"])
    raise_wall("invoice_chargeback", operator="read", deletable=False)
    old, new = (", ".join(f"{side}.{column}" for column in _SAID) for side in ("OLD", "NEW"))
    op.execute(
        "CREATE TRIGGER invoice_chargeback_stays_as_said BEFORE UPDATE ON invoice_chargeback FOR EACH ROW "
        f"WHEN (({old}) IS DISTINCT FROM ({new})) EXECUTE FUNCTION tandem_refuse_rewriting()"
    )


def downgrade() -> None:
    op.drop_table("invoice_chargeback")
