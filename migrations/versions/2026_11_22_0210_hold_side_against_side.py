"""Hold side against side: results by natural key, watermarks, runs; rows that say which transaction wrote them last."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from walls import raise_wall, refuse_changes

revision = "r0210"
down_revision = "p0205"
branch_labels = None
depends_on = None

CHANGING = ("payment", "refund", "dispute", "payout", "balance_transaction", "fee_accrual")
PASSES = "'R1', 'R2', 'R3', 'R4', 'R5', 'R6', 'R7', 'R8', 'R9', 'R10'"
FAULTS = (
    "missing_left", "missing_right", "amount_over", "amount_under", "currency", "duplicate", "status", "split", "late",
    "cap_breach", "segregation", "orphan_refund", "unclaimed_usage", "double_claim", "stale_suspense", "chain_break",
    "runaway",
)  # fmt: skip

# Both run where the tenant's rows are, so that a number is only ever held against numbers of the same node.
NOTE_CHANGE = """
CREATE FUNCTION tandem_note_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed_xid := pg_current_xact_id()::text::bigint;
    RETURN NEW;
END $$
"""
NOTE_HORIZON = """
CREATE FUNCTION tandem_note_horizon() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.horizon := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
    RETURN NEW;
END $$
"""


def upgrade() -> None:
    op.execute(NOTE_CHANGE)
    op.execute(NOTE_HORIZON)
    for table in CHANGING:
        _note_changes(table)
    _items()
    _watermarks()
    _runs()
    _widen_discrepancies()


def downgrade() -> None:
    op.drop_index("discrepancy_unresolved_idx", "discrepancy")
    op.drop_index("discrepancy_by_cause_idx", "discrepancy")
    op.drop_constraint(op.f("discrepancy_pass_check"), "discrepancy", type_="check")
    op.create_check_constraint(
        op.f("discrepancy_pass_check"), "discrepancy", "reconciliation_pass IN ('R1', 'R2', 'R5', 'R6')"
    )
    for column in ("settled_by", "explained_by", "cause_group", "fault", "comparison"):
        op.drop_column("discrepancy", column)
    op.alter_column("discrepancy", "natural_key", type_=sa.Text())
    for table in ("recon_pass_run", "recon_watermark", "recon_item"):
        op.drop_table(table)
    for table in reversed(CHANGING):
        op.execute(f"DROP TRIGGER {table}_notes_change ON {table}")
        op.drop_index(f"{table}_by_change_idx", table)
        op.drop_column(table, "changed_xid")
    op.execute("DROP FUNCTION tandem_note_horizon()")
    op.execute("DROP FUNCTION tandem_note_change()")


def _note_changes(table: str) -> None:
    op.add_column(table, sa.Column("changed_xid", sa.BigInteger(), server_default="0", nullable=False))
    op.create_index(f"{table}_by_change_idx", table, ["tenant_id", "changed_xid"])
    op.execute(
        f"CREATE TRIGGER {table}_notes_change BEFORE INSERT OR UPDATE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION tandem_note_change()"
    )


def _items() -> None:
    op.create_table(
        "recon_item",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("comparison", sa.Text(collation="C"), nullable=False),
        sa.Column("natural_key", sa.Text(collation="C"), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("diff_minor", sa.BigInteger(), nullable=False),
        sa.Column("left_hash", sa.BigInteger(), nullable=True),
        sa.Column("right_hash", sa.BigInteger(), nullable=True),
        sa.Column("fault", postgresql.JSONB(), nullable=True),
        sa.Column("first_seen_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("last_seen_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("status IN ('matched', 'differs', 'settled', 'gone')", name=op.f("recon_item_status_check")),
        sa.CheckConstraint(
            "(status IN ('differs', 'settled')) = (fault IS NOT NULL)", name=op.f("recon_item_fault_check")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "comparison", "natural_key", name=op.f("recon_item_pkey")),
    )
    op.create_index(
        "recon_item_differs_idx",
        "recon_item",
        ["tenant_id", "comparison", "natural_key"],
        postgresql_where=sa.text("status = 'differs'"),
    )
    raise_wall("recon_item", operator="read")


def _watermarks() -> None:
    op.create_table(
        "recon_watermark",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("comparison", sa.Text(collation="C"), nullable=False),
        sa.Column("source", sa.Text(collation="C"), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("horizon", sa.BigInteger(), nullable=False),
        sa.Column("parked_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("parked_because", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "comparison", "source", name=op.f("recon_watermark_pkey")),
    )
    op.execute(
        "CREATE TRIGGER recon_watermark_notes_horizon BEFORE INSERT OR UPDATE ON recon_watermark "
        "FOR EACH ROW EXECUTE FUNCTION tandem_note_horizon()"
    )
    raise_wall("recon_watermark", operator="read")


def _runs() -> None:
    op.create_table(
        "recon_pass_run",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("comparison", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("checked_count", sa.BigInteger(), nullable=False),
        sa.Column("changed_count", sa.BigInteger(), nullable=False),
        sa.Column("new_count", sa.BigInteger(), nullable=False),
        sa.Column("open_count", sa.BigInteger(), nullable=False),
        sa.Column("is_parked", sa.Boolean(), nullable=False),
        sa.Column("rule_version", sa.BigInteger(), nullable=False),
        sa.Column("started_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("finished_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("mode IN ('full', 'incremental', 'day', 'told')", name=op.f("recon_pass_run_mode_check")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("recon_pass_run_pkey")),
    )
    op.create_index("recon_pass_run_by_time_idx", "recon_pass_run", ["tenant_id", "comparison", "finished_at", "id"])
    raise_wall("recon_pass_run", operator="read", append_only=True)
    refuse_changes("recon_pass_run")


def _widen_discrepancies() -> None:
    op.alter_column("discrepancy", "natural_key", type_=sa.Text(collation="C"))
    for name, kind in (("comparison", sa.Text(collation="C")), ("fault", sa.Text()), ("cause_group", sa.Text())):
        op.add_column("discrepancy", sa.Column(name, kind, server_default="", nullable=False))
    op.add_column("discrepancy", sa.Column("explained_by", sa.Text(), nullable=True))
    op.add_column("discrepancy", sa.Column("settled_by", sa.Text(), nullable=True))
    op.execute("UPDATE discrepancy SET fault = 'status', comparison = reconciliation_pass, cause_group = kind")
    op.execute("UPDATE discrepancy SET explained_by = 'operator' WHERE status = 'explained'")
    listed = ", ".join(f"'{each}'" for each in FAULTS)
    op.create_check_constraint(op.f("discrepancy_fault_check"), "discrepancy", f"fault IN ({listed})")
    op.drop_constraint(op.f("discrepancy_pass_check"), "discrepancy", type_="check")
    op.create_check_constraint(op.f("discrepancy_pass_check"), "discrepancy", f"reconciliation_pass IN ({PASSES})")
    op.create_index(
        "discrepancy_by_cause_idx", "discrepancy", ["tenant_id", "reconciliation_pass", "kind", "cause_group"]
    )
    op.create_index(
        "discrepancy_unresolved_idx",
        "discrepancy",
        ["tenant_id", "comparison", "natural_key"],
        postgresql_where=sa.text("status <> 'resolved'"),
    )
