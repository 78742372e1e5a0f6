"""Remind of overdue invoices: a dated schedule, and each reminder once."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from walls import leave_open, raise_wall, refuse_changes

revision = "i0240"
down_revision = "r0256"
branch_labels = None
depends_on = None

# (days after due, text). A first schedule; the operator replaces it by a version of its own.
STEPS = [
    (1, "账单 {document_no} 已于 {due_on} 到期，未付金额 {open}。如已付款请忽略。",
     "Invoice {document_no} was due on {due_on}; {open} is open. Please ignore this if you have paid."),
    (7, "账单 {document_no} 已逾期一周，未付金额 {open}，请安排付款。",
     "Invoice {document_no} is a week overdue; {open} is open. Please arrange payment."),
    (14, "账单 {document_no} 已逾期两周，未付金额 {open}。如有异议请在账单上提出，催款将暂停。",
     "Invoice {document_no} is two weeks overdue; {open} is open. If you disagree, dispute it and reminders stop."),
    (30, "账单 {document_no} 已逾期一个月，未付金额 {open}，请联系运营方财务。",
     "Invoice {document_no} is a month overdue; {open} is open. Please talk to the operator's finance department."),
]  # fmt: skip


def upgrade() -> None:
    table = op.create_table(
        "dunning_step",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("days_after_due", sa.BigInteger(), nullable=False),
        sa.Column("text_zh", sa.Text(), nullable=False),
        sa.Column("text_en", sa.Text(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.CheckConstraint("version > 0 AND step > 0", name=op.f("dunning_step_counted_check")),
        sa.CheckConstraint("days_after_due BETWEEN -30 AND 365", name=op.f("dunning_step_days_after_due_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("dunning_step_pkey")),
        sa.UniqueConstraint("version", "step", name=op.f("dunning_step_version_step_key")),
        sa.UniqueConstraint("effective_from", "step", name=op.f("dunning_step_effective_from_step_key")),
    )
    op.bulk_insert(
        table,
        [
            {
                "id": f"d0000000-0000-4000-8000-{place:012d}",
                "version": 1,
                "step": place,
                "days_after_due": days,
                "text_zh": zh,
                "text_en": en,
                "effective_from": "2020-01-01",
            }
            for place, (days, zh, en) in enumerate(STEPS, start=1)
        ],
    )
    leave_open("dunning_step", tandem_app="SELECT", tandem_operator="SELECT, INSERT")
    op.create_table(
        "invoice_reminder",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("days_overdue", sa.BigInteger(), nullable=False),
        sa.Column("open_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("text_zh", sa.Text(), nullable=False),
        sa.Column("text_en", sa.Text(), nullable=False),
        sa.Column("sent_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "invoice_id"], ["invoice.tenant_id", "invoice.id"], name=op.f("invoice_reminder_invoice_fkey")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("invoice_reminder_pkey")),
        sa.UniqueConstraint(
            "tenant_id", "invoice_id", "step", name=op.f("invoice_reminder_tenant_id_invoice_id_step_key")
        ),
    )
    raise_wall("invoice_reminder", operator="write", append_only=True)
    refuse_changes("invoice_reminder")


def downgrade() -> None:
    op.drop_table("invoice_reminder")
    op.drop_table("dunning_step")
