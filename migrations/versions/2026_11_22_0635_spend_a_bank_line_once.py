"""Spend a bank line once: what of it pays which invoice; and under one name a bank says one thing."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from walls import raise_wall, refuse_changes

revision = "r0635"
down_revision = "c0630"
branch_labels = None
depends_on = None

MOMENT = postgresql.TIMESTAMP(timezone=True)
CHECKS = {
    "amount": "amount_minor > 0 AND taken_before_minor >= 0",
    "taken": "taken_minor = taken_before_minor + amount_minor",
    "within_the_line": "taken_minor <= line_minor",
    "first_or_follows": "(follows_minor IS NULL) = (taken_before_minor = 0)",
    "follows_without_a_gap": "follows_minor = taken_before_minor",
    "rule": "rule IN ('reference', 'manual')",
}


def upgrade() -> None:
    op.create_unique_constraint(
        op.f("bank_line_tenant_id_id_amount_minor_key"), "bank_line", ["tenant_id", "id", "amount_minor"]
    )
    _allocations()
    op.create_table(
        "bank_statement_name",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("statement_id", sa.Uuid(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("body_sha256", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "statement_id"],
            ["bank_statement.tenant_id", "bank_statement.id"],
            name=op.f("bank_statement_name_bank_statement_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("bank_statement_name_pkey")),
        sa.UniqueConstraint(
            "tenant_id", "account", "name", name=op.f("bank_statement_name_tenant_id_account_name_key")
        ),
    )
    for table in ("bank_allocation", "bank_statement_name"):
        raise_wall(table, operator="write", append_only=True)
        refuse_changes(table)


def downgrade() -> None:
    for table in ("bank_statement_name", "bank_allocation"):
        op.drop_table(table)
    op.drop_constraint(op.f("bank_line_tenant_id_id_amount_minor_key"), "bank_line", type_="unique")


def _allocations() -> None:
    op.create_table(
        "bank_allocation",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("bank_line_id", sa.Uuid(), nullable=False),
        sa.Column("line_minor", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("taken_before_minor", sa.BigInteger(), nullable=False),
        sa.Column("taken_minor", sa.BigInteger(), nullable=False),
        sa.Column("follows_minor", sa.BigInteger(), nullable=True),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("allocated_by", sa.Text(), nullable=False),
        sa.Column("allocated_at", MOMENT, nullable=False),
        *(sa.CheckConstraint(sql, name=op.f(f"bank_allocation_{name}_check")) for name, sql in CHECKS.items()),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("bank_allocation_pkey")),
        *(
            sa.UniqueConstraint("tenant_id", "bank_line_id", column, name=op.f(f"bank_allocation_{name}_key"))
            for name, column in (("invoice", "invoice_id"), ("until", "taken_minor"), ("from", "taken_before_minor"))
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "bank_line_id", "line_minor"],
            ["bank_line.tenant_id", "bank_line.id", "bank_line.amount_minor"],
            name=op.f("bank_allocation_bank_line_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "bank_line_id", "follows_minor"],
            ["bank_allocation.tenant_id", "bank_allocation.bank_line_id", "bank_allocation.taken_minor"],
            name=op.f("bank_allocation_bank_allocation_fkey"),
        ),
    )
    op.create_index("bank_allocation_by_invoice_idx", "bank_allocation", ["tenant_id", "invoice_id"])
