"""Limit balances, open them with their accounts, and prove batches of entries with less work.

A limit is on the account and, copied, on its balance, where a CHECK holds the balance to it. Journals are not looked up
by source; those without a correlation need no place in its index.
"""

import sqlalchemy as sa
from alembic import op

revision = "l0200"
down_revision = "u0150"
branch_labels = None
depends_on = None

# The same proof as before. min and max tell one currency from two without sorting every journal's entries.
PROVE_ENTRIES = """
CREATE OR REPLACE FUNCTION tandem_prove_entries() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT seq, sum(amount_minor) AS off_by, min(currency COLLATE "C") AS one, max(currency COLLATE "C") AS other,
           bool_or(fund = 'medical') AND bool_or(fund = 'operator_cash') AS mixed
      INTO wrong FROM added GROUP BY tenant_id, book_id, seq
    HAVING sum(amount_minor) <> 0 OR min(currency COLLATE "C") <> max(currency COLLATE "C")
        OR (bool_or(fund = 'medical') AND bool_or(fund = 'operator_cash'))
     LIMIT 1;
    IF FOUND AND wrong.mixed THEN
        RAISE EXCEPTION 'journal %: medical money and the operator''s cash do not meet', wrong.seq
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_segregation';
    ELSIF FOUND THEN
        RAISE EXCEPTION 'journal %: entries are off by % (%, %)', wrong.seq, wrong.off_by, wrong.one, wrong.other
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_zero_sum';
    END IF;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    for table in ("account", "account_balance"):
        op.add_column(table, sa.Column("floor_minor", sa.BigInteger(), nullable=True))
        op.add_column(table, sa.Column("ceiling_minor", sa.BigInteger(), nullable=True))
    op.create_check_constraint(op.f("account_balance_floor_check"), "account_balance", "posted_minor >= floor_minor")
    op.create_check_constraint(
        op.f("account_balance_ceiling_check"), "account_balance", "posted_minor <= ceiling_minor"
    )
    op.execute(
        "INSERT INTO account_balance (tenant_id, id, posted_minor, entry_count, last_seq) "
        "SELECT a.tenant_id, a.id, 0, 0, 0 FROM account a ON CONFLICT (tenant_id, id) DO NOTHING"
    )
    op.drop_index("journal_by_source", table_name="journal")
    op.drop_index("journal_by_correlation", table_name="journal")
    op.create_index(
        "journal_by_correlation",
        "journal",
        ["tenant_id", "correlation_id"],
        postgresql_where=sa.text("correlation_id IS NOT NULL"),
    )
    op.execute(PROVE_ENTRIES)


def downgrade() -> None:
    # The proof of entries stays as it is: it proves the same.
    op.drop_index("journal_by_correlation", table_name="journal")
    op.create_index("journal_by_correlation", "journal", ["tenant_id", "correlation_id"])
    op.create_index("journal_by_source", "journal", ["tenant_id", "source_type", "source_id"])
    for table in ("account_balance", "account"):
        op.drop_column(table, "ceiling_minor")
        op.drop_column(table, "floor_minor")
