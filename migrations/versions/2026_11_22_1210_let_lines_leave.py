"""Let bank lines leave that are nobody's: by an exit of two people, which takes a part of the line and may give it back.

Forward only: a part that was given back stands behind the one that took it, and the old chain, in which a line is only
ever spent further, cannot say so. Journals are booked by the rules recorded here.
"""

import sqlalchemy as sa
from alembic import op
from recording import record_posting_rules
from sqlalchemy.dialects import postgresql
from walls import raise_wall

revision = "b1210"
down_revision = "w1147"
branch_labels = None
depends_on = None

MOMENT = postgresql.TIMESTAMP(timezone=True)
SIDES = ("bank", "payout", "invoice", "repayment", "exit")
EXIT_CHECKS = {
    "status": "status IN ('proposed', 'approved', 'undoing', 'kept', 'refused', 'undone', 'returned')",
    "reason": "reason IN ('return_to_sender', 'bank_charge', 'bank_interest', 'unexplained')",
    "currency": "currency IN ('CNY', 'HKD', 'JPY', 'KWD', 'USD')",
    "amount": "amount_minor <> 0",
    "outgoing": "amount_minor > 0 OR reason IN ('bank_charge', 'bank_interest')",
    "decided": "(status = 'proposed') = (decided_by IS NULL) AND (decided_by IS NULL) = (decided_at IS NULL)",
    "four_eyes": "status IN ('proposed', 'refused') OR decided_by <> proposed_by",
    "refused": "(status = 'refused') = (refused_because IS NOT NULL)",
    "undoing": "status NOT IN ('undoing', 'undone') OR num_nulls(undo_proposed_by, undo_because) = 0",
    "undone": (
        "status <> 'undone' OR (num_nulls(undo_decided_by, undone_at) = 0 AND undo_decided_by <> undo_proposed_by)"
    ),
    "returned": (
        "(status = 'returned') = (returned_line_id IS NOT NULL) AND num_nulls(returned_line_id, returned_on) <> 1"
    ),
    "returns": "status <> 'returned' OR reason = 'return_to_sender'",
}
PART_CHECKS = {
    "amount": "amount_minor <> 0 AND place > 0",
    "within_the_line": "taken_minor BETWEEN least(0, line_minor) AND greatest(0, line_minor)",
    "first_or_follows": "coalesce(follows_place, 0) = place - 1 AND (place > 1 OR taken_before_minor = 0)",
    "rule": "rule IN ('reference', 'manual', 'exit')",
    "invoice_or_exit": (
        "CASE WHEN rule = 'exit' THEN num_nulls(bank_line_exit_id, exit_minor) = 0 "
        "AND num_nonnulls(invoice_id, customer_id) = 0 AND amount_minor IN (exit_minor, -exit_minor) "
        "ELSE num_nonnulls(bank_line_exit_id, exit_minor) = 0 AND num_nulls(invoice_id, customer_id) = 0 "
        "AND amount_minor > 0 END"
    ),
}
FOUR_EYES = (
    "rule <> 'manual' OR (num_nulls(proposal_id, proposed_by, approved_by) = 0 AND approved_by <> proposed_by)"
)
SAID = (
    *("tenant_id", "id", "bank_line_id", "amount_minor", "currency", "reason", "because", "reference"),
    *("proposed_by", "proposed_at"),
)
PLACES = """
UPDATE bank_allocation a SET place = n.place, follows_place = nullif(n.place - 1, 0) FROM (
    SELECT tenant_id, id, row_number() OVER (PARTITION BY tenant_id, bank_line_id ORDER BY taken_minor) AS place
    FROM bank_allocation) n WHERE n.tenant_id = a.tenant_id AND n.id = a.id
"""


def upgrade() -> None:
    _exits()
    _parts()
    listed = ", ".join(f"'{side}'" for side in SIDES)
    op.drop_constraint(op.f("recon_claim_side_check"), "recon_claim")
    op.create_check_constraint(op.f("recon_claim_side_check"), "recon_claim", f"side IN ({listed})")
    record_posting_rules()


