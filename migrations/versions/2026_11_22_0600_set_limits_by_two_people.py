"""Set the limits of the guard on runaway bills by two people and from a day on; they were constants."""

from datetime import UTC, date, datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from walls import leave_open

revision = "c0600"
down_revision = "m0350"
branch_labels = None
depends_on = None

_MOMENT = postgresql.TIMESTAMP(timezone=True)
AS_BUILT = (
    ("invoice.history_periods", 6),
    ("invoice.history_least", 3),
    ("invoice.times_median", 3),
    ("invoice.amount_floor_minor", 100_000),
    ("invoice.lines_per_day", 15),
    ("statement.history_periods", 6),
    ("statement.history_least", 3),
    ("statement.times_median", 10),
    ("statement.amount_floor_minor", 100_000),
    ("statement.quiet_days", 7),
)
"""Each limit as it stood in the code when this was written."""
NAMED = "name IN ({})".format(", ".join(f"'{name}'" for name, _ in AS_BUILT))


def upgrade() -> None:
    table = op.create_table(
        "guard_limit",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=True),
        sa.Column("approved_by", sa.Uuid(), nullable=True),
        sa.Column("approved_at", _MOMENT, nullable=False),
        sa.CheckConstraint(NAMED, name=op.f("guard_limit_name_check")),
        sa.CheckConstraint("value > 0", name=op.f("guard_limit_value_check")),
        sa.CheckConstraint(
            "effective_from = DATE '2020-01-01' "
            "OR (proposed_by IS NOT NULL AND approved_by IS NOT NULL AND approved_by <> proposed_by)",
            name=op.f("guard_limit_four_eyes_check"),
        ),
        sa.PrimaryKeyConstraint("name", "effective_from", name=op.f("guard_limit_pkey")),
    )
    op.create_table(
        "guard_limit_proposal",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("proposed_at", _MOMENT, nullable=False),
        sa.CheckConstraint(NAMED, name=op.f("guard_limit_proposal_name_check")),
        sa.CheckConstraint("value > 0", name=op.f("guard_limit_proposal_value_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("guard_limit_proposal_pkey")),
    )
    leave_open("guard_limit", tandem_app="SELECT", tandem_operator="SELECT, INSERT")
    leave_open("guard_limit_proposal", tandem_operator="SELECT, INSERT")
    built = {"effective_from": date(2020, 1, 1), "because": "as built", "approved_at": datetime(2020, 1, 1, tzinfo=UTC)}
    op.bulk_insert(table, [{"name": name, "value": value} | built for name, value in AS_BUILT])


def downgrade() -> None:
    op.drop_table("guard_limit_proposal")
    op.drop_table("guard_limit")
