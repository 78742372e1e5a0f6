"""Keep the books: ledger, usage, invoices, settlements, reconciliation."""

revision = "m1020"
down_revision = "a1010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
