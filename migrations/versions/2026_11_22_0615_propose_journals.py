"""Propose journals: a difference says what would mend it; fapiao note their changes; rules of what is agreed."""

import sqlalchemy as sa
from alembic import op
from recording import record_posting_rules
from sqlalchemy.dialects import postgresql

revision = "r0615"
down_revision = "c0600"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("discrepancy", sa.Column("proposed_journal", postgresql.JSONB(), nullable=True))
    op.add_column("discrepancy", sa.Column("no_journal_because", sa.Text(), nullable=True))
    op.execute("UPDATE discrepancy SET no_journal_because = 'found_before'")
    op.create_check_constraint(
        op.f("discrepancy_journal_or_reason_check"),
        "discrepancy",
        "(proposed_journal IS NULL) = (no_journal_because IS NOT NULL)",
    )
    op.add_column("discrepancy_resolution", sa.Column("proposed_journal", postgresql.JSONB(), nullable=True))
    op.add_column("discrepancy_resolution", sa.Column("refused_because", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("discrepancy_resolution_one_journal_check"),
        "discrepancy_resolution",
        "proposed_journal IS NULL OR lines = '{}'",
    )
    op.create_check_constraint(
        op.f("discrepancy_resolution_booked_or_refused_check"),
        "discrepancy_resolution",
        "journal_id IS NULL OR refused_because IS NULL",
    )
    op.add_column("fapiao", sa.Column("changed_xid", sa.BigInteger(), server_default="0", nullable=False))
    op.create_index("fapiao_by_change_idx", "fapiao", ["tenant_id", "changed_xid"])
    op.execute(
        "CREATE TRIGGER fapiao_notes_change BEFORE INSERT OR UPDATE ON fapiao "
        "FOR EACH ROW EXECUTE FUNCTION tandem_note_change()"
    )
    record_posting_rules()


def downgrade() -> None:
    """Recorded rules stay: a version that was in force is never taken back."""
    op.execute("DROP TRIGGER fapiao_notes_change ON fapiao")
    op.drop_index("fapiao_by_change_idx", "fapiao")
    op.drop_column("fapiao", "changed_xid")
    for column in ("refused_because", "proposed_journal"):
        op.drop_column("discrepancy_resolution", column)
    for column in ("no_journal_because", "proposed_journal"):
        op.drop_column("discrepancy", column)
