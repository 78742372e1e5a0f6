"""Ask for fapiao, take them back by red letters, and keep the numbers of medical receipts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from walls import raise_wall, refuse_changes

revision = "i0245"
down_revision = "i0240"
branch_labels = None
depends_on = None

FAPIAO_CHECKS = {
    "status": "status IN ('pending', 'requested', 'confirmed', 'issued', 'rejected')",
    "colour": "colour IN ('blue', 'red')",
    "form": "form IN ('general', 'special')",
    "red_takes_a_blue_one_back": "(colour = 'red') = (reverses_id IS NOT NULL)",
    "blue_is_not_confirmed": "colour = 'red' OR status NOT IN ('requested', 'confirmed')",
    "red_is_requested": "colour = 'blue' OR status <> 'pending'",
    "issued_has_a_number": "(status = 'issued') = (number IS NOT NULL)",
    "number_has_a_file": "(number IS NULL) = (file_sha256 IS NULL)",
    "file_sha256": "file_sha256 ~ '^[0-9a-f]{64}$'",
    "rejected_has_a_reason": "status <> 'rejected' OR rejection IS NOT NULL",
    "total": "total_minor = net_minor + tax_minor AND total_minor > 0",
    "currency": "currency IN ('CNY', 'EUR', 'HKD', 'JPY', 'KWD', 'USD')",
}


def upgrade() -> None:
    op.create_table(
        "fapiao",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("reverses_id", sa.Uuid(), nullable=True),
        sa.Column("colour", sa.Text(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("adapter", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("because", sa.Text(), nullable=True),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("seller", postgresql.JSONB(), nullable=False),
        sa.Column("buyer", postgresql.JSONB(), nullable=False),
        sa.Column("requested_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("confirmed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("issued_on", sa.Date(), nullable=True),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("file_sha256", sa.Text(), nullable=True),
        sa.Column("rejection", sa.Text(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        *(sa.CheckConstraint(rule, name=op.f(f"fapiao_{name}_check")) for name, rule in FAPIAO_CHECKS.items()),
        sa.ForeignKeyConstraint(
            ["tenant_id", "invoice_id"], ["invoice.tenant_id", "invoice.id"], name=op.f("fapiao_invoice_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "reverses_id"], ["fapiao.tenant_id", "fapiao.id"], name=op.f("fapiao_fapiao_fkey")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("fapiao_pkey")),
        sa.UniqueConstraint("tenant_id", "code", "number", name=op.f("fapiao_tenant_id_code_number_key")),
    )
    op.create_index("fapiao_by_invoice", "fapiao", ["tenant_id", "invoice_id"])
    op.create_index("fapiao_by_time", "fapiao", ["tenant_id", "requested_at", "id"])
    op.create_index(
        "fapiao_reversed_once",
        "fapiao",
        ["tenant_id", "reverses_id"],
        unique=True,
        postgresql_where=sa.text("reverses_id IS NOT NULL AND status <> 'rejected'"),
    )
    op.create_table(
        "fapiao_line",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("fapiao_id", sa.Uuid(), nullable=False),
        sa.Column("line_no", sa.BigInteger(), nullable=False),
        sa.Column("invoice_line_no", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("tax_category", sa.Text(), nullable=False),
        sa.Column("rate", sa.Numeric(20, 10), nullable=True),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "fapiao_id"], ["fapiao.tenant_id", "fapiao.id"], name=op.f("fapiao_line_fapiao_fkey")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("fapiao_line_pkey")),
        sa.UniqueConstraint(
            "tenant_id", "fapiao_id", "line_no", name=op.f("fapiao_line_tenant_id_fapiao_id_line_no_key")
        ),
    )
    op.create_table(
        "medical_receipt",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("file_sha256", sa.Text(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("file_sha256 ~ '^[0-9a-f]{64}$'", name=op.f("medical_receipt_file_sha256_check")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("medical_receipt_pkey")),
        sa.UniqueConstraint(
            "tenant_id", "payment_id", "number", name=op.f("medical_receipt_tenant_id_payment_id_number_key")
        ),
        sa.UniqueConstraint("tenant_id", "number", name=op.f("medical_receipt_tenant_id_number_key")),
    )
    raise_wall("fapiao", operator="write")
    raise_wall("fapiao_line", operator="write", append_only=True)
    raise_wall("medical_receipt", operator="read", append_only=True)
    refuse_changes("fapiao_line")
    refuse_changes("medical_receipt")


def downgrade() -> None:
    op.drop_table("medical_receipt")
    op.drop_table("fapiao_line")
    op.drop_table("fapiao")
