"""Freeze what was said: issued invoices, statements put forward, and what an account is."""

from alembic import op

revision = "z0320"
down_revision = "r0310"
branch_labels = None
depends_on = None

REFUSE_REWRITING = """
CREATE FUNCTION tandem_refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'this row of % was given out: what it says never changes', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$
"""
# What paying, crediting, voiding and closing move is left out; a draft may still be written anew.
FROZEN = {
    "invoice": (
        "OLD.number IS NOT NULL",
        "OLD.status NOT IN ('draft', 'rated') AND NEW.status IN ('draft', 'rated')",
        (
            *("kind", "series", "number", "document_no", "chain_id", "corrects_id", "customer_id", "customer_kind"),
            *("programme_id", "contract_id", "first_day", "last_day", "due_on", "currency"),
            *("prices_include_tax", "tax_rounding", "net_minor", "tax_minor", "total_minor", "seller", "buyer"),
            *("created_at", "issued_at"),
        ),
    ),
    "settlement_statement": (
        "OLD.status <> 'draft'",
        "NEW.status = 'draft'",
        (
            *("number", "currency", "first_day", "last_day", "period_start", "period_end", "cut_seq"),
            *("previous_cut_seq", "layout", "visit_count", "gross_minor", "refunds_minor", "provider_fees_minor"),
            *("operator_fee_minor", "fee_waiting_before_minor", "fee_waiting_minor", "fees_in_dispute_minor"),
            *("payable_minor", "carried_in_minor", "due_to_operator_minor", "document_sha256"),
        ),
    ),
    "account": ("true", "false", ("book_id", "code", "party_id", "kind", "fund", "is_interparty")),
}


def upgrade() -> None:
    op.execute(REFUSE_REWRITING)
    for table, (given_out, taken_back, columns) in FROZEN.items():
        old, new = (
            ", ".join(f"{side}.{column}" for column in ("tenant_id", "id", *columns)) for side in ("OLD", "NEW")
        )
        op.execute(
            f"CREATE TRIGGER {table}_stays_as_said BEFORE UPDATE ON {table} FOR EACH ROW "
            f"WHEN ({given_out} AND (({old}) IS DISTINCT FROM ({new}) OR {taken_back})) "
            "EXECUTE FUNCTION tandem_refuse_rewriting()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_is_never_removed BEFORE DELETE ON {table} FOR EACH ROW "
            f"WHEN ({given_out}) EXECUTE FUNCTION tandem_refuse_rewriting()"
        )


def downgrade() -> None:
    for table in FROZEN:
        op.execute(f"DROP TRIGGER {table}_stays_as_said ON {table}")
        op.execute(f"DROP TRIGGER {table}_is_never_removed ON {table}")
    op.execute("DROP FUNCTION tandem_refuse_rewriting()")
