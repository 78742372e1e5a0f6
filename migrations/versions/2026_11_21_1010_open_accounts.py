"""Open accounts: organisations, agreements, requirements."""

revision = "a1010"
down_revision = "k1000"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
