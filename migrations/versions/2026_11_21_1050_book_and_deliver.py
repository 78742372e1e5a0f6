"""Book and deliver: schedules, appointments, encounters."""

revision = "v1050"
down_revision = "h1040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
