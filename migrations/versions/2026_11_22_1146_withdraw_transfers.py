"""Withdraw transfers: what was asked for and never put to the provider can be taken back."""

import sqlalchemy as sa
from alembic import op

revision = "w1146"
down_revision = "b1145"
branch_labels = None
depends_on = None

STATES = "'asked', 'sent', 'failed', 'withdrawn', 'reversed'"
STATES_BEFORE = "'asked', 'sent', 'failed', 'reversed'"


def upgrade() -> None:
    op.add_column("settlement_transfer", sa.Column("withdrawn_because", sa.Text(), nullable=True))
    _check_states(STATES)
    op.create_check_constraint(
        op.f("settlement_transfer_never_asked_for_check"),
        "settlement_transfer",
        "status <> 'withdrawn' OR asked_at IS NULL",
    )


def downgrade() -> None:
    op.drop_constraint(op.f("settlement_transfer_never_asked_for_check"), "settlement_transfer", type_="check")
    # Without the state, what was withdrawn is what never came about.
    op.execute(
        "UPDATE settlement_transfer SET status = 'failed', failure_code = 'withdrawn' WHERE status = 'withdrawn'"
    )
    _check_states(STATES_BEFORE)
    op.drop_column("settlement_transfer", "withdrawn_because")


def _check_states(states: str) -> None:
    op.drop_constraint(op.f("settlement_transfer_status_check"), "settlement_transfer", type_="check")
    op.create_check_constraint(op.f("settlement_transfer_status_check"), "settlement_transfer", f"status IN ({states})")
