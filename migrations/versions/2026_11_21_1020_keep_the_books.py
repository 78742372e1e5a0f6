"""Keep the books: ledger, usage, invoices, settlements, reconciliation.

A batch of entries is proven as it is written, by a trigger over its own rows: every journal sums to zero in one
currency, and patients' medical money shares no journal with the operator's cash.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from walls import raise_wall, refuse_changes

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
}
APPEND_ONLY = ("journal", "entry")

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
    op.execute(PROVE_ENTRIES)
    op.execute(
        "CREATE TRIGGER entry_is_proven AFTER INSERT ON entry REFERENCING NEW TABLE AS added "
        "FOR EACH STATEMENT EXECUTE FUNCTION tandem_prove_entries()"
    )
    for table, operator in WALLED.items():
        raise_wall(table, operator=operator, append_only=table in APPEND_ONLY)
    for table in APPEND_ONLY:
        refuse_changes(table)


def downgrade() -> None:
    for table in reversed(WALLED):
        op.drop_table(table)
    op.execute("DROP FUNCTION tandem_prove_entries()")
