"""Let employers dispute single figures of their statements, and say when a statement of theirs was paid."""

import sqlalchemy as sa
from alembic import op
from recording import record_posting_rules
from sqlalchemy.dialects import postgresql

revision = "l0620"
down_revision = "r0615"
branch_labels = None
depends_on = None

_MOMENT = postgresql.TIMESTAMP(timezone=True)
_ONE_OF_TWO = {
    "one_statement": "(statement_id IS NULL) <> (employer_statement_id IS NULL)",
    "programme": "(employer_statement_id IS NULL) = (programme_id IS NULL)",
}
# Four eyes across parties, also where our own code is broken: what the operator's database role may never write.
ACCEPTS = """
CREATE OR REPLACE FUNCTION tandem_operator_never_accepts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_user = 'tandem_operator' AND NEW.status = 'accepted'
        AND (NEW.proposed_party = 'operator' OR NEW.decided_party <> 'operator')
    THEN
        RAISE EXCEPTION 'the operator does not decide this: its own adjustment is accepted by the hospital or employer'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""
# Who raised a dispute ends it; the operator can only agree.
WITHDRAWS = """
CREATE FUNCTION tandem_operator_never_withdraws() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_user = 'tandem_operator' AND NEW.status IN ('moved', 'withdrawn') THEN
        RAISE EXCEPTION 'the operator does not decide this: a dispute is withdrawn by who raised it'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""
CONFIRMS = """
CREATE OR REPLACE FUNCTION tandem_operator_never_confirms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_user = 'tandem_operator' AND (
        (TG_OP = 'INSERT' AND (NEW.status <> 'draft' OR NEW.confirmed_at IS NOT NULL))
        OR (TG_OP = 'UPDATE' AND (NEW.confirmed_at IS DISTINCT FROM OLD.confirmed_at
            OR (NEW.status IS DISTINCT FROM OLD.status AND (OLD.status, NEW.status)
                NOT IN (('draft', 'proposed'), ('confirmed', 'paid'), ('paid', 'closed'))))))
    THEN
        RAISE EXCEPTION 'the operator does not decide this: an employer confirms its own statement'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""
# What was put before the employer says the same for ever; only the steps of both hands move.
FROZEN = (
    *("tenant_id", "id", "number", "currency", "first_day", "last_day", "period_start", "period_end", "cut_seq"),
    *("previous_cut_seq", "operator_cut_seq", "layout", "invoiced_minor", "paid_minor", "drawn_minor"),
    *("adjusted_minor", "open_minor", "unspent_minor", "document_sha256", "drafted_at"),
)


def upgrade() -> None:
    _disputes()
    _statements()
    record_posting_rules()


def downgrade() -> None:
    raise NotImplementedError("what was disputed and settled is not taken back: go forward with a new migration")


def _disputes() -> None:
    for table in ("line_dispute", "fee_adjustment"):
        op.alter_column(table, "statement_id", nullable=True)
        op.add_column(table, sa.Column("employer_statement_id", sa.Uuid(), nullable=True))
        op.add_column(table, sa.Column("programme_id", sa.Uuid(), nullable=True))
        op.create_foreign_key(
            op.f(f"{table}_employer_statement_fkey"),
            table,
            "employer_statement",
            ["tenant_id", "employer_statement_id"],
            ["tenant_id", "id"],
        )
        for name, condition in _ONE_OF_TWO.items():
            op.create_check_constraint(op.f(f"{table}_{name}_check"), table, condition)
    op.create_index(
        "line_dispute_open_of_employer_key",
        "line_dispute",
        ["tenant_id", "employer_statement_id", "programme_id", "kind"],
        unique=True,
        postgresql_where=sa.text("status = 'open'"),
    )
    for column in ("proposed_party", "decided_party"):
        name = op.f(f"fee_adjustment_{column}_check")
        op.drop_constraint(name, "fee_adjustment", type_="check")
        op.create_check_constraint(name, "fee_adjustment", f"{column} IN ('hospital', 'employer', 'operator')")
    op.execute(ACCEPTS)
    op.execute(WITHDRAWS)
    op.execute(
        "CREATE TRIGGER line_dispute_has_four_eyes BEFORE INSERT OR UPDATE ON line_dispute "
        "FOR EACH ROW EXECUTE FUNCTION tandem_operator_never_withdraws()"
    )


def _statements() -> None:
    for table, column in (
        ("employer_statement", sa.Column("layout", sa.BigInteger(), nullable=False, server_default="1")),
        ("employer_statement", sa.Column("adjusted_minor", sa.BigInteger(), nullable=False, server_default="0")),
        ("employer_statement_line", sa.Column("adjusted_minor", sa.BigInteger(), nullable=False, server_default="0")),
    ):
        op.add_column(table, column)
        op.alter_column(table, column.name, server_default=None)
    op.add_column("employer_statement", sa.Column("paid_at", _MOMENT, nullable=True))
    op.add_column("employer_statement", sa.Column("withheld_minor", sa.BigInteger(), nullable=True))
    op.drop_constraint(op.f("employer_statement_status_check"), "employer_statement", type_="check")
    op.create_check_constraint(
        op.f("employer_statement_status_check"),
        "employer_statement",
        "status IN ('draft', 'proposed', 'confirmed', 'paid', 'closed')",
    )
    op.execute(CONFIRMS)
    op.execute("DROP TRIGGER employer_statement_stays_as_said ON employer_statement")
    old, new = (", ".join(f"{side}.{column}" for column in FROZEN) for side in ("OLD", "NEW"))
    op.execute(
        "CREATE TRIGGER employer_statement_stays_as_said BEFORE UPDATE ON employer_statement FOR EACH ROW "
        f"WHEN (OLD.status <> 'draft' AND (({old}) IS DISTINCT FROM ({new}) OR NEW.status = 'draft')) "
        "EXECUTE FUNCTION tandem_refuse_rewriting()"
    )
