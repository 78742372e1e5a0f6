"""Rate usage: plans whose versions never change, subscriptions that pin them, lines, claims and prepaid pools.

Forward only: rated lines and claims say which use was billed by which line. Dropping them would let it be billed
again, and leave bills without their reasons.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from walls import raise_wall, refuse_changes

revision = "u0220"
down_revision = "l0220"
branch_labels = None
depends_on = None

APPEND_ONLY = ("plan_version", "plan_component", "plan_tier", "rated_line", "usage_claim")
CHANGING = ("subscription", "prepaid_pool")


def upgrade() -> None:
    for make in (_plan_version, _prepaid_pool, _usage_claim, _plan_component, _subscription, _plan_tier, _rated_line):
        make()
    for table in APPEND_ONLY:
        raise_wall(table, operator="write", append_only=True)
        refuse_changes(table)
    for table in CHANGING:
        raise_wall(table, operator="write")
    op.add_column("usage_rollup", sa.Column("is_late", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index(
        "usage_rollup_late", "usage_rollup", ["tenant_id", "hour"], unique=False, postgresql_where=sa.text("is_late")
    )
    op.alter_column("usage_rollup", "is_late", server_default=None)


def downgrade() -> None:
    raise NotImplementedError("what was metered, rated and settled is not taken back: go forward with a new migration")


def _plan_version() -> None:
    op.create_table(
        "plan_version",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=False),
        sa.Column("title_zh", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("minimum_minor", sa.BigInteger(), nullable=False),
        sa.Column("cap_minor", sa.BigInteger(), nullable=True),
        sa.Column("terms", postgresql.JSONB(), nullable=False),
        sa.Column("terms_sha256", sa.Text(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "currency IN ('CNY', 'EUR', 'HKD', 'JPY', 'KWD', 'USD')", name=op.f("plan_version_currency_check")
        ),
        sa.CheckConstraint(
            "minimum_minor >= 0 AND (cap_minor IS NULL OR cap_minor >= minimum_minor)",
            name=op.f("plan_version_bounds_check"),
        ),
        sa.CheckConstraint("number > 0", name=op.f("plan_version_number_check")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("plan_version_pkey")),
        sa.UniqueConstraint("tenant_id", "code", "number", name=op.f("plan_version_tenant_id_code_number_key")),
    )


def _prepaid_pool() -> None:
    op.create_table(
        "prepaid_pool",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("granted_minor", sa.BigInteger(), nullable=False),
        sa.Column("remaining_minor", sa.BigInteger(), nullable=False),
        sa.Column("priority", sa.BigInteger(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "currency IN ('CNY', 'EUR', 'HKD', 'JPY', 'KWD', 'USD')", name=op.f("prepaid_pool_currency_check")
        ),
        sa.CheckConstraint("expires_on IS NULL OR expires_on > valid_from", name=op.f("prepaid_pool_days_check")),
        sa.CheckConstraint(
            "granted_minor > 0 AND remaining_minor BETWEEN 0 AND granted_minor",
            name=op.f("prepaid_pool_remaining_check"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("prepaid_pool_pkey")),
        sa.UniqueConstraint("tenant_id", "key", name=op.f("prepaid_pool_tenant_id_key_key")),
    )
    op.create_index("prepaid_pool_by_subject", "prepaid_pool", ["tenant_id", "subject"], unique=False)


def _usage_claim() -> None:
    op.create_table(
        "usage_claim",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("meter", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("hour", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("fact_count", sa.BigInteger(), nullable=False),
        sa.Column("rated_line_id", sa.Uuid(), nullable=False),
        sa.Column("event_count", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.Numeric(precision=38, scale=10), nullable=False),
        sa.Column("maximum", sa.Numeric(precision=20, scale=10), nullable=True),
        sa.Column("latest_quantity", sa.Numeric(precision=20, scale=10), nullable=True),
        sa.Column("latest_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("latest_seq", sa.BigInteger(), nullable=True),
        sa.Column("latest_key", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "meter", "subject", "hour", "fact_count", name=op.f("usage_claim_pkey")),
    )
    op.create_index("usage_claim_by_line", "usage_claim", ["tenant_id", "rated_line_id"], unique=False)


def _plan_component() -> None:
    op.create_table(
        "plan_component",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("plan_version_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=False),
        sa.Column("title_zh", sa.Text(), nullable=False),
        sa.Column("meter", sa.Text(), nullable=True),
        sa.Column("measures", sa.Text(), nullable=True),
        sa.Column("flat_minor", sa.BigInteger(), nullable=False),
        sa.Column("included", sa.Numeric(precision=20, scale=10), nullable=False),
        sa.Column("package_size", sa.Numeric(precision=20, scale=10), nullable=False),
        sa.CheckConstraint(
            "(kind = 'flat') = (meter IS NULL) AND (meter IS NULL) = (measures IS NULL)",
            name=op.f("plan_component_metered_check"),
        ),
        sa.CheckConstraint(
            "kind IN ('flat', 'per_unit', 'graduated', 'volume', 'package', 'percentage')",
            name=op.f("plan_component_kind_check"),
        ),
        sa.CheckConstraint(
            "measures NOT IN ('drug_revenue', 'examination_revenue')", name=op.f("plan_component_no_revenue_term_check")
        ),
        sa.CheckConstraint(
            "flat_minor >= 0 AND included >= 0 AND package_size > 0", name=op.f("plan_component_amounts_check")
        ),
        sa.ForeignKeyConstraint(
            ["meter", "measures"], ["meter.code", "meter.measures"], name=op.f("plan_component_meter_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "plan_version_id"],
            ["plan_version.tenant_id", "plan_version.id"],
            name=op.f("plan_component_plan_version_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "plan_version_id", "code", name=op.f("plan_component_pkey")),
    )


def _subscription() -> None:
    op.create_table(
        "subscription",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plan_version_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("contract_id", sa.Uuid(), nullable=True),
        sa.Column("follows_id", sa.Uuid(), nullable=True),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("until_day", sa.Date(), nullable=True),
        sa.Column("rated_until", sa.Date(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("rated_until >= first_day", name=op.f("subscription_progress_check")),
        sa.CheckConstraint("until_day IS NULL OR until_day >= first_day", name=op.f("subscription_days_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "plan_version_id"],
            ["plan_version.tenant_id", "plan_version.id"],
            name=op.f("subscription_plan_version_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("subscription_pkey")),
    )
    op.create_index("subscription_by_progress", "subscription", ["tenant_id", "rated_until", "id"], unique=False)
    op.create_index("subscription_by_subject", "subscription", ["tenant_id", "subject"], unique=False)


def _plan_tier() -> None:
    op.create_table(
        "plan_tier",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("plan_version_id", sa.Uuid(), nullable=False),
        sa.Column("component", sa.Text(), nullable=False),
        sa.Column("above", sa.Numeric(precision=20, scale=10), nullable=False),
        sa.Column("up_to", sa.Numeric(precision=20, scale=10), nullable=True),
        sa.Column("unit_price", sa.Numeric(precision=20, scale=10), nullable=False),
        sa.Column("flat_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("above >= 0 AND (up_to IS NULL OR up_to > above)", name=op.f("plan_tier_step_check")),
        sa.CheckConstraint("unit_price >= 0 AND flat_minor >= 0", name=op.f("plan_tier_prices_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "plan_version_id", "component"],
            ["plan_component.tenant_id", "plan_component.plan_version_id", "plan_component.code"],
            name=op.f("plan_tier_plan_component_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "plan_version_id", "component", "above", name=op.f("plan_tier_pkey")),
    )


def _rated_line() -> None:
    op.create_table(
        "rated_line",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("contract_id", sa.Uuid(), nullable=True),
        sa.Column("plan_version_id", sa.Uuid(), nullable=False),
        sa.Column("period_first", sa.Date(), nullable=False),
        sa.Column("period_until", sa.Date(), nullable=False),
        sa.Column("covered_first", sa.Date(), nullable=False),
        sa.Column("covered_until", sa.Date(), nullable=False),
        sa.Column("raised_for", sa.Date(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("meter", sa.Text(), nullable=True),
        sa.Column("text_en", sa.Text(), nullable=False),
        sa.Column("text_zh", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(precision=38, scale=10), nullable=False),
        sa.Column("unit_price", sa.Numeric(precision=20, scale=10), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("pool_id", sa.Uuid(), nullable=True),
        sa.Column("parked_reason", sa.Text(), nullable=True),
        sa.Column("line_input_hash", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "currency IN ('CNY', 'EUR', 'HKD', 'JPY', 'KWD', 'USD')", name=op.f("rated_line_currency_check")
        ),
        sa.CheckConstraint(
            "kind IN ('flat', 'per_unit', 'graduated', 'volume', 'package', 'percentage', 'minimum', 'spend_cap', 'prepaid')",
            name=op.f("rated_line_kind_check"),
        ),
        sa.CheckConstraint(
            "parked_reason IN ('negative-quantity', 'out-of-range')", name=op.f("rated_line_parked_reason_check")
        ),
        sa.CheckConstraint(
            "period_first < period_until AND raised_for >= period_first", name=op.f("rated_line_period_check")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "subscription_id"],
            ["subscription.tenant_id", "subscription.id"],
            name=op.f("rated_line_subscription_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("rated_line_pkey")),
        sa.UniqueConstraint(
            "tenant_id",
            "subscription_id",
            "period_first",
            "code",
            "revision",
            name=op.f("rated_line_tenant_id_subscription_id_period_first_code_revision_key"),
        ),
    )
    op.create_index("rated_line_by_bill", "rated_line", ["tenant_id", "raised_for", "id"], unique=False)
