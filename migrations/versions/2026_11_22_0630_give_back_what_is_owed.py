"""Give back what is owed: to customers by repayments, of prepayments by closings, to hospitals by who bears care."""

import sqlalchemy as sa
from alembic import op
from recording import record_posting_rules
from sqlalchemy.dialects import postgresql
from walls import raise_wall, refuse_changes

revision = "c0630"
down_revision = "u0625"
branch_labels = None
depends_on = None

_MOMENT = postgresql.TIMESTAMP(timezone=True)
SIDES = ("bank", "payout", "invoice", "repayment")
# What becomes of an employer's rest is the employer's word: the operator's role can neither write nor move it.
NEVER_DECIDES = """
CREATE FUNCTION tandem_operator_never_decides() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_user = 'tandem_operator' AND (TG_OP = 'UPDATE' OR NEW.status <> 'proposed') THEN
        RAISE EXCEPTION 'the operator does not decide this: an employer decides on its own rest'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""
# What was proposed says the same for ever; only its steps move.
SAID = {
    "prepayment_closing": (
        *("tenant_id", "id", "programme_id", "policy", "following_programme_id", "unused_minor", "currency"),
        *("proposed_by", "proposed_at"),
    ),
    "repayment": (
        *("tenant_id", "id", "invoice_id", "prepayment_closing_id", "method", "invoice_intent_id", "amount_minor"),
        *("currency", "because", "payee_name", "payee_bank", "payee_account", "reference", "proposed_by"),
        "proposed_at",
    ),
}


def upgrade() -> None:
    _prepayment_closing()
    _repayment()
    _waiver_receipt()
    raise_wall("prepayment_closing", operator="write", deletable=False)
    raise_wall("repayment", operator="write", deletable=False)
    raise_wall("waiver_receipt", operator="read", append_only=True)
    refuse_changes("waiver_receipt")
    op.execute(NEVER_DECIDES)
    op.execute(
        "CREATE TRIGGER prepayment_closing_has_four_eyes BEFORE INSERT OR UPDATE ON prepayment_closing "
        "FOR EACH ROW EXECUTE FUNCTION tandem_operator_never_decides()"
    )
    for table, columns in SAID.items():
        old, new = (", ".join(f"{side}.{column}" for column in columns) for side in ("OLD", "NEW"))
        op.execute(
            f"CREATE TRIGGER {table}_stays_as_said BEFORE UPDATE ON {table} FOR EACH ROW "
            f"WHEN (({old}) IS DISTINCT FROM ({new})) EXECUTE FUNCTION tandem_refuse_rewriting()"
        )
    _claim_sides(SIDES)
    record_posting_rules()


def downgrade() -> None:
    """Recorded posting rules stay: what is recorded is never taken back."""
    op.execute("DELETE FROM recon_claim WHERE side = 'repayment'")
    _claim_sides(SIDES[:-1])
    op.drop_table("waiver_receipt")
    op.drop_table("repayment")
    op.drop_table("prepayment_closing")
    op.execute("DROP FUNCTION tandem_operator_never_decides()")


def _claim_sides(sides: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{side}'" for side in sides)
    op.drop_constraint(op.f("recon_claim_side_check"), "recon_claim")
    op.create_check_constraint(op.f("recon_claim_side_check"), "recon_claim", f"side IN ({listed})")


def _prepayment_closing() -> None:
    op.create_table(
        "prepayment_closing",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("programme_id", sa.Uuid(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("following_programme_id", sa.Uuid(), nullable=True),
        sa.Column("unused_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=True),
        sa.Column("proposed_at", _MOMENT, nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", _MOMENT, nullable=True),
        sa.CheckConstraint(
            "(policy = 'rolled_over') = (following_programme_id IS NOT NULL)",
            name=op.f("prepayment_closing_following_named_check"),
        ),
        sa.CheckConstraint(
            "(status = 'proposed') = (decided_at IS NULL)", name=op.f("prepayment_closing_decided_check")
        ),
        sa.CheckConstraint(
            "currency IN ('CNY', 'EUR', 'HKD', 'JPY', 'KWD', 'USD')", name=op.f("prepayment_closing_currency_check")
        ),
        sa.CheckConstraint("policy IN ('refunded', 'rolled_over')", name=op.f("prepayment_closing_policy_check")),
        sa.CheckConstraint(
            "status IN ('proposed', 'accepted', 'declined')", name=op.f("prepayment_closing_status_check")
        ),
        sa.CheckConstraint(
            "following_programme_id <> programme_id", name=op.f("prepayment_closing_following_another_check")
        ),
        sa.CheckConstraint("unused_minor > 0", name=op.f("prepayment_closing_unused_check")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("prepayment_closing_pkey")),
    )
    op.create_index(
        "prepayment_closing_by_time", "prepayment_closing", ["tenant_id", "proposed_at", "id"], unique=False
    )
    op.create_index(
        "prepayment_closing_once_key",
        "prepayment_closing",
        ["tenant_id", "programme_id", "currency"],
        unique=True,
        postgresql_where=sa.text("status <> 'declined'"),
    )


def _repayment() -> None:
    op.create_table(
        "repayment",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=True),
        sa.Column("prepayment_closing_id", sa.Uuid(), nullable=True),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("invoice_intent_id", sa.Uuid(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("payee_name", sa.Text(), nullable=True),
        sa.Column("payee_bank", sa.Text(), nullable=True),
        sa.Column("payee_account", sa.Text(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("proposed_at", _MOMENT, nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", _MOMENT, nullable=True),
        sa.Column("asked_at", _MOMENT, nullable=True),
        sa.Column("provider_refund_id", sa.Text(), nullable=True),
        sa.Column("failure_code", sa.Text(), nullable=True),
        sa.Column("paid_on", sa.Date(), nullable=True),
        sa.Column("bank_reference", sa.Text(), nullable=True),
        sa.Column("is_posted", sa.Boolean(), nullable=False),
        sa.Column("is_returned", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "(method = 'refund') = (invoice_intent_id IS NOT NULL)", name=op.f("repayment_refund_of_an_attempt_check")
        ),
        sa.CheckConstraint("(status = 'proposed') = (decided_at IS NULL)", name=op.f("repayment_decided_check")),
        sa.CheckConstraint(
            "currency IN ('CNY', 'EUR', 'HKD', 'JPY', 'KWD', 'USD')", name=op.f("repayment_currency_check")
        ),
        sa.CheckConstraint(
            "method = 'refund' OR (payee_name IS NOT NULL AND payee_bank IS NOT NULL AND payee_account IS NOT NULL)",
            name=op.f("repayment_payee_check"),
        ),
        sa.CheckConstraint("method IN ('refund', 'bank_transfer')", name=op.f("repayment_method_check")),
        sa.CheckConstraint(
            "status IN ('proposed', 'approved', 'paid', 'refused', 'failed')", name=op.f("repayment_status_check")
        ),
        sa.CheckConstraint(
            "status IN ('proposed', 'refused') OR decided_by <> proposed_by", name=op.f("repayment_four_eyes_check")
        ),
        sa.CheckConstraint(
            "(invoice_id IS NULL) <> (prepayment_closing_id IS NULL)", name=op.f("repayment_for_one_thing_check")
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("repayment_amount_positive_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "invoice_id"], ["invoice.tenant_id", "invoice.id"], name=op.f("repayment_invoice_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "invoice_intent_id"],
            ["invoice_intent.tenant_id", "invoice_intent.id"],
            name=op.f("repayment_invoice_intent_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "prepayment_closing_id"],
            ["prepayment_closing.tenant_id", "prepayment_closing.id"],
            name=op.f("repayment_prepayment_closing_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("repayment_pkey")),
        sa.UniqueConstraint("tenant_id", "provider_refund_id", name=op.f("repayment_tenant_id_provider_refund_id_key")),
        sa.UniqueConstraint("tenant_id", "reference", name=op.f("repayment_tenant_id_reference_key")),
    )
    op.create_index("repayment_by_invoice", "repayment", ["tenant_id", "invoice_id"], unique=False)
    op.create_index("repayment_by_time", "repayment", ["tenant_id", "proposed_at", "id"], unique=False)
    op.create_index(
        "repayment_waiting_idx",
        "repayment",
        ["tenant_id", "proposed_at"],
        unique=False,
        postgresql_where=sa.text("status = 'approved'"),
    )


def _waiver_receipt() -> None:
    op.create_table(
        "waiver_receipt",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("waiver_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", _MOMENT, nullable=False),
        sa.CheckConstraint(
            "currency IN ('CNY', 'EUR', 'HKD', 'JPY', 'KWD', 'USD')", name=op.f("waiver_receipt_currency_check")
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("waiver_receipt_amount_positive_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "waiver_id"], ["waiver.tenant_id", "waiver.id"], name=op.f("waiver_receipt_waiver_fkey")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("waiver_receipt_pkey")),
        sa.UniqueConstraint(
            "tenant_id", "waiver_id", "reference", name=op.f("waiver_receipt_tenant_id_waiver_id_reference_key")
        ),
    )
