"""Book groups: a resolution of one cause names its differences, each with the journal that was agreed for it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from walls import raise_wall

revision = "g0921"
down_revision = "f0900"
branch_labels = None
depends_on = None

CHECKS = {
    "booked_or_refused": "journal_id IS NULL OR refused_because IS NULL",
    "settled_first": "is_settled OR (journal_id IS NULL AND refused_because IS NULL)",
    "as_proposed": "proposed_journal IS NOT NULL OR journal_id IS NULL",
}
# What was proposed before booked nothing; it is about what is unresolved of its cause today.
PROPOSED_BEFORE = """
INSERT INTO resolution_member (tenant_id, resolution_id, discrepancy_id, is_settled)
SELECT r.tenant_id, r.id, d.id, false FROM discrepancy_resolution r JOIN discrepancy d
ON d.tenant_id = r.tenant_id AND d.reconciliation_pass = r.reconciliation_pass AND d.kind = r.kind
AND d.cause_group = r.cause_group AND d.status <> 'resolved'
WHERE r.status = 'proposed' AND r.cause_group IS NOT NULL
"""


def upgrade() -> None:
    op.add_column("discrepancy_resolution", sa.Column("member_count", sa.BigInteger(), nullable=True))
    op.create_table(
        "resolution_member",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("resolution_id", sa.Uuid(), nullable=False),
        sa.Column("discrepancy_id", sa.Uuid(), nullable=False),
        sa.Column("proposed_journal", postgresql.JSONB(), nullable=True),
        sa.Column("is_settled", sa.Boolean(), nullable=False),
        sa.Column("journal_id", sa.Uuid(), nullable=True),
        sa.Column("refused_because", sa.Text(), nullable=True),
        *(sa.CheckConstraint(sql, name=op.f(f"resolution_member_{name}_check")) for name, sql in CHECKS.items()),
        sa.PrimaryKeyConstraint("tenant_id", "resolution_id", "discrepancy_id", name=op.f("resolution_member_pkey")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "resolution_id"],
            ["discrepancy_resolution.tenant_id", "discrepancy_resolution.id"],
            name=op.f("resolution_member_discrepancy_resolution_fkey"),
        ),
    )
    op.create_index(
        "resolution_member_to_book_idx",
        "resolution_member",
        ["tenant_id", "resolution_id", "discrepancy_id"],
        postgresql_where=sa.text(
            "is_settled AND proposed_journal IS NOT NULL AND journal_id IS NULL AND refused_because IS NULL"
        ),
    )
    op.execute(PROPOSED_BEFORE)
    op.execute(
        "UPDATE discrepancy_resolution r SET member_count = (SELECT count(*) FROM resolution_member m "
        "WHERE m.tenant_id = r.tenant_id AND m.resolution_id = r.id) WHERE r.cause_group IS NOT NULL"
    )
    raise_wall("resolution_member", operator="write", deletable=False)


def downgrade() -> None:
    op.drop_table("resolution_member")
    op.drop_column("discrepancy_resolution", "member_count")
