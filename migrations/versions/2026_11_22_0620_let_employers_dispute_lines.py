"""Let employers dispute single figures of their statements, and say when a statement of theirs was paid."""

from collections.abc import Sequence

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
THEIRS, OF_HOSPITALS = (
    "NEW.proposed_party = 'operator' OR NEW.decided_party <> 'operator'",
    "NEW.proposed_party <> 'hospital' OR NEW.decided_party <> 'operator'",
)
"""Whose adjustments the operator may not accept: now, and before employers had any."""
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
ADDED = {
    "employer_statement": ("layout", "adjusted_minor", "paid_at", "withheld_minor"),
    "employer_statement_line": ("adjusted_minor",),
}


def upgrade() -> None:
    _disputes()
    _statements()
    record_posting_rules()


def downgrade() -> None:
    """Only while no employer has disputed or settled: what was, the schema before has no words for."""
    used = sa.text(
        "SELECT EXISTS (SELECT 1 FROM line_dispute WHERE employer_statement_id IS NOT NULL) "
        "OR EXISTS (SELECT 1 FROM fee_adjustment WHERE employer_statement_id IS NOT NULL) "
        "OR EXISTS (SELECT 1 FROM employer_statement WHERE paid_at IS NOT NULL OR layout > 1)"
    )
    if op.get_bind().execute(used).scalar_one():
        raise NotImplementedError("what was disputed and settled is not taken back: go forward with a new migration")
    op.execute("DROP TRIGGER employer_statement_stays_as_said ON employer_statement")
    _freeze([column for column in FROZEN if column not in {"layout", "adjusted_minor"}])
    op.execute(CONFIRMS.replace("('confirmed', 'paid'), ('paid', 'closed')", "('confirmed', 'closed')"))
    _statuses("draft", "proposed", "confirmed", "closed")
    for table, columns in ADDED.items():
        for column in columns:
            op.drop_column(table, column)
    op.execute("DROP TRIGGER line_dispute_has_four_eyes ON line_dispute")
    op.execute("DROP FUNCTION tandem_operator_never_withdraws()")
    op.execute(ACCEPTS.replace(THEIRS, OF_HOSPITALS))
    _parties("hospital", "operator")
    for table in ("line_dispute", "fee_adjustment"):
        # What hangs on a column goes with it: its key, its checks, its index.
        op.execute(f"ALTER TABLE {table} DROP COLUMN programme_id CASCADE, DROP COLUMN employer_statement_id CASCADE")
        op.alter_column(table, "statement_id", nullable=False)


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
    _parties("hospital", "employer", "operator")
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
    _statuses("draft", "proposed", "confirmed", "paid", "closed")
    op.execute(CONFIRMS)
    op.execute("DROP TRIGGER employer_statement_stays_as_said ON employer_statement")
    _freeze(FROZEN)


def _parties(*parties: str) -> None:
    listed = ", ".join(f"'{party}'" for party in parties)
    for column in ("proposed_party", "decided_party"):
        name = op.f(f"fee_adjustment_{column}_check")
        op.drop_constraint(name, "fee_adjustment", type_="check")
        op.create_check_constraint(name, "fee_adjustment", f"{column} IN ({listed})")


def _statuses(*statuses: str) -> None:
    listed, name = ", ".join(f"'{status}'" for status in statuses), op.f("employer_statement_status_check")
    op.drop_constraint(name, "employer_statement", type_="check")
    op.create_check_constraint(name, "employer_statement", f"status IN ({listed})")


def _freeze(columns: Sequence[str]) -> None:
    old, new = (", ".join(f"{side}.{column}" for column in columns) for side in ("OLD", "NEW"))
    op.execute(
        "CREATE TRIGGER employer_statement_stays_as_said BEFORE UPDATE ON employer_statement FOR EACH ROW "
        f"WHEN (OLD.status <> 'draft' AND (({old}) IS DISTINCT FROM ({new}) OR NEW.status = 'draft')) "
        "EXECUTE FUNCTION tandem_refuse_rewriting()"
    )
