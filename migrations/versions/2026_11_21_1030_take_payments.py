"""Take payments: payments, refunds, disputes, the provider's facts."""

revision = "p1030"
down_revision = "m1020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
