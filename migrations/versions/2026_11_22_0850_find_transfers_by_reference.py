"""Find a transfer by the bank's reference: its line, and what people recorded under it before the bank's file came."""

from alembic import op

revision = "f0835"
down_revision = "m0845"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("bank_line_by_reference_idx", "bank_line", ["tenant_id", "bank_reference"])
    op.create_index("invoice_payment_by_reference_idx", "invoice_payment", ["reference"])


def downgrade() -> None:
    op.drop_index("invoice_payment_by_reference_idx", table_name="invoice_payment")
    op.drop_index("bank_line_by_reference_idx", table_name="bank_line")
