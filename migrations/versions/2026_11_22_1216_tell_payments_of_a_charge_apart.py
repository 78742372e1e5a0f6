"""Another payment of the same charge is found by its own id, without a look at what this one said before."""

from alembic import op

revision = "s1216"
down_revision = "b1210"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("payment_by_charge_idx", table_name="payment")
    op.create_index("payment_by_charge_idx", "payment", ["tenant_id", "provider_charge_id", "id"])


def downgrade() -> None:
    op.drop_index("payment_by_charge_idx", table_name="payment")
    op.create_index("payment_by_charge_idx", "payment", ["tenant_id", "provider_charge_id"])
