"""What of a bank's line pays which invoice, and which statements of a bank were read under which name."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.database import Model, TenantOwned, Wall


class BankAllocation(TenantOwned, Model):
    """A part of one bank line that pays one invoice: a line pays an invoice once, and at most its own sum in all. 分配

    Its parts stand one behind the other, from the line's first fen on: each begins where the one before ended
    (`follows_minor`), and none ends beyond the line (`line_minor`, which is the line's own sum by reference). So the
    database itself lets nobody spend a line twice, whoever comes at the same moment. What people say a line is for
    ("manual") was proposed by one of them and approved by another.
    """

    __tablename__ = "bank_allocation"
    __wall__ = Wall(operator="write", append_only=True)
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "bank_line_id", "line_minor"],
            ["bank_line.tenant_id", "bank_line.id", "bank_line.amount_minor"],
        ),
        ForeignKeyConstraint(
            ["tenant_id", "bank_line_id", "follows_minor"],
            ["bank_allocation.tenant_id", "bank_allocation.bank_line_id", "bank_allocation.taken_minor"],
        ),
        ForeignKeyConstraint(["tenant_id", "proposal_id"], ["bank_line_proposal.tenant_id", "bank_line_proposal.id"]),
        UniqueConstraint("tenant_id", "bank_line_id", "invoice_id", name="bank_allocation_invoice_key"),
        UniqueConstraint("tenant_id", "bank_line_id", "taken_minor", name="bank_allocation_until_key"),
        UniqueConstraint("tenant_id", "bank_line_id", "taken_before_minor", name="bank_allocation_from_key"),
        Index("bank_allocation_by_invoice_idx", "tenant_id", "invoice_id"),
        CheckConstraint("amount_minor > 0 AND taken_before_minor >= 0", name="amount"),
        CheckConstraint("taken_minor = taken_before_minor + amount_minor", name="taken"),
        CheckConstraint("taken_minor <= line_minor", name="within_the_line"),
        CheckConstraint("(follows_minor IS NULL) = (taken_before_minor = 0)", name="first_or_follows"),
        CheckConstraint("follows_minor = taken_before_minor", name="follows_without_a_gap"),
        CheckConstraint("rule IN ('reference', 'manual')", name="rule"),
        CheckConstraint(
            "rule <> 'manual' OR (num_nulls(proposal_id, proposed_by, approved_by) = 0 AND approved_by <> proposed_by)",
            name="four_eyes",
        ),
    )

    bank_line_id: Mapped[UUID]
    line_minor: Mapped[int]
    customer_id: Mapped[UUID]
    invoice_id: Mapped[UUID]
    amount_minor: Mapped[int]
    taken_before_minor: Mapped[int]
    taken_minor: Mapped[int]
    follows_minor: Mapped[int | None]
    rule: Mapped[str]
    proposal_id: Mapped[UUID | None]
    proposed_by: Mapped[UUID | None]
    approved_by: Mapped[UUID | None]
    allocated_by: Mapped[str]
    allocated_at: Mapped[datetime] = mapped_column(default=clock.now)


class BankStatementName(TenantOwned, Model):
    """A statement by the bank's own name for it: under one name a bank says one thing. 对账单编号

    `body_sha256` is of all its lines, in any order, so that the same statement written again is the same.
    """

    __tablename__ = "bank_statement_name"
    __wall__ = Wall(operator="write", append_only=True)
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "statement_id"], ["bank_statement.tenant_id", "bank_statement.id"]),
        UniqueConstraint("tenant_id", "account", "name"),
    )

    statement_id: Mapped[UUID]
    account: Mapped[str]
    name: Mapped[str]
    body_sha256: Mapped[bytes]
