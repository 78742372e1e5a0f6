"""Keep the books: ledger, usage, invoices, settlements, reconciliation.

A batch of entries is proven as it is written, by a trigger over its own rows: every journal sums to zero in one
currency, and patients' medical money shares no journal with the operator's cash.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from walls import leave_open, raise_wall, refuse_changes

revision = "m1020"
down_revision = "a1010"
branch_labels = None
depends_on = None

# Tables in the order they are made, with what the operator's role may do. It may post to no book at all.
WALLED = {
    "book": "read",
    "account": "read",
    "account_balance": "read",
    "journal": "read",
    "entry": "read",
    "mirror_cursor": "read",
    "usage_event": "read",
    "fee_accrual": "read",
    "fee_reversal": "read",
    "settlement_statement": "write",
    "settlement_line": "write",
    "number_series": "write",
    "invoice": "write",
    "invoice_line": "write",
    "invoice_payment": "write",
    "discrepancy": "write",
    "reconciliation_run": "read",
    "day_close": "write",
}
APPEND_ONLY = (
    "journal",
    "entry",
    "usage_event",
    "fee_accrual",
    "fee_reversal",
    "settlement_line",
    "invoice_line",
    "invoice_payment",
)

PROVE_ENTRIES = """
CREATE FUNCTION tandem_prove_entries() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT seq, sum(amount_minor) AS off_by, count(DISTINCT currency) AS currencies,
           bool_or(fund = 'medical') AND bool_or(fund = 'operator_cash') AS mixed
      INTO wrong FROM added GROUP BY tenant_id, book_id, seq
    HAVING sum(amount_minor) <> 0 OR count(DISTINCT currency) > 1
        OR (bool_or(fund = 'medical') AND bool_or(fund = 'operator_cash'))
     LIMIT 1;
    IF FOUND AND wrong.mixed THEN
        RAISE EXCEPTION 'journal %: medical money and the operator''s cash do not meet', wrong.seq
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_segregation';
    ELSIF FOUND THEN
        RAISE EXCEPTION 'journal %: entries are off by % in % currencies', wrong.seq, wrong.off_by, wrong.currencies
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_zero_sum';
    END IF;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "book",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("next_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_hash", sa.LargeBinary(), nullable=False),
        sa.Column("frozen_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("currency IN ('CNY', 'EUR', 'HKD', 'JPY', 'KWD', 'USD')", name=op.f("book_currency_check")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("book_pkey")),
        sa.UniqueConstraint("tenant_id", "currency", name=op.f("book_tenant_id_currency_key")),
    )
    op.create_table(
        "day_close",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("requested_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("tenant_count", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("day_close_pkey")),
    )
    op.create_index("day_close_by_day", "day_close", ["tenant_id", "day", "id"], unique=False)
    op.create_table(
        "discrepancy",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reconciliation_pass", sa.Text(), nullable=False),
        sa.Column("natural_key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("expected_minor", sa.BigInteger(), nullable=False),
        sa.Column("actual_minor", sa.BigInteger(), nullable=False),
        sa.Column("amount_at_risk_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("evidence", postgresql.JSONB(), nullable=False),
        sa.Column("first_seen_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("last_seen_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("seen_count", sa.BigInteger(), nullable=False),
        sa.Column("deadline_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("resolved_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "currency IN ('CNY', 'EUR', 'HKD', 'JPY', 'KWD', 'USD')", name=op.f("discrepancy_currency_check")
        ),
        sa.CheckConstraint("owner IN ('provider', 'hospital', 'operator')", name=op.f("discrepancy_owner_check")),
        sa.CheckConstraint("reconciliation_pass IN ('R1', 'R2', 'R5', 'R6')", name=op.f("discrepancy_pass_check")),
        sa.CheckConstraint("status IN ('open', 'explained', 'resolved')", name=op.f("discrepancy_status_check")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("discrepancy_pkey")),
        sa.UniqueConstraint(
            "tenant_id",
            "reconciliation_pass",
            "natural_key",
            name=op.f("discrepancy_tenant_id_reconciliation_pass_natural_key_key"),
        ),
    )
    op.create_index(
        "discrepancy_by_status", "discrepancy", ["tenant_id", "status", "first_seen_at", "id"], unique=False
    )
    op.create_table(
        "entry",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("book_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("line_no", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("fund", sa.Text(), nullable=False),
        sa.CheckConstraint("fund IN ('medical', 'operator_cash', 'other')", name=op.f("entry_fund_check")),
        sa.CheckConstraint("amount_minor <> 0", name=op.f("entry_amount_check")),
        sa.PrimaryKeyConstraint("tenant_id", "book_id", "seq", "line_no", name=op.f("entry_pkey")),
    )
    op.create_index(
        "entry_by_account",
        "entry",
        ["tenant_id", "account_id", "seq"],
        unique=False,
        postgresql_include=["amount_minor"],
    )
    op.create_table(
        "invoice",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("programme_id", sa.Uuid(), nullable=True),
        sa.Column("contract_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("issued_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("paid_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("voided_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("void_reason", sa.Text(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "currency IN ('CNY', 'EUR', 'HKD', 'JPY', 'KWD', 'USD')", name=op.f("invoice_currency_check")
        ),
        sa.CheckConstraint("status IN ('draft', 'issued', 'paid', 'void')", name=op.f("invoice_status_check")),
        sa.CheckConstraint(
            "status NOT IN ('issued', 'paid') OR number IS NOT NULL", name=op.f("invoice_issued_has_number_check")
        ),
        sa.CheckConstraint("(number IS NULL) = (issued_at IS NULL)", name=op.f("invoice_numbered_at_issue_check")),
        sa.CheckConstraint("first_day <= last_day", name=op.f("invoice_days_check")),
        sa.CheckConstraint("paid_minor BETWEEN 0 AND total_minor", name=op.f("invoice_paid_within_total_check")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("invoice_pkey")),
        sa.UniqueConstraint("tenant_id", "series", "number", name=op.f("invoice_tenant_id_series_number_key")),
    )
    op.create_index("invoice_by_creation", "invoice", ["tenant_id", "created_at", "id"], unique=False)
    op.create_table(
        "journal",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("book_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("idem_scope", sa.Text(), nullable=False),
        sa.Column("idem_key", sa.Text(), nullable=False),
        sa.Column("body_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("effective_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("booked_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("source_type", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("rule_version", sa.Text(), nullable=False),
        sa.Column("reverses_id", sa.Uuid(), nullable=True),
        sa.Column("correlation_id", sa.Uuid(), nullable=True),
        sa.Column("prev_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("seq > 0", name=op.f("journal_seq_check")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("journal_pkey")),
        sa.UniqueConstraint("tenant_id", "book_id", "seq", name=op.f("journal_tenant_id_book_id_seq_key")),
        sa.UniqueConstraint(
            "tenant_id", "idem_scope", "idem_key", name=op.f("journal_tenant_id_idem_scope_idem_key_key")
        ),
    )
    op.create_index("journal_by_correlation", "journal", ["tenant_id", "correlation_id"], unique=False)
    op.create_index("journal_by_effect", "journal", ["tenant_id", "book_id", "effective_at"], unique=False)
    op.create_index("journal_by_source", "journal", ["tenant_id", "source_type", "source_id"], unique=False)
    op.create_index(
        "journal_reversed_once",
        "journal",
        ["tenant_id", "reverses_id"],
        unique=True,
        postgresql_where=sa.text("reverses_id IS NOT NULL"),
    )
    op.create_table(
        "number_series",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("next_number", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("next_number > 0", name=op.f("number_series_next_number_check")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("number_series_pkey")),
        sa.UniqueConstraint("tenant_id", "series", name=op.f("number_series_tenant_id_series_key")),
    )
    op.create_table(
        "price_ceiling",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("grade", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("ceiling_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("effective_to", sa.Date(), nullable=True),
        sa.Column("circular", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "currency IN ('CNY', 'EUR', 'HKD', 'JPY', 'KWD', 'USD')", name=op.f("price_ceiling_currency_check")
        ),
        sa.CheckConstraint("ceiling_minor >= 0", name=op.f("price_ceiling_ceiling_check")),
        sa.CheckConstraint(
            "effective_to IS NULL OR effective_to > effective_from", name=op.f("price_ceiling_dates_check")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("price_ceiling_pkey")),
        sa.UniqueConstraint(
            "region", "grade", "item", "effective_from", name=op.f("price_ceiling_region_grade_item_effective_from_key")
        ),
    )
    op.create_table(
        "reconciliation_run",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("day_close_id", sa.Uuid(), nullable=True),
        sa.Column("statement_id", sa.Uuid(), nullable=True),
        sa.Column("run_count", sa.BigInteger(), nullable=False),
        sa.Column("checked_count", sa.BigInteger(), nullable=False),
        sa.Column("found_count", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("reconciliation_run_pkey")),
        sa.UniqueConstraint("tenant_id", "day", name=op.f("reconciliation_run_tenant_id_day_key")),
    )
    op.create_table(
        "settlement_statement",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("period_start", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("period_end", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("cut_seq", sa.BigInteger(), nullable=False),
        sa.Column("previous_cut_seq", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("visit_count", sa.BigInteger(), nullable=False),
        sa.Column("gross_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunds_minor", sa.BigInteger(), nullable=False),
        sa.Column("provider_fees_minor", sa.BigInteger(), nullable=False),
        sa.Column("operator_fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("payable_minor", sa.BigInteger(), nullable=False),
        sa.Column("due_to_operator_minor", sa.BigInteger(), nullable=False),
        sa.Column("document_sha256", sa.Text(), nullable=False),
        sa.Column("proposed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("confirmed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("paid_on", sa.Date(), nullable=True),
        sa.Column("payment_reference", sa.Text(), nullable=True),
        sa.Column("closed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("dispute_reason", sa.Text(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "currency IN ('CNY', 'EUR', 'HKD', 'JPY', 'KWD', 'USD')", name=op.f("settlement_statement_currency_check")
        ),
        sa.CheckConstraint(
            "status IN ('proposed', 'disputed', 'confirmed', 'paid', 'closed')",
            name=op.f("settlement_statement_status_check"),
        ),
        sa.CheckConstraint("cut_seq >= previous_cut_seq", name=op.f("settlement_statement_cut_check")),
        sa.CheckConstraint("period_start < period_end", name=op.f("settlement_statement_period_check")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("settlement_statement_pkey")),
        sa.UniqueConstraint(
            "tenant_id", "currency", "number", name=op.f("settlement_statement_tenant_id_currency_number_key")
        ),
        sa.UniqueConstraint(
            "tenant_id", "currency", "period_end", name=op.f("settlement_statement_tenant_id_currency_period_end_key")
        ),
    )
    op.create_table(
        "usage_event",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("meter", sa.Text(), nullable=False),
        sa.Column("source_type", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("received_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("quantity", sa.Numeric(precision=20, scale=10), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=True),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        sa.Column("programme_id", sa.Uuid(), nullable=True),
        sa.Column("voids_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "currency IN ('CNY', 'EUR', 'HKD', 'JPY', 'KWD', 'USD')", name=op.f("usage_event_currency_check")
        ),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("usage_event_amount_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "voids_id"],
            ["usage_event.tenant_id", "usage_event.id"],
            name=op.f("usage_event_usage_event_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("usage_event_pkey")),
        sa.UniqueConstraint(
            "tenant_id",
            "source_type",
            "source_id",
            "meter",
            name=op.f("usage_event_tenant_id_source_type_source_id_meter_key"),
        ),
    )
    op.create_index("usage_event_by_payment", "usage_event", ["tenant_id", "payment_id"], unique=False)
    op.create_index("usage_event_by_time", "usage_event", ["tenant_id", "at", "id"], unique=False)
    op.create_table(
        "account",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("book_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("party_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("is_interparty", sa.Boolean(), nullable=False),
        sa.Column("closed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "fund <> 'medical' OR tenant_id <> '98e767bb-95cc-5637-bf06-694adafe0e1d'::uuid",
            name=op.f("account_no_medical_money_check"),
        ),
        sa.CheckConstraint(
            "fund = 'operator_cash' OR tenant_id <> '98e767bb-95cc-5637-bf06-694adafe0e1d'::uuid OR NOT starts_with(code, 'cash.')",
            name=op.f("account_operator_cash_check"),
        ),
        sa.CheckConstraint("fund IN ('medical', 'operator_cash', 'other')", name=op.f("account_fund_check")),
        sa.CheckConstraint("kind IN ('asset', 'liability', 'income', 'expense')", name=op.f("account_kind_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "book_id"], ["book.tenant_id", "book.id"], name=op.f("account_book_fkey")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("account_pkey")),
        sa.UniqueConstraint(
            "tenant_id",
            "book_id",
            "code",
            "party_id",
            name=op.f("account_tenant_id_book_id_code_party_id_key"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_table(
        "fee_accrual",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("usage_event_id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        sa.Column("programme_id", sa.Uuid(), nullable=True),
        sa.Column("agreement_version_id", sa.Uuid(), nullable=True),
        sa.Column("at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("payable_from", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("basis_minor", sa.BigInteger(), nullable=False),
        sa.Column("percent_part_minor", sa.BigInteger(), nullable=False),
        sa.Column("per_visit_part_minor", sa.BigInteger(), nullable=False),
        sa.Column("uncapped_minor", sa.BigInteger(), nullable=False),
        sa.Column("fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("cap", sa.Text(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("revenue_journal_id", sa.Uuid(), nullable=True),
        sa.Column("fee_journal_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("cap IN ('percent', 'per_visit', 'net')", name=op.f("fee_accrual_cap_check")),
        sa.CheckConstraint(
            "currency IN ('CNY', 'EUR', 'HKD', 'JPY', 'KWD', 'USD')", name=op.f("fee_accrual_currency_check")
        ),
        sa.CheckConstraint("fee_minor BETWEEN 0 AND basis_minor", name=op.f("fee_accrual_fee_within_basis_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "usage_event_id"],
            ["usage_event.tenant_id", "usage_event.id"],
            name=op.f("fee_accrual_usage_event_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("fee_accrual_pkey")),
        sa.UniqueConstraint("tenant_id", "usage_event_id", name=op.f("fee_accrual_tenant_id_usage_event_id_key")),
    )
    op.create_index("fee_accrual_by_payment", "fee_accrual", ["tenant_id", "payment_id"], unique=False)
    op.create_index("fee_accrual_by_time", "fee_accrual", ["tenant_id", "at", "id"], unique=False)
    op.create_table(
        "invoice_line",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("line_no", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("unit_price_minor", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.CheckConstraint("amount_minor = quantity * unit_price_minor", name=op.f("invoice_line_amount_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "invoice_id"], ["invoice.tenant_id", "invoice.id"], name=op.f("invoice_line_invoice_fkey")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("invoice_line_pkey")),
        sa.UniqueConstraint(
            "tenant_id", "invoice_id", "line_no", name=op.f("invoice_line_tenant_id_invoice_id_line_no_key")
        ),
    )
    op.create_table(
        "invoice_payment",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("recorded_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("invoice_payment_amount_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "invoice_id"], ["invoice.tenant_id", "invoice.id"], name=op.f("invoice_payment_invoice_fkey")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("invoice_payment_pkey")),
        sa.UniqueConstraint(
            "tenant_id", "invoice_id", "reference", name=op.f("invoice_payment_tenant_id_invoice_id_reference_key")
        ),
    )
    op.create_table(
        "mirror_cursor",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("mirrored_seq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "id"], ["book.tenant_id", "book.id"], name=op.f("mirror_cursor_book_fkey")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("mirror_cursor_pkey")),
    )
    op.create_table(
        "settlement_line",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("statement_id", sa.Uuid(), nullable=False),
        sa.Column("line_no", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("account_code", sa.Text(), nullable=False),
        sa.Column("journal_count", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "statement_id"],
            ["settlement_statement.tenant_id", "settlement_statement.id"],
            name=op.f("settlement_line_settlement_statement_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("settlement_line_pkey")),
        sa.UniqueConstraint(
            "tenant_id", "statement_id", "kind", name=op.f("settlement_line_tenant_id_statement_id_kind_key")
        ),
    )
    op.create_table(
        "account_balance",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("posted_minor", sa.BigInteger(), nullable=False),
        sa.Column("entry_count", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "id"], ["account.tenant_id", "account.id"], name=op.f("account_balance_account_fkey")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("account_balance_pkey")),
        postgresql_with={"fillfactor": "60"},
    )
    op.create_table(
        "fee_reversal",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("fee_accrual_id", sa.Uuid(), nullable=False),
        sa.Column("refund_id", sa.Uuid(), nullable=False),
        sa.Column("is_return", sa.Boolean(), nullable=False),
        sa.Column("at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("refund_minor", sa.BigInteger(), nullable=False),
        sa.Column("fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "fee_accrual_id"],
            ["fee_accrual.tenant_id", "fee_accrual.id"],
            name=op.f("fee_reversal_fee_accrual_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("fee_reversal_pkey")),
        sa.UniqueConstraint(
            "tenant_id", "refund_id", "is_return", name=op.f("fee_reversal_tenant_id_refund_id_is_return_key")
        ),
    )
    op.create_index("fee_reversal_by_accrual", "fee_reversal", ["tenant_id", "fee_accrual_id"], unique=False)
    op.execute(PROVE_ENTRIES)
    op.execute(
        "CREATE TRIGGER entry_is_proven AFTER INSERT ON entry REFERENCING NEW TABLE AS added "
        "FOR EACH STATEMENT EXECUTE FUNCTION tandem_prove_entries()"
    )
    for table, operator in WALLED.items():
        raise_wall(table, operator=operator, append_only=table in APPEND_ONLY)
    for table in APPEND_ONLY:
        refuse_changes(table)
    leave_open("price_ceiling", tandem_app="SELECT", tandem_operator="SELECT, INSERT")


def downgrade() -> None:
    op.drop_table("price_ceiling")
    for table in reversed(WALLED):
        op.drop_table(table)
    op.execute("DROP FUNCTION tandem_prove_entries()")
