"""Settle line by line: fees beyond caps, refund windows, disputes, adjustments, carries.

Forward only: decisions, disputes and adjustments that two parties signed live in these tables, and journals are
booked by the rules recorded here; what was settled is not taken back by dropping its evidence.
"""

import sqlalchemy as sa
from alembic import op
from recording import record_posting_rules
from sqlalchemy.dialects import postgresql
from walls import raise_wall, refuse_changes

revision = "s0230"
down_revision = "i0225"
branch_labels = None
depends_on = None

# Four eyes across parties, also where our own code is broken: what the operator's database role may never write.
FOUR_EYES = """
CREATE FUNCTION tandem_operator_never_{name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_user = 'tandem_operator' AND {when} THEN
        RAISE EXCEPTION 'the operator does not decide this: {why}' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""
GUARDED = (
    ("fee_decision", "grants", "NEW.decision <> 'waived'", "a fee beyond a cap is granted by the hospital"),
    (
        "fee_adjustment",
        "accepts",
        "NEW.status = 'accepted' AND (NEW.proposed_party <> 'hospital' OR NEW.decided_party <> 'operator')",
        "its own adjustment is accepted by the hospital",
    ),
)
CAPS = "'zero_on_medical', 'percent', 'per_visit', 'per_programme', 'net'"
STATES = "'draft', 'parked', 'proposed', 'disputed', 'confirmed', 'paid', 'closed'"


def upgrade() -> None:
    op.create_table(
        "line_dispute",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("statement_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("withheld_minor", sa.BigInteger(), nullable=False),
        sa.Column("is_withheld", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("evidence_sha256", sa.Text(), nullable=True),
        sa.Column("raised_by", sa.Uuid(), nullable=True),
        sa.Column("raised_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.Column("resolved_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("evidence_sha256 ~ '^[0-9a-f]{64}$'", name=op.f("line_dispute_evidence_check")),
        sa.CheckConstraint(
            "status IN ('open', 'agreed', 'moved', 'withdrawn')", name=op.f("line_dispute_status_check")
        ),
        sa.CheckConstraint("withheld_minor >= 0", name=op.f("line_dispute_withheld_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "statement_id"],
            ["settlement_statement.tenant_id", "settlement_statement.id"],
            name=op.f("line_dispute_settlement_statement_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("line_dispute_pkey")),
    )
    op.create_index(
        "line_dispute_open_key",
        "line_dispute",
        ["tenant_id", "statement_id", "kind"],
        unique=True,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_table(
        "fee_adjustment",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("statement_id", sa.Uuid(), nullable=False),
        sa.Column("line_dispute_id", sa.Uuid(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("proposed_party", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=True),
        sa.Column("proposed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("decided_party", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "decided_party IN ('hospital', 'operator')", name=op.f("fee_adjustment_decided_party_check")
        ),
        sa.CheckConstraint(
            "proposed_party IN ('hospital', 'operator')", name=op.f("fee_adjustment_proposed_party_check")
        ),
        sa.CheckConstraint(
            "status <> 'accepted' OR decided_party <> proposed_party",
            name=op.f("fee_adjustment_other_party_accepts_check"),
        ),
        sa.CheckConstraint(
            "status = 'proposed' OR decided_party IS NOT NULL", name=op.f("fee_adjustment_decided_check")
        ),
        sa.CheckConstraint(
            "status IN ('proposed', 'accepted', 'declined', 'withdrawn')", name=op.f("fee_adjustment_status_check")
        ),
        sa.CheckConstraint("amount_minor <> 0", name=op.f("fee_adjustment_amount_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "line_dispute_id"],
            ["line_dispute.tenant_id", "line_dispute.id"],
            name=op.f("fee_adjustment_line_dispute_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "statement_id"],
            ["settlement_statement.tenant_id", "settlement_statement.id"],
            name=op.f("fee_adjustment_settlement_statement_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("fee_adjustment_pkey")),
    )
    op.create_table(
        "fee_decision",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("fee_accrual_id", sa.Uuid(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("booked_minor", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("decision IN ('granted', 'waived')", name=op.f("fee_decision_decision_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "fee_accrual_id"],
            ["fee_accrual.tenant_id", "fee_accrual.id"],
            name=op.f("fee_decision_fee_accrual_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("fee_decision_pkey")),
        sa.UniqueConstraint("tenant_id", "fee_accrual_id", name=op.f("fee_decision_tenant_id_fee_accrual_id_key")),
    )
    op.create_table(
        "settlement_carry",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("from_id", sa.Uuid(), nullable=False),
        sa.Column("to_id", sa.Uuid(), nullable=False),
        sa.Column("line_dispute_id", sa.Uuid(), nullable=True),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("because IN ('disputed', 'carried_forward')", name=op.f("settlement_carry_because_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "from_id"],
            ["settlement_statement.tenant_id", "settlement_statement.id"],
            name="settlement_carry_from_fkey",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "line_dispute_id"],
            ["line_dispute.tenant_id", "line_dispute.id"],
            name=op.f("settlement_carry_line_dispute_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "to_id"],
            ["settlement_statement.tenant_id", "settlement_statement.id"],
            name="settlement_carry_to_fkey",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("settlement_carry_pkey")),
        sa.UniqueConstraint(
            "tenant_id",
            "from_id",
            "line_dispute_id",
            name=op.f("settlement_carry_tenant_id_from_id_line_dispute_id_key"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index("settlement_carry_by_statement", "settlement_carry", ["tenant_id", "to_id"], unique=False)
    op.add_column("fee_accrual", sa.Column("disputed_minor", sa.BigInteger(), nullable=False, server_default="0"))
    op.alter_column("fee_accrual", "disputed_minor", server_default=None)
    op.add_column("fee_accrual", sa.Column("programme_fees_before_minor", sa.BigInteger(), nullable=True))
    op.create_index("fee_accrual_by_payable", "fee_accrual", ["tenant_id", "payable_from"], unique=False)
    op.create_index(
        "fee_accrual_by_programme",
        "fee_accrual",
        ["tenant_id", "programme_id"],
        unique=False,
        postgresql_where=sa.text("programme_id IS NOT NULL"),
    )
    op.create_index(
        "fee_accrual_disputed",
        "fee_accrual",
        ["tenant_id", "id"],
        unique=False,
        postgresql_where=sa.text("disputed_minor > 0"),
    )
    op.add_column("fee_reversal", sa.Column("cause", sa.Text(), nullable=False, server_default="refund"))
    op.alter_column("fee_reversal", "cause", server_default=None)
    op.add_column("fee_reversal", sa.Column("asked_minor", sa.BigInteger(), nullable=True))
    op.add_column("fee_reversal", sa.Column("excess_minor", sa.BigInteger(), nullable=False, server_default="0"))
    op.alter_column("fee_reversal", "excess_minor", server_default=None)
    op.add_column("settlement_line", sa.Column("late_minor", sa.BigInteger(), nullable=False, server_default="0"))
    op.alter_column("settlement_line", "late_minor", server_default=None)
    op.add_column("settlement_line", sa.Column("is_memo", sa.Boolean(), nullable=False, server_default="false"))
    op.alter_column("settlement_line", "is_memo", server_default=None)
    op.add_column("settlement_statement", sa.Column("layout", sa.BigInteger(), nullable=False, server_default="1"))
    op.alter_column("settlement_statement", "layout", server_default=None)
    op.add_column(
        "settlement_statement",
        sa.Column("fee_waiting_before_minor", sa.BigInteger(), nullable=False, server_default="0"),
    )
    op.alter_column("settlement_statement", "fee_waiting_before_minor", server_default=None)
    op.add_column(
        "settlement_statement", sa.Column("fee_waiting_minor", sa.BigInteger(), nullable=False, server_default="0")
    )
    op.alter_column("settlement_statement", "fee_waiting_minor", server_default=None)
    op.add_column(
        "settlement_statement", sa.Column("fees_in_dispute_minor", sa.BigInteger(), nullable=False, server_default="0")
    )
    op.alter_column("settlement_statement", "fees_in_dispute_minor", server_default=None)
    op.add_column(
        "settlement_statement", sa.Column("carried_in_minor", sa.BigInteger(), nullable=False, server_default="0")
    )
    op.alter_column("settlement_statement", "carried_in_minor", server_default=None)
    op.add_column("settlement_statement", sa.Column("paid_minor", sa.BigInteger(), nullable=True))
    op.add_column("settlement_statement", sa.Column("parked_reason", sa.Text(), nullable=True))
    _check_again("fee_accrual", "cap", f"cap IN ({CAPS})")
    op.create_check_constraint(op.f("fee_accrual_disputed_check"), "fee_accrual", "disputed_minor >= 0")
    op.create_check_constraint(op.f("fee_reversal_cause_check"), "fee_reversal", "cause IN ('refund', 'dispute')")
    _check_again("settlement_statement", "status", f"status IN ({STATES})")
    for table in ("line_dispute", "fee_adjustment", "fee_decision"):
        raise_wall(table, operator="write")
    raise_wall("settlement_carry", operator="write", append_only=True)
    refuse_changes("settlement_carry")
    for table, name, when, why in GUARDED:
        op.execute(FOUR_EYES.format(name=name, when=when, why=why))
        op.execute(
            f"CREATE TRIGGER {table}_has_four_eyes BEFORE INSERT OR UPDATE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION tandem_operator_never_{name}()"
        )
    record_posting_rules()


def downgrade() -> None:
    raise NotImplementedError("what was metered, rated and settled is not taken back: go forward with a new migration")


def _check_again(table: str, name: str, condition: str) -> None:
    op.drop_constraint(op.f(f"{table}_{name}_check"), table, type_="check")
    op.create_check_constraint(op.f(f"{table}_{name}_check"), table, condition)
