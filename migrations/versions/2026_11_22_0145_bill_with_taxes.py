"""Bill enterprises and hospitals alike: tax rules as data, taxes on lines, credit notes, parties frozen at issue."""

import sqlalchemy as sa
from alembic import op
from recording import record_posting_rules
from sqlalchemy.dialects import postgresql
from walls import leave_open, raise_wall, refuse_changes

revision = "i0145"
down_revision = "l0200"
branch_labels = None
depends_on = None

# (id, category, treatment, rate, reason, circular, effective_from). Where a law was replaced both versions stand, so
# that a document of any day can be taxed by what was in force on it.
LAW_2026 = "中华人民共和国增值税法"
CIRCULAR_36 = "财税〔2016〕36号"
PREPAYMENT = "a0000000-0000-4000-8000-000000000007"
RULES = [
    ("a0000000-0000-4000-8000-000000000001", "medical_service", "exempt", None, "医疗机构提供的医疗服务免征增值税",
     f"{CIRCULAR_36} 附件3 第一条第（七）项", "2016-05-01"),
    ("a0000000-0000-4000-8000-000000000002", "medical_service", "exempt", None, "医疗机构提供的医疗服务免征增值税",
     f"{LAW_2026} 第二十四条", "2026-01-01"),
    ("a0000000-0000-4000-8000-000000000003", "platform_service", "taxed", "0.06", None,
     f"{CIRCULAR_36} 附件1 第十五条", "2016-05-01"),
    ("a0000000-0000-4000-8000-000000000004", "platform_service", "taxed", "0.06", None,
     f"{LAW_2026} 第十条", "2026-01-01"),
    ("a0000000-0000-4000-8000-000000000005", "health_management", "taxed", "0.06", None,
     f"{CIRCULAR_36} 附件1 第十五条", "2016-05-01"),
    ("a0000000-0000-4000-8000-000000000006", "health_management", "taxed", "0.06", None,
     f"{LAW_2026} 第十条", "2026-01-01"),
    (PREPAYMENT, "programme_prepayment", "out_of_scope", None, "预收款，提供服务时另行计税",
     "国家税务总局公告2016年第53号 第三条、第四条", "2016-09-01"),
]  # fmt: skip

INVOICE_CHECKS = {
    "kind": "kind IN ('invoice', 'credit_note')",
    "customer_kind": "customer_kind IN ('employer', 'hospital')",
    "tax_rounding": "tax_rounding IN ('line', 'document')",
    "status": "status IN ('draft', 'rated', 'issued', 'settled', 'void')",
    "named_at_issue": "(number IS NULL) = (document_no IS NULL)",
    "parties_frozen_at_issue": "(number IS NULL) = (seller IS NULL OR buyer IS NULL)",
    "issued_has_number": "status NOT IN ('issued', 'settled') OR number IS NOT NULL",
    "total": "total_minor = net_minor + tax_minor",
    "total_positive": "total_minor > 0",
    "credited_within_total": "credited_minor BETWEEN 0 AND total_minor",
    "fapiao_within_total": "fapiao_minor BETWEEN 0 AND total_minor",
    "credit_of_an_invoice": "kind = 'invoice' OR corrects_id IS NOT NULL",
    "dispute_has_a_reason": "disputed_at IS NULL OR dispute_reason IS NOT NULL",
}


