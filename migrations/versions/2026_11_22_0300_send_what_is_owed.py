"""Send what is owed: transfers with the provider's limits, and traffic fees.

Forward only: a transfer that has left and a traffic fee that was claimed live in these tables alone on our side, and
agreements are frozen with the fee in their terms; dropped, money would be sent twice.
"""

import sqlalchemy as sa
from alembic import op
from recording import record_posting_rules
from sqlalchemy.dialects import postgresql
from walls import leave_open, raise_wall

revision = "s0300"
down_revision = "i0245"
branch_labels = None
depends_on = None

# As before, with the traffic fee among the terms that freeze with the proposal.
KEEP_TERMS = """
CREATE OR REPLACE FUNCTION agreement_version_keep_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'draft' THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF TG_OP = 'DELETE'
        OR (NEW.number, NEW.currency, NEW.percent_of_net, NEW.per_visit_minor, NEW.monthly_minor, NEW.cap_percent,
            NEW.cap_per_visit_minor, NEW.cap_per_programme_minor, NEW.zero_on_medical, NEW.traffic_per_visit_minor, NEW.refund_window_days)
        IS DISTINCT FROM
           (OLD.number, OLD.currency, OLD.percent_of_net, OLD.per_visit_minor, OLD.monthly_minor, OLD.cap_percent,
            OLD.cap_per_visit_minor, OLD.cap_per_programme_minor, OLD.zero_on_medical, OLD.traffic_per_visit_minor, OLD.refund_window_days)
        OR (OLD.effective_from IS NOT NULL
            AND (NEW.effective_from, NEW.terms_sha256) IS DISTINCT FROM (OLD.effective_from, OLD.terms_sha256))
        OR (OLD.effective_until IS NOT NULL AND NEW.effective_until IS DISTINCT FROM OLD.effective_until)
    THEN
        RAISE EXCEPTION 'terms that were proposed are immutable: draft a new version' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""
WECHAT = "WeChat Pay profit sharing, pay.weixin.qq.com/doc, as read for money.md 2.5; unconfirmed since"
STRIPE = "docs.stripe.com/connect/separate-charges-and-transfers, as read for money.md 2.5; unconfirmed since"
LIMITS = (
    ("wechat_pay", "split_ratio", "0.3", "share of the order", WECHAT),
    ("wechat_pay", "split_days", "30", "days from payment", WECHAT),
    ("wechat_pay", "splits_per_order", "50", "splits", WECHAT),
    ("wechat_pay", "return_days", "180", "days from the split", WECHAT),
    ("wechat_pay", "returns_per_receiver", "20", "returns", WECHAT),
    ("wechat_pay", "refund_from_unsplit", "1", "yes", WECHAT),
    ("stripe", "split_ratio", "1", "share of the order", STRIPE),
)
"""Limits as they were when this was written; a later one is a row with its day, inserted by the operator."""


def upgrade() -> None:
    op.create_table(
        "provider_limit",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("effective_to", sa.Date(), nullable=True),
        sa.Column("value", sa.Numeric(precision=20, scale=10), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "effective_to IS NULL OR effective_to > effective_from", name=op.f("provider_limit_dates_check")
        ),
        sa.CheckConstraint("value >= 0", name=op.f("provider_limit_value_check")),
        sa.PrimaryKeyConstraint("provider", "name", "effective_from", name=op.f("provider_limit_pkey")),
    )
    op.create_table(
        "settlement_transfer",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("statement_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("provider_transfer_id", sa.Text(), nullable=True),
        sa.Column("failure_code", sa.Text(), nullable=True),
        sa.Column("reversed_minor", sa.BigInteger(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("asked_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("sent_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "currency IN ('CNY', 'EUR', 'HKD', 'JPY', 'KWD', 'USD')", name=op.f("settlement_transfer_currency_check")
        ),
        sa.CheckConstraint(
            "status IN ('asked', 'sent', 'failed', 'reversed')", name=op.f("settlement_transfer_status_check")
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("settlement_transfer_amount_check")),
        sa.CheckConstraint(
            "reversed_minor BETWEEN 0 AND amount_minor", name=op.f("settlement_transfer_reversed_check")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "statement_id"],
            ["settlement_statement.tenant_id", "settlement_statement.id"],
            name=op.f("settlement_transfer_settlement_statement_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("settlement_transfer_pkey")),
    )
    op.create_index(
        "settlement_transfer_live_key",
        "settlement_transfer",
        ["tenant_id", "statement_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('asked', 'sent')"),
    )
    op.create_index(
        "settlement_transfer_waiting",
        "settlement_transfer",
        ["created_at", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'asked'"),
    )
    op.create_table(
        "traffic_claim",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("usage_event_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("touchpoint_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("fee_minor", sa.BigInteger(), nullable=True),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("claimed_by", sa.Uuid(), nullable=True),
        sa.Column("claimed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("status <> 'owed' OR fee_minor IS NOT NULL", name=op.f("traffic_claim_fee_check")),
        sa.CheckConstraint("status IN ('claimed', 'owed', 'refused')", name=op.f("traffic_claim_status_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "usage_event_id"],
            ["usage_event.tenant_id", "usage_event.id"],
            name=op.f("traffic_claim_usage_event_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("traffic_claim_pkey")),
        sa.UniqueConstraint("tenant_id", "usage_event_id", name=op.f("traffic_claim_tenant_id_usage_event_id_key")),
    )
    op.add_column("agreement_version", sa.Column("traffic_per_visit_minor", sa.BigInteger(), nullable=True))
    op.add_column("fee_reversal", sa.Column("traffic_minor", sa.BigInteger(), nullable=False, server_default="0"))
    op.alter_column("fee_reversal", "traffic_minor", server_default=None)
    # A statement asks for the earliest place of its period without a visit to the journals themselves.
    op.drop_index("journal_by_effect", table_name="journal")
    op.create_index(
        "journal_by_effect", "journal", ["tenant_id", "book_id", "effective_at"], postgresql_include=["seq"]
    )
    op.create_check_constraint(
        op.f("agreement_version_traffic_per_visit_positive_check"), "agreement_version", "traffic_per_visit_minor > 0"
    )
    op.execute(KEEP_TERMS)
    for table in ("settlement_transfer", "traffic_claim"):
        raise_wall(table, operator="write")
    leave_open("provider_limit", tandem_app="SELECT", tandem_operator="SELECT, INSERT")
    _set_limits()
    record_posting_rules()


def downgrade() -> None:
    raise NotImplementedError("what was metered, rated and settled is not taken back: go forward with a new migration")


def _set_limits() -> None:
    names = ("provider", "name", "value", "unit", "source")
    columns = [sa.column(name, sa.Numeric() if name == "value" else sa.Text()) for name in names]
    table = sa.table("provider_limit", *columns, sa.column("effective_from", sa.Date()))
    rows = [dict(zip(names, limit, strict=True)) | {"effective_from": sa.text("DATE '2020-01-01'")} for limit in LIMITS]
    op.execute(postgresql.insert(table).values(rows))
