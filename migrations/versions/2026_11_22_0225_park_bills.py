"""Park bills that are out of line, and know which rated line stands on which invoice."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from walls import raise_wall

revision = "i0225"
down_revision = "u0220"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "invoice_origin",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=True),
        sa.Column("billed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "invoice_id"], ["invoice.tenant_id", "invoice.id"], name=op.f("invoice_origin_invoice_fkey")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("invoice_origin_pkey")),
    )
    op.create_index(op.f("invoice_origin_tenant_id_invoice_id_idx"), "invoice_origin", ["tenant_id", "invoice_id"])
    op.create_table(
        "billing_park",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reasons", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("evidence", postgresql.JSONB(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=True),
        sa.Column("parked_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("released_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("release_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("status IN ('parked', 'released')", name=op.f("billing_park_status_check")),
        sa.CheckConstraint(
            "(status = 'released') = (released_at IS NOT NULL)", name=op.f("billing_park_released_check")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("billing_park_pkey")),
    )
    op.create_index(
        "billing_park_once",
        "billing_park",
        ["tenant_id"],
        unique=True,
        postgresql_where=sa.text("status = 'parked'"),
    )
    op.create_index("billing_park_by_time", "billing_park", ["tenant_id", "parked_at", "id"])
    for table in ("invoice_origin", "billing_park"):
        raise_wall(table, operator="write")


def downgrade() -> None:
    op.drop_table("billing_park")
    op.drop_table("invoice_origin")