def _exits() -> None:
    op.create_table(
        "bank_line_exit",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("bank_line_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("proposed_at", MOMENT, nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("refused_because", sa.Text(), nullable=True),
        sa.Column("undo_because", sa.Text(), nullable=True),
        sa.Column("undo_proposed_by", sa.Uuid(), nullable=True),
        sa.Column("undo_decided_by", sa.Uuid(), nullable=True),
        sa.Column("undone_at", MOMENT, nullable=True),
        sa.Column("returned_line_id", sa.Uuid(), nullable=True),
        sa.Column("returned_on", sa.Date(), nullable=True),
        *(sa.CheckConstraint(sql, name=op.f(f"bank_line_exit_{name}_check")) for name, sql in EXIT_CHECKS.items()),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("bank_line_exit_pkey")),
        *(
            sa.ForeignKeyConstraint(
                ["tenant_id", column],
                ["bank_line.tenant_id", "bank_line.id"],
                name=op.f(f"bank_line_exit_{name}_fkey"),
            )
            for name, column in (("bank_line", "bank_line_id"), ("returned_line", "returned_line_id"))
        ),
        sa.UniqueConstraint("tenant_id", "reference", name=op.f("bank_line_exit_tenant_id_reference_key")),
        sa.UniqueConstraint("tenant_id", "id", "bank_line_id", "amount_minor", name=op.f("bank_line_exit_part_key")),
    )
    op.create_index("bank_line_exit_by_time_idx", "bank_line_exit", ["tenant_id", "proposed_at", "id"])
    op.create_index(
        "bank_line_exit_once_key",
        "bank_line_exit",
        ["tenant_id", "bank_line_id", "amount_minor"],
        unique=True,
        postgresql_where=sa.text("status NOT IN ('refused', 'undone')"),
    )
    op.create_index(
        "bank_line_exit_to_return_idx",
        "bank_line_exit",
        ["tenant_id", "decided_at", "id"],
        postgresql_where=sa.text("reason = 'return_to_sender' AND status IN ('approved', 'undoing', 'kept')"),
    )
    raise_wall("bank_line_exit", operator="write", deletable=False)
    old, new = (", ".join(f"{side}.{column}" for column in SAID) for side in ("OLD", "NEW"))
    op.execute(
        "CREATE TRIGGER bank_line_exit_stays_as_said BEFORE UPDATE ON bank_line_exit FOR EACH ROW "
        f"WHEN (({old}) IS DISTINCT FROM ({new})) EXECUTE FUNCTION tandem_refuse_rewriting()"
    )


def _parts() -> None:
    for column in ("place", "follows_place", "exit_minor"):
        op.add_column("bank_allocation", sa.Column(column, sa.BigInteger(), nullable=True))
    op.add_column("bank_allocation", sa.Column("bank_line_exit_id", sa.Uuid(), nullable=True))
    op.add_column("bank_allocation", sa.Column("changed_xid", sa.BigInteger(), server_default="0", nullable=False))
    # What was spent stays as it was; it is only told which part of its line it was.
    op.execute("ALTER TABLE bank_allocation DISABLE TRIGGER bank_allocation_is_append_only")
    # Not validated for what one hand spent before, it would still refuse to write that row anew.
    op.drop_constraint(op.f("bank_allocation_four_eyes_check"), "bank_allocation", type_="check")
    op.execute(PLACES)
    op.create_check_constraint(
        op.f("bank_allocation_four_eyes_check"), "bank_allocation", FOUR_EYES, postgresql_not_valid=True
    )
    op.execute("ALTER TABLE bank_allocation ENABLE TRIGGER bank_allocation_is_append_only")
    op.drop_constraint(op.f("bank_allocation_bank_allocation_fkey"), "bank_allocation", type_="foreignkey")
    for name in ("until_key", "from_key", "first_or_follows_check", "follows_without_a_gap_check"):
        op.drop_constraint(op.f(f"bank_allocation_{name}"), "bank_allocation")
    for name in ("amount_check", "within_the_line_check", "rule_check"):
        op.drop_constraint(op.f(f"bank_allocation_{name}"), "bank_allocation")
    op.drop_column("bank_allocation", "follows_minor")
    op.alter_column("bank_allocation", "place", nullable=False)
    for column in ("customer_id", "invoice_id"):
        op.alter_column("bank_allocation", column, nullable=True)
    for name, sql in PART_CHECKS.items():
        op.create_check_constraint(op.f(f"bank_allocation_{name}_check"), "bank_allocation", sql)
    line = ["tenant_id", "bank_line_id"]
    for name, columns in (("place", [*line, "place"]), ("until", [*line, "place", "taken_minor"])):
        op.create_unique_constraint(op.f(f"bank_allocation_{name}_key"), "bank_allocation", columns)
    op.create_unique_constraint(
        op.f("bank_allocation_exit_key"), "bank_allocation", ["tenant_id", "bank_line_exit_id", "amount_minor"]
    )
    op.create_foreign_key(
        op.f("bank_allocation_bank_allocation_fkey"),
        "bank_allocation",
        "bank_allocation",
        [*line, "follows_place", "taken_before_minor"],
        [*line, "place", "taken_minor"],
    )
    op.create_foreign_key(
        op.f("bank_allocation_bank_line_exit_fkey"),
        "bank_allocation",
        "bank_line_exit",
        ["tenant_id", "bank_line_exit_id", "bank_line_id", "exit_minor"],
        ["tenant_id", "id", "bank_line_id", "amount_minor"],
    )
    op.create_index("bank_allocation_by_change_idx", "bank_allocation", ["tenant_id", "changed_xid"])
    op.execute(
        "CREATE TRIGGER bank_allocation_notes_change BEFORE INSERT OR UPDATE ON bank_allocation "
        "FOR EACH ROW EXECUTE FUNCTION tandem_note_change()"
    )


def downgrade() -> None:
    raise NotImplementedError("what left a bank's line and came back is not forgotten: go forward with a new migration")
