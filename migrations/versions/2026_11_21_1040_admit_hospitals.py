"""Admit hospitals: licences, practitioners, services, patients, the directory."""

revision = "h1040"
down_revision = "e1035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
