"""No order is split: payments are the hospital's own, so no refund waits for a split to be finished (decision 0051)."""

from alembic import op

revision = "w1147"
down_revision = "w1146"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("DELETE FROM provider_limit WHERE name = 'refund_from_unsplit'")


def downgrade() -> None:
    op.execute(
        "INSERT INTO provider_limit (provider, name, effective_from, value, unit, source) "
        "VALUES ('wechat_pay', 'refund_from_unsplit', DATE '2020-01-01', 1, 'yes', 'money.md 2.5')"
    )
