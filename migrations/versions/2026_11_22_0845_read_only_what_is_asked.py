"""Read only what is asked: rated lines lie in the order of who pays them, and settled items lie by themselves.

A chunk of a month's run reads its own lines, however many there are; a comparison asks of the few differences that both
parties let be whether one of them was opened again, and not of all that stand open.
"""

import sqlalchemy as sa
from alembic import op

revision = "m0845"
down_revision = "r0635"
branch_labels = None
depends_on = None


def upgrade() -> None:
    payer = sa.text("coalesce(contract_id, subscription_id)")
    op.create_index("rated_line_by_payer", "rated_line", ["tenant_id", "raised_for", payer, "currency"])
    op.drop_index("rated_line_by_bill", "rated_line")
    op.create_index(
        "recon_item_settled_idx",
        "recon_item",
        ["tenant_id", "comparison", "natural_key"],
        postgresql_where=sa.text("status = 'settled'"),
    )


def downgrade() -> None:
    op.drop_index("recon_item_settled_idx", "recon_item")
    op.create_index("rated_line_by_bill", "rated_line", ["tenant_id", "raised_for", "id"])
    op.drop_index("rated_line_by_payer", "rated_line")
