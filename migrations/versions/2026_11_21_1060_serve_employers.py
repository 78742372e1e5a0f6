"""Serve employers: packages, contracts, rosters."""

revision = "b1060"
down_revision = "v1050"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
