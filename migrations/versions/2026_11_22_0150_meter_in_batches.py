"""Meter in batches: meters as data, events that their source names once, hourly roll-ups behind one gate.

Forward only: events are named and rolled up from here on. Taking the names away would take away what keeps an event
from being counted twice, and the roll-ups are what bills were made of.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from walls import leave_open, raise_wall

revision = "u0150"
down_revision = "p0145"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _name_events()
    _define_meters()
    _roll_up()


def downgrade() -> None:
    raise NotImplementedError("what was metered, rated and settled is not taken back: go forward with a new migration")


def _name_events() -> None:
    op.add_column("usage_event", sa.Column("event_key", sa.Text(), nullable=True))
    op.add_column("usage_event", sa.Column("subject", sa.Text(), nullable=False, server_default="all"))
    op.add_column("usage_event", sa.Column("seq", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("usage_event", sa.Column("value_sha256", sa.LargeBinary(), nullable=True))
    op.add_column("usage_event", sa.Column("is_late", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("usage_event", sa.Column("is_sold", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.add_column("usage_event", sa.Column("voids_key", sa.Text(), nullable=True))
    for name in ("subject", "seq", "is_late", "is_sold"):
        op.alter_column("usage_event", name, server_default=None)
    # Until now every event was of a source of our own: its name is what made it unique before.
    op.execute("ALTER TABLE usage_event DISABLE TRIGGER usage_event_is_append_only")
    op.execute("UPDATE usage_event SET event_key = source_id || ':' || meter")
    op.execute("ALTER TABLE usage_event ENABLE TRIGGER usage_event_is_append_only")
    op.alter_column("usage_event", "event_key", nullable=False)
    op.alter_column("usage_event", "source_id", nullable=True)
    op.drop_constraint("usage_event_usage_event_fkey", "usage_event", type_="foreignkey")
    op.drop_column("usage_event", "voids_id")
    op.drop_constraint("usage_event_tenant_id_source_type_source_id_meter_key", "usage_event", type_="unique")
    op.create_unique_constraint(
        op.f("usage_event_tenant_id_source_type_event_key_key"),
        "usage_event",
        ["tenant_id", "source_type", "event_key"],
    )
    op.drop_index("usage_event_by_payment", "usage_event")
    op.create_index(
        "usage_event_by_payment",
        "usage_event",
        ["tenant_id", "payment_id"],
        postgresql_where=sa.text("payment_id IS NOT NULL"),
    )
    op.create_index(
        "usage_event_voided_once",
        "usage_event",
        ["tenant_id", "source_type", "voids_key"],
        unique=True,
        postgresql_where=sa.text("voids_key IS NOT NULL"),
    )
    op.create_check_constraint(
        op.f("usage_event_void_check"), "usage_event", "(voids_key IS NOT NULL) = (meter = 'void')"
    )
    op.execute("GRANT INSERT ON usage_event TO tandem_operator")


def _define_meters() -> None:
    op.create_table(
        "meter",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("aggregation", sa.Text(), nullable=False),
        sa.Column("measures", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=False),
        sa.Column("title_zh", sa.Text(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "aggregation IN ('sum', 'count', 'distinct', 'max', 'latest')", name=op.f("meter_aggregation_check")
        ),
        sa.CheckConstraint(
            "measures IN ('things', 'visit_revenue', 'programme_revenue', 'drug_revenue', 'examination_revenue')",
            name=op.f("meter_measures_check"),
        ),
        sa.CheckConstraint("measures = 'things' OR aggregation = 'sum'", name=op.f("meter_revenue_is_summed_check")),
        sa.PrimaryKeyConstraint("code", name=op.f("meter_pkey")),
        sa.UniqueConstraint("code", "measures", name=op.f("meter_code_measures_key")),
    )
    leave_open("meter", tandem_app="SELECT", tandem_operator="SELECT, INSERT")
    op.execute(
        "INSERT INTO meter (code, aggregation, measures, unit, title_en, title_zh, created_at) "
        "VALUES ('visit', 'sum', 'things', 'visit', 'Delivered visits', '已完成就诊', now())"
    )


def _roll_up() -> None:
    op.create_table(
        "usage_gate",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("closed_until", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("usage_gate_pkey")),
        sa.UniqueConstraint("tenant_id", name=op.f("usage_gate_tenant_id_key")),
    )
    op.create_table(
        "usage_rollup",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("meter", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("hour", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("event_count", sa.BigInteger(), nullable=False),
        sa.Column("fact_count", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.Numeric(precision=38, scale=10), nullable=False),
        sa.Column("maximum", sa.Numeric(precision=20, scale=10), nullable=True),
        sa.Column("latest_quantity", sa.Numeric(precision=20, scale=10), nullable=True),
        sa.Column("latest_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("latest_seq", sa.BigInteger(), nullable=True),
        sa.Column("latest_key", sa.Text(), nullable=True),
        sa.CheckConstraint("event_count >= 0 AND fact_count >= event_count", name=op.f("usage_rollup_counts_check")),
        sa.CheckConstraint("(latest_at IS NULL) = (latest_quantity IS NULL)", name=op.f("usage_rollup_latest_check")),
        sa.PrimaryKeyConstraint("tenant_id", "meter", "subject", "hour", name=op.f("usage_rollup_pkey")),
        postgresql_with={"fillfactor": "70"},
    )
    op.create_index("usage_rollup_by_hour", "usage_rollup", ["tenant_id", "hour"])
    op.create_table(
        "usage_value",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("meter", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("hour", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("value_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("event_count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "meter", "subject", "hour", "value_sha256", name=op.f("usage_value_pkey")),
    )
    for table in ("usage_gate", "usage_rollup", "usage_value"):
        raise_wall(table, operator="write")
    op.execute(
        "INSERT INTO usage_rollup (tenant_id, meter, subject, hour, event_count, fact_count, quantity, maximum) "
        "SELECT tenant_id, meter, subject, date_trunc('hour', at, 'UTC'), count(*), count(*), sum(quantity), "
        "max(quantity) FROM usage_event GROUP BY 1, 2, 3, 4"
    )
