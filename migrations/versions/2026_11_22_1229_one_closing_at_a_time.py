"""A programme's rest is dealt with once at a time, and whoever proposed a correction or a closing does not accept it."""

import sqlalchemy as sa
from alembic import op

revision = "p1229"
down_revision = "r1225"
branch_labels = None
depends_on = None

TWO_HANDS = ("fee_adjustment", "prepayment_closing")


def upgrade() -> None:
    _once_while("status = 'proposed'")
    for table in TWO_HANDS:
        op.create_check_constraint(
            op.f(f"{table}_another_hand_accepts_check"), table, "status <> 'accepted' OR decided_by <> proposed_by"
        )


def downgrade() -> None:
    for table in TWO_HANDS:
        op.drop_constraint(op.f(f"{table}_another_hand_accepts_check"), table, type_="check")
    _once_while("status <> 'declined'")


def _once_while(condition: str) -> None:
    op.drop_index("prepayment_closing_once_key", table_name="prepayment_closing")
    op.create_index(
        "prepayment_closing_once_key",
        "prepayment_closing",
        ["tenant_id", "programme_id", "currency"],
        unique=True,
        postgresql_where=sa.text(condition),
    )
