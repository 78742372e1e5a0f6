"""Tell employers in sums what they prepaid, what was drawn, and what is left."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from walls import raise_wall, refuse_changes

revision = "e0345"
down_revision = "z0320"
branch_labels = None
depends_on = None

_MOMENT = postgresql.TIMESTAMP(timezone=True)
# An employer's statement is signed by the employer: the operator's role can neither write nor move that signature.
NEVER_CONFIRMS = """
CREATE FUNCTION tandem_operator_never_confirms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_user = 'tandem_operator' AND (
        (TG_OP = 'INSERT' AND (NEW.status <> 'draft' OR NEW.confirmed_at IS NOT NULL))
        OR (TG_OP = 'UPDATE' AND (NEW.confirmed_at IS DISTINCT FROM OLD.confirmed_at
            OR (NEW.status IS DISTINCT FROM OLD.status
                AND (OLD.status, NEW.status) NOT IN (('draft', 'proposed'), ('confirmed', 'closed'))))))
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
    *("previous_cut_seq", "operator_cut_seq", "invoiced_minor", "paid_minor", "drawn_minor", "open_minor"),
    *("unspent_minor", "document_sha256", "drafted_at"),
)


def upgrade() -> None:
    _statements()
    _lines()
    raise_wall("employer_statement", operator="write")
    raise_wall("employer_statement_line", operator="write", append_only=True)
    refuse_changes("employer_statement_line")
    op.execute(NEVER_CONFIRMS)
    op.execute(
        "CREATE TRIGGER employer_statement_has_four_eyes BEFORE INSERT OR UPDATE ON employer_statement "
        "FOR EACH ROW EXECUTE FUNCTION tandem_operator_never_confirms()"
    )
    old, new = (", ".join(f"{side}.{column}" for column in FROZEN) for side in ("OLD", "NEW"))
    op.execute(
        "CREATE TRIGGER employer_statement_stays_as_said BEFORE UPDATE ON employer_statement FOR EACH ROW "
        f"WHEN (OLD.status <> 'draft' AND (({old}) IS DISTINCT FROM ({new}) OR NEW.status = 'draft')) "
        "EXECUTE FUNCTION tandem_refuse_rewriting()"
    )
    op.execute(
        "CREATE TRIGGER employer_statement_is_never_removed BEFORE DELETE ON employer_statement FOR EACH ROW "
        "WHEN (OLD.status <> 'draft') EXECUTE FUNCTION tandem_refuse_rewriting()"
    )


def downgrade() -> None:
    op.drop_table("employer_statement_line")
    op.drop_table("employer_statement")
    op.execute("DROP FUNCTION tandem_operator_never_confirms()")


def _statements() -> None:
    op.create_table(
        "employer_statement",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("period_start", _MOMENT, nullable=False),
        sa.Column("period_end", _MOMENT, nullable=False),
        sa.Column("cut_seq", sa.BigInteger(), nullable=False),
        sa.Column("previous_cut_seq", sa.BigInteger(), nullable=False),
        sa.Column("operator_cut_seq", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("invoiced_minor", sa.BigInteger(), nullable=False),
        sa.Column("paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("drawn_minor", sa.BigInteger(), nullable=False),
        sa.Column("open_minor", sa.BigInteger(), nullable=False),
        sa.Column("unspent_minor", sa.BigInteger(), nullable=False),
        sa.Column("document_sha256", sa.Text(), nullable=False),
        sa.Column("drafted_at", _MOMENT, nullable=False),
        sa.Column("proposed_at", _MOMENT, nullable=True),
        sa.Column("confirmed_at", _MOMENT, nullable=True),
        sa.Column("closed_at", _MOMENT, nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "currency IN ('CNY', 'EUR', 'HKD', 'JPY', 'KWD', 'USD')", name=op.f("employer_statement_currency_check")
        ),
        sa.CheckConstraint(
            "status IN ('draft', 'proposed', 'confirmed', 'closed')", name=op.f("employer_statement_status_check")
        ),
        sa.CheckConstraint("cut_seq >= previous_cut_seq", name=op.f("employer_statement_cut_check")),
        sa.CheckConstraint("period_start < period_end", name=op.f("employer_statement_period_check")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("employer_statement_pkey")),
        sa.UniqueConstraint(
            "tenant_id", "currency", "number", name=op.f("employer_statement_tenant_id_currency_number_key")
        ),
        sa.UniqueConstraint(
            "tenant_id", "currency", "period_end", name=op.f("employer_statement_tenant_id_currency_period_end_key")
        ),
    )


def _lines() -> None:
    op.create_table(
        "employer_statement_line",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("statement_id", sa.Uuid(), nullable=False),
        sa.Column("line_no", sa.BigInteger(), nullable=False),
        sa.Column("programme_id", sa.Uuid(), nullable=False),
        sa.Column("drawn_after_seq", sa.BigInteger(), nullable=False),
        sa.Column("drawn_since", _MOMENT, nullable=True),
        sa.Column("is_told", sa.Boolean(), nullable=False),
        sa.Column("invoiced_minor", sa.BigInteger(), nullable=False),
        sa.Column("paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("units_drawn", sa.BigInteger(), nullable=True),
        sa.Column("drawn_minor", sa.BigInteger(), nullable=True),
        sa.Column("open_minor", sa.BigInteger(), nullable=False),
        sa.Column("unspent_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.CheckConstraint("is_told = (drawn_minor IS NOT NULL)", name=op.f("employer_statement_line_told_check")),
        sa.CheckConstraint(
            "(drawn_minor IS NULL) = (units_drawn IS NULL)", name=op.f("employer_statement_line_units_check")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "statement_id"],
            ["employer_statement.tenant_id", "employer_statement.id"],
            name=op.f("employer_statement_line_employer_statement_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("employer_statement_line_pkey")),
        sa.UniqueConstraint(
            "tenant_id",
            "statement_id",
            "programme_id",
            name=op.f("employer_statement_line_tenant_id_statement_id_programme_id_key"),
        ),
    )