def upgrade() -> None:
    _tax_rules()
    op.create_table(
        "seller_profile",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("legal_name", sa.Text(), nullable=False),
        sa.Column("tax_number", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("telephone", sa.Text(), nullable=False),
        sa.Column("bank_name", sa.Text(), nullable=False),
        sa.Column("bank_account", sa.Text(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("seller_profile_pkey")),
        sa.UniqueConstraint("tenant_id", "effective_from", name=op.f("seller_profile_tenant_id_effective_from_key")),
    )
    _invoices()
    _lines()
    _taxes()
    op.execute("ALTER TABLE invoice_payment ADD COLUMN method text NOT NULL DEFAULT 'bank_transfer'")
    op.execute("ALTER TABLE invoice_payment ADD COLUMN surplus_minor bigint NOT NULL DEFAULT 0")
    op.execute(
        "ALTER TABLE invoice_payment ALTER COLUMN method DROP DEFAULT, ALTER COLUMN surplus_minor DROP DEFAULT, "
        "ADD CONSTRAINT invoice_payment_surplus_check CHECK (surplus_minor BETWEEN 0 AND amount_minor), "
        "ADD CONSTRAINT invoice_payment_method_check "
        "CHECK (method IN ('bank_transfer', 'card', 'alipay', 'wechat_pay'))"
    )
    for table in ("seller_profile", "invoice_tax"):
        raise_wall(table, operator="write", append_only=True)
        refuse_changes(table)
    record_posting_rules()


def _tax_rules() -> None:
    table = op.create_table(
        "tax_rule",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("jurisdiction", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("treatment", sa.Text(), nullable=False),
        sa.Column("rate", sa.Numeric(20, 10), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("circular", sa.Text(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.CheckConstraint("treatment IN ('taxed', 'exempt', 'out_of_scope')", name=op.f("tax_rule_treatment_check")),
        sa.CheckConstraint(
            "(treatment = 'taxed') = (rate IS NOT NULL)", name=op.f("tax_rule_rate_only_where_taxed_check")
        ),
        sa.CheckConstraint(
            "(treatment = 'taxed') = (reason IS NULL)", name=op.f("tax_rule_reason_where_not_taxed_check")
        ),
        sa.CheckConstraint("rate >= 0 AND rate < 1", name=op.f("tax_rule_rate_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("tax_rule_pkey")),
        sa.UniqueConstraint(
            "jurisdiction", "category", "effective_from", name=op.f("tax_rule_jurisdiction_category_effective_from_key")
        ),
    )
    names = ("id", "category", "treatment", "rate", "reason", "circular", "effective_from")
    op.bulk_insert(table, [{"jurisdiction": "CN", **dict(zip(names, rule, strict=True))} for rule in RULES])
    leave_open("tax_rule", tandem_app="SELECT", tandem_operator="SELECT, INSERT")


def _invoices() -> None:
    op.execute(
        "ALTER TABLE invoice DROP CONSTRAINT invoice_status_check, DROP CONSTRAINT invoice_issued_has_number_check"
    )
    op.execute("ALTER TABLE invoice RENAME COLUMN paid_at TO settled_at")
    # A generated column whose expression is dropped again fills old rows without an UPDATE.
    op.execute(
        "ALTER TABLE invoice ADD COLUMN kind text NOT NULL DEFAULT 'invoice', ADD COLUMN document_no text, "
        "ADD COLUMN chain_id uuid NOT NULL GENERATED ALWAYS AS (id) STORED, ADD COLUMN corrects_id uuid, "
        "ADD COLUMN customer_kind text NOT NULL DEFAULT 'employer', ADD COLUMN run_key text, "
        "ADD COLUMN prices_include_tax boolean NOT NULL DEFAULT true, "
        "ADD COLUMN tax_rounding text NOT NULL DEFAULT 'line', "
        "ADD COLUMN net_minor bigint NOT NULL GENERATED ALWAYS AS (total_minor) STORED, "
        "ADD COLUMN tax_minor bigint NOT NULL DEFAULT 0, ADD COLUMN credited_minor bigint NOT NULL DEFAULT 0, "
        "ADD COLUMN fapiao_minor bigint NOT NULL DEFAULT 0, ADD COLUMN seller jsonb, ADD COLUMN buyer jsonb, "
        "ADD COLUMN disputed_at timestamptz, ADD COLUMN dispute_reason text"
    )
    op.execute(
        "ALTER TABLE invoice ALTER COLUMN chain_id DROP EXPRESSION, ALTER COLUMN net_minor DROP EXPRESSION, "
        "ALTER COLUMN kind DROP DEFAULT, ALTER COLUMN customer_kind DROP DEFAULT, "
        "ALTER COLUMN prices_include_tax DROP DEFAULT, ALTER COLUMN tax_rounding DROP DEFAULT, "
        "ALTER COLUMN tax_minor DROP DEFAULT, ALTER COLUMN credited_minor DROP DEFAULT, "
        "ALTER COLUMN fapiao_minor DROP DEFAULT"
    )
    op.execute("UPDATE invoice SET status = 'settled' WHERE status = 'paid'")
    op.execute(
        "UPDATE invoice SET document_no = series || '-' || number, seller = '{}', buyer = '{}' WHERE number IS NOT NULL"
    )
    for name, rule in INVOICE_CHECKS.items():
        op.create_check_constraint(op.f(f"invoice_{name}_check"), "invoice", rule)
    op.create_unique_constraint(op.f("invoice_tenant_id_run_key_key"), "invoice", ["tenant_id", "run_key"])
    op.create_index("invoice_by_chain", "invoice", ["tenant_id", "chain_id"])
    op.create_index(
        "invoice_unsettled", "invoice", ["tenant_id", "due_on"], postgresql_where=sa.text("status = 'issued'")
    )


def _lines() -> None:
    op.execute("ALTER TABLE invoice_line DROP CONSTRAINT invoice_line_amount_check")
    op.execute("ALTER TABLE invoice_line RENAME COLUMN unit_price_minor TO unit_price")
    op.execute(
        "ALTER TABLE invoice_line ALTER COLUMN quantity TYPE numeric(20, 10), "
        "ALTER COLUMN unit_price TYPE numeric(20, 10), ALTER COLUMN unit_price DROP NOT NULL, "
        "ADD COLUMN kind text NOT NULL DEFAULT 'item', ADD COLUMN unit text, "
        "ADD COLUMN net_minor bigint NOT NULL GENERATED ALWAYS AS (amount_minor) STORED, "
        f"ADD COLUMN tax_minor bigint NOT NULL DEFAULT 0, ADD COLUMN tax_rule_id uuid NOT NULL DEFAULT '{PREPAYMENT}', "
        "ADD COLUMN of_first_day date, ADD COLUMN of_last_day date, ADD COLUMN line_input_hash text, "
        "ADD COLUMN credits_line_no bigint"
    )
    op.execute(
        "ALTER TABLE invoice_line ALTER COLUMN net_minor DROP EXPRESSION, ALTER COLUMN kind DROP DEFAULT, "
        "ALTER COLUMN tax_minor DROP DEFAULT, ALTER COLUMN tax_rule_id DROP DEFAULT, "
        "ADD CONSTRAINT invoice_line_kind_check CHECK (kind IN ('item', 'adjustment', 'merged', 'rounding')), "
        "ADD CONSTRAINT invoice_line_amount_check "
        "CHECK (unit_price IS NULL OR amount_minor = round(quantity * unit_price))"
    )


def _taxes() -> None:
    op.create_table(
        "invoice_tax",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("tax_rule_id", sa.Uuid(), nullable=False),
        sa.Column("jurisdiction", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("treatment", sa.Text(), nullable=False),
        sa.Column("rate", sa.Numeric(20, 10), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("circular", sa.Text(), nullable=False),
        sa.Column("base_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("residual_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(treatment = 'taxed') = (rate IS NOT NULL)", name=op.f("invoice_tax_rate_only_where_taxed_check")
        ),
        sa.CheckConstraint("rate IS NOT NULL OR tax_minor = 0", name=op.f("invoice_tax_no_tax_without_a_rate_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "invoice_id"], ["invoice.tenant_id", "invoice.id"], name=op.f("invoice_tax_invoice_fkey")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("invoice_tax_pkey")),
        sa.UniqueConstraint(
            "tenant_id", "invoice_id", "tax_rule_id", name=op.f("invoice_tax_tenant_id_invoice_id_tax_rule_id_key")
        ),
    )
    op.execute(
        "INSERT INTO invoice_tax (tenant_id, id, invoice_id, tax_rule_id, jurisdiction, category, treatment, reason, "
        "circular, base_minor, tax_minor, residual_minor, currency) SELECT i.tenant_id, gen_random_uuid(), i.id, r.id, "
        "r.jurisdiction, r.category, r.treatment, r.reason, r.circular, i.total_minor, 0, 0, i.currency "
        "FROM invoice i JOIN tax_rule r ON r.category = 'programme_prepayment'"
    )


def downgrade() -> None:
    op.drop_table("invoice_tax")
    op.drop_table("seller_profile")
    op.drop_table("tax_rule")
    op.execute("ALTER TABLE invoice_payment DROP COLUMN method, DROP COLUMN surplus_minor")
    op.execute(
        "ALTER TABLE invoice_line DROP CONSTRAINT invoice_line_amount_check, DROP COLUMN kind, DROP COLUMN unit, "
        "DROP COLUMN net_minor, DROP COLUMN tax_minor, DROP COLUMN tax_rule_id, DROP COLUMN of_first_day, "
        "DROP COLUMN of_last_day, DROP COLUMN line_input_hash, DROP COLUMN credits_line_no"
    )
    op.execute(
        "ALTER TABLE invoice_line ALTER COLUMN quantity TYPE bigint, ALTER COLUMN unit_price TYPE bigint, "
        "ALTER COLUMN unit_price SET NOT NULL"
    )
    op.execute("ALTER TABLE invoice_line RENAME COLUMN unit_price TO unit_price_minor")
    op.execute(
        "ALTER TABLE invoice_line ADD CONSTRAINT invoice_line_amount_check "
        "CHECK (amount_minor = quantity * unit_price_minor)"
    )
    op.execute("DROP INDEX invoice_by_chain, invoice_unsettled")
    for name in INVOICE_CHECKS:
        op.drop_constraint(op.f(f"invoice_{name}_check"), "invoice")
    op.execute(
        "ALTER TABLE invoice DROP COLUMN kind, DROP COLUMN document_no, DROP COLUMN chain_id, DROP COLUMN corrects_id, "
        "DROP COLUMN customer_kind, DROP COLUMN run_key, DROP COLUMN prices_include_tax, DROP COLUMN tax_rounding, "
        "DROP COLUMN net_minor, DROP COLUMN tax_minor, DROP COLUMN credited_minor, DROP COLUMN fapiao_minor, "
        "DROP COLUMN seller, DROP COLUMN buyer, DROP COLUMN disputed_at, DROP COLUMN dispute_reason"
    )
    op.execute("UPDATE invoice SET status = 'paid' WHERE status = 'settled'")
    op.execute("UPDATE invoice SET status = 'draft' WHERE status = 'rated'")
    op.execute("ALTER TABLE invoice RENAME COLUMN settled_at TO paid_at")
    op.execute(
        "ALTER TABLE invoice ADD CONSTRAINT invoice_status_check CHECK (status IN ('draft', 'issued', 'paid', 'void')), "
        "ADD CONSTRAINT invoice_issued_has_number_check "
        "CHECK (status NOT IN ('issued', 'paid') OR number IS NOT NULL)"
    )
