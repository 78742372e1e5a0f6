"""Park facts that cannot be booked: they no longer keep the others out."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from walls import raise_wall

revision = "p0145"
down_revision = "l0140"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "parked_fact",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("object_kind", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("first_seen_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("last_tried_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("released_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("attempts > 0", name=op.f("parked_fact_attempts_check")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("parked_fact_pkey")),
        sa.UniqueConstraint(
            "tenant_id", "object_kind", "object_id", name=op.f("parked_fact_tenant_id_object_kind_object_id_key")
        ),
    )
    op.create_index("parked_fact_by_day_idx", "parked_fact", ["first_seen_at", "id"])
    op.create_index(
        "parked_fact_open_idx",
        "parked_fact",
        ["tenant_id", "last_tried_at"],
        postgresql_where=sa.text("released_at IS NULL"),
    )
    raise_wall("parked_fact", operator="read")


def downgrade() -> None:
    op.drop_table("parked_fact")
