"""Settle between two parties: proposals with a maker and a checker, steps, rules as data."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from walls import leave_open, raise_wall, refuse_changes

revision = "r0235"
down_revision = "s0230"
branch_labels = None
depends_on = None

CURRENCIES = "'CNY', 'EUR', 'HKD', 'JPY', 'KWD', 'USD'"
MOMENT = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.add_column("discrepancy", sa.Column("state_run_id", sa.Uuid(), nullable=True))
    op.add_column("discrepancy", sa.Column("previous_status", sa.Text(), nullable=True))
    op.create_index("discrepancy_by_state_run_idx", "discrepancy", ["tenant_id", "state_run_id"])
    op.create_index("discrepancy_by_money_idx", "discrepancy", ["tenant_id", "status", "amount_at_risk_minor", "id"])
    op.execute("GRANT INSERT, UPDATE, DELETE ON recon_watermark TO tandem_operator")
    _steps()
    _resolutions()
    _rules()


def downgrade() -> None:
    for table in ("reconciliation_rule", "discrepancy_resolution", "discrepancy_step"):
        op.drop_table(table)
    op.execute("REVOKE INSERT, UPDATE, DELETE ON recon_watermark FROM tandem_operator")
    op.drop_index("discrepancy_by_money_idx", "discrepancy")
    op.drop_index("discrepancy_by_state_run_idx", "discrepancy")
    op.drop_column("discrepancy", "previous_status")
    op.drop_column("discrepancy", "state_run_id")


def _steps() -> None:
    op.create_table(
        "discrepancy_step",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("discrepancy_id", sa.Uuid(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("from_status", sa.Text(), nullable=True),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("because", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("discrepancy_step_pkey")),
    )
    op.create_index(
        "discrepancy_step_by_discrepancy_idx", "discrepancy_step", ["tenant_id", "discrepancy_id", "at", "id"]
    )
    raise_wall("discrepancy_step", operator="write", append_only=True)
    refuse_changes("discrepancy_step")


def _resolutions() -> None:
    op.create_table(
        "discrepancy_resolution",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("discrepancy_id", sa.Uuid(), nullable=True),
        sa.Column("reconciliation_pass", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("cause_group", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("lines", postgresql.JSONB(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("maker_party", sa.Text(), nullable=False),
        sa.Column("maker", sa.Text(), nullable=False),
        sa.Column("checker_party", sa.Text(), nullable=True),
        sa.Column("checker", sa.Text(), nullable=True),
        sa.Column("settled_count", sa.BigInteger(), nullable=False),
        sa.Column("proposed_at", MOMENT, nullable=False),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("journal_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "status IN ('proposed', 'approved', 'rejected')", name=op.f("discrepancy_resolution_status_check")
        ),
        sa.CheckConstraint("maker_party IN ('hospital', 'operator')", name=op.f("discrepancy_resolution_maker_check")),
        sa.CheckConstraint(
            "checker_party IS NULL OR checker_party <> maker_party",
            name=op.f("discrepancy_resolution_two_parties_check"),
        ),
        sa.CheckConstraint(
            "(status = 'proposed') = (checker_party IS NULL)", name=op.f("discrepancy_resolution_decided_check")
        ),
        sa.CheckConstraint(
            "(discrepancy_id IS NULL) <> (cause_group IS NULL)", name=op.f("discrepancy_resolution_one_or_group_check")
        ),
        sa.CheckConstraint(f"currency IN ({CURRENCIES})", name=op.f("discrepancy_resolution_currency_check")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("discrepancy_resolution_pkey")),
    )
    op.create_index(
        "discrepancy_resolution_by_discrepancy_idx",
        "discrepancy_resolution",
        ["tenant_id", "discrepancy_id", "proposed_at"],
    )
    op.create_index(
        "discrepancy_resolution_one_proposed",
        "discrepancy_resolution",
        ["tenant_id", "discrepancy_id"],
        unique=True,
        postgresql_where=sa.text("status = 'proposed'"),
    )
    raise_wall("discrepancy_resolution", operator="write")


def _rules() -> None:
    op.create_table(
        "reconciliation_rule",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("set_at", MOMENT, nullable=False),
        sa.CheckConstraint("value >= 0", name=op.f("reconciliation_rule_value_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("reconciliation_rule_pkey")),
        sa.UniqueConstraint("version", name=op.f("reconciliation_rule_version_key")),
    )
    leave_open("reconciliation_rule", tandem_app="SELECT", tandem_operator="SELECT, INSERT")
