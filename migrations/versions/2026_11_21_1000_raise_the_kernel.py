"""Raise the kernel: people, keys, jobs, audit."""

revision = "k1000"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
