"""Grant entitlements: what a programme owes its members."""

revision = "e1035"
down_revision = "p1030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
