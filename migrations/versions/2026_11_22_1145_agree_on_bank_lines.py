"""Agree on bank lines: what people say a line is for is proposed by one of them and approved by another."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from walls import raise_wall

revision = "b1145"
down_revision = "g0921"
branch_labels = None
depends_on = None

MOMENT = postgresql.TIMESTAMP(timezone=True)
CHECKS = {
    "status": "status IN ('proposed', 'approved', 'refused')",
    "target": "target IN ('invoice', 'payout')",
    "amount_positive": "amount_minor > 0",
    "decided": "(status = 'proposed') = (decided_by IS NULL) AND (decided_by IS NULL) = (decided_at IS NULL)",
    "four_eyes": "status <> 'approved' OR decided_by <> proposed_by",
    "refused": "(status = 'refused') = (refused_because IS NOT NULL)",
}
SAID = ("tenant_id", "id", "bank_line_id", "target", "parts", "amount_minor", "because", "proposed_by", "proposed_at")
FOUR_EYES = "rule <> 'manual' OR (num_nulls(proposal_id, proposed_by, approved_by) = 0 AND approved_by <> proposed_by)"


def upgrade() -> None:
    op.create_table(
        "bank_line_proposal",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("bank_line_id", sa.Uuid(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("parts", postgresql.JSONB(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("proposed_at", MOMENT, nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("refused_because", sa.Text(), nullable=True),
        *(sa.CheckConstraint(sql, name=op.f(f"bank_line_proposal_{name}_check")) for name, sql in CHECKS.items()),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("bank_line_proposal_pkey")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "bank_line_id"],
            ["bank_line.tenant_id", "bank_line.id"],
            name=op.f("bank_line_proposal_bank_line_fkey"),
        ),
    )
    op.create_index("bank_line_proposal_by_time_idx", "bank_line_proposal", ["tenant_id", "proposed_at", "id"])
    op.create_index(
        "bank_line_proposal_waiting_idx",
        "bank_line_proposal",
        ["tenant_id", "proposed_at", "id"],
        postgresql_where=sa.text("status = 'proposed'"),
    )
    raise_wall("bank_line_proposal", operator="write", deletable=False)
    old, new = (", ".join(f"{side}.{column}" for column in SAID) for side in ("OLD", "NEW"))
    op.execute(
        "CREATE TRIGGER bank_line_proposal_stays_as_said BEFORE UPDATE ON bank_line_proposal FOR EACH ROW "
        f"WHEN (({old}) IS DISTINCT FROM ({new})) EXECUTE FUNCTION tandem_refuse_rewriting()"
    )
    for column in ("proposal_id", "proposed_by", "approved_by"):
        op.add_column("bank_allocation", sa.Column(column, sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("bank_allocation_bank_line_proposal_fkey"),
        "bank_allocation",
        "bank_line_proposal",
        ["tenant_id", "proposal_id"],
        ["tenant_id", "id"],
    )
    # What one hand allocated before this day stays as it was done; nobody invents a second one for it.
    op.create_check_constraint(
        op.f("bank_allocation_four_eyes_check"), "bank_allocation", FOUR_EYES, postgresql_not_valid=True
    )


def downgrade() -> None:
    op.drop_constraint(op.f("bank_allocation_four_eyes_check"), "bank_allocation", type_="check")
    op.drop_constraint(op.f("bank_allocation_bank_line_proposal_fkey"), "bank_allocation", type_="foreignkey")
    for column in ("approved_by", "proposed_by", "proposal_id"):
        op.drop_column("bank_allocation", column)
    op.drop_table("bank_line_proposal")
