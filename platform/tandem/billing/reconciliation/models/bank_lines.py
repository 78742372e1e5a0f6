"""A bank's files and their lines: what explains a line, what of it pays which invoice or leaves by which exit."""

from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.choices import one_of
from tandem.kernel.database import Changing, Model, TenantOwned, Wall
from tandem.kernel.money import CURRENCIES

CLAIM_SIDES: Final = ("bank", "payout", "invoice", "repayment", "exit")
MATCH_RULES: Final = ("id", "reference", "unique", "batch", "manual")


class BankStatement(TenantOwned, Model):
    """One file of a bank, as it was sent: the same bytes are the same statement. 银行对账单"""

    __tablename__ = "bank_statement"
    __wall__ = Wall(operator="write", append_only=True)
    __table_args__ = (
        UniqueConstraint("tenant_id", "account", "file_sha256"),
        Index("bank_statement_by_time_idx", "tenant_id", "uploaded_at", "id"),
    )

    account: Mapped[str]
    profile: Mapped[str]
    file_sha256: Mapped[str]
    line_count: Mapped[int]
    known_count: Mapped[int]
    uploaded_at: Mapped[datetime] = mapped_column(default=clock.now)
    uploaded_by: Mapped[str]


class BankLineRow(TenantOwned, Changing, Model):
    """One movement of an organisation's bank account, once, in however many files it stands. 银行流水

    `identity` is the bank's own reference, or what the line says and how many of its like stood before it.
    """

    __tablename__ = "bank_line"
    __wall__ = Wall(operator="write", append_only=True)
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "statement_id"], ["bank_statement.tenant_id", "bank_statement.id"]),
        UniqueConstraint("tenant_id", "account", "identity"),
        # What allocations refer to, so that the database itself knows how much a line is.
        UniqueConstraint("tenant_id", "id", "amount_minor"),
        Index("bank_line_by_change_idx", "tenant_id", "changed_xid"),
        Index("bank_line_by_reference_idx", "tenant_id", "bank_reference"),
        Index("bank_line_by_amount_idx", "tenant_id", "currency", "amount_minor", "booked_on"),
        CheckConstraint("amount_minor <> 0", name="amount"),
        one_of("currency", CURRENCIES),
    )

    statement_id: Mapped[UUID]
    account: Mapped[str]
    identity: Mapped[str]
    body_sha256: Mapped[bytes]
    row: Mapped[int]
    booked_on: Mapped[date]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    reference: Mapped[str]
    bank_reference: Mapped[str]
    counterparty: Mapped[str]


class ReconClaim(TenantOwned, Changing, Model):
    """A line of a bank or what it is about, taken by one match; `rule` says by which rung of the ladder. 匹配认领"""

    __tablename__ = "recon_claim"
    __wall__ = Wall(operator="read")
    __table_args__ = (
        Index("recon_claim_by_match_idx", "tenant_id", "match_id"),
        Index("recon_claim_by_change_idx", "tenant_id", "changed_xid"),
        one_of("side", CLAIM_SIDES),
        one_of("rule", MATCH_RULES),
    )

    id = None  # type: ignore[assignment]  # its key is what it claims, so that nothing is claimed twice
    side: Mapped[str] = mapped_column(primary_key=True)
    claimed_id: Mapped[UUID] = mapped_column(primary_key=True)
    match_id: Mapped[UUID]
    rule: Mapped[str]
    amount_minor: Mapped[int]
    claimed_at: Mapped[datetime] = mapped_column(default=clock.now)


class BankAllocation(TenantOwned, Changing, Model):
    """A part of one bank line: it pays an invoice, or leaves by an exit, or comes back from one. 分配

    Its parts stand one behind the other (`place`), from the line's first fen on: each begins where the one before ended
    (`follows_place`), and none ends beyond the line (`line_minor`, which is the line's own sum by reference), in
    whichever direction it goes. So the database itself lets nobody spend a line twice, whoever comes at the same
    moment. A line pays an invoice once, and lets an exit's sum (`exit_minor`) out once and in again once. What people
    say a line is for ("manual") was proposed by one of them and approved by another; an exit says so itself.
    """

    __tablename__ = "bank_allocation"
    __wall__ = Wall(operator="write", append_only=True)
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "bank_line_id", "line_minor"],
            ["bank_line.tenant_id", "bank_line.id", "bank_line.amount_minor"],
        ),
        ForeignKeyConstraint(
            ["tenant_id", "bank_line_id", "follows_place", "taken_before_minor"],
            [f"bank_allocation.{name}" for name in ("tenant_id", "bank_line_id", "place", "taken_minor")],
        ),
        ForeignKeyConstraint(["tenant_id", "proposal_id"], ["bank_line_proposal.tenant_id", "bank_line_proposal.id"]),
        ForeignKeyConstraint(
            ["tenant_id", "bank_line_exit_id", "bank_line_id", "exit_minor"],
            [f"bank_line_exit.{name}" for name in ("tenant_id", "id", "bank_line_id", "amount_minor")],
        ),
        UniqueConstraint("tenant_id", "bank_line_id", "invoice_id", name="bank_allocation_invoice_key"),
        UniqueConstraint("tenant_id", "bank_line_exit_id", "amount_minor", name="bank_allocation_exit_key"),
        UniqueConstraint("tenant_id", "bank_line_id", "place", name="bank_allocation_place_key"),
        UniqueConstraint("tenant_id", "bank_line_id", "place", "taken_minor", name="bank_allocation_until_key"),
        Index("bank_allocation_by_invoice_idx", "tenant_id", "invoice_id"),
        Index("bank_allocation_by_change_idx", "tenant_id", "changed_xid"),
        CheckConstraint("amount_minor <> 0 AND place > 0", name="amount"),
        CheckConstraint("taken_minor = taken_before_minor + amount_minor", name="taken"),
        CheckConstraint("taken_minor BETWEEN least(0, line_minor) AND greatest(0, line_minor)", name="within_the_line"),
        CheckConstraint(
            "coalesce(follows_place, 0) = place - 1 AND (place > 1 OR taken_before_minor = 0)", name="first_or_follows"
        ),
        CheckConstraint("rule IN ('reference', 'manual', 'exit')", name="rule"),
        CheckConstraint(
            "CASE WHEN rule = 'exit' THEN num_nulls(bank_line_exit_id, exit_minor) = 0 "
            "AND num_nonnulls(invoice_id, customer_id) = 0 AND amount_minor IN (exit_minor, -exit_minor) "
            "ELSE num_nonnulls(bank_line_exit_id, exit_minor) = 0 AND num_nulls(invoice_id, customer_id) = 0 "
            "AND amount_minor > 0 END",
            name="invoice_or_exit",
        ),
        CheckConstraint(
            "rule <> 'manual' OR (num_nulls(proposal_id, proposed_by, approved_by) = 0 AND approved_by <> proposed_by)",
            name="four_eyes",
        ),
    )

    bank_line_id: Mapped[UUID]
    line_minor: Mapped[int]
    customer_id: Mapped[UUID | None]
    invoice_id: Mapped[UUID | None]
    bank_line_exit_id: Mapped[UUID | None]
    exit_minor: Mapped[int | None]
    amount_minor: Mapped[int]
    place: Mapped[int]
    follows_place: Mapped[int | None]
    taken_before_minor: Mapped[int]
    taken_minor: Mapped[int]
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
