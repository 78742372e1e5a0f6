"""What a delivered visit earned the operator, what refunds took back, and the statements both sides sign."""

from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.database import Changing, Model, TenantOwned, Versioned, Wall
from tandem.kernel.money import CURRENCIES
from tandem.kernel.states import states

NEXT: Final = {
    "proposed": {"confirmed", "disputed"},
    "disputed": {"confirmed"},
    "confirmed": {"paid"},
    "paid": {"closed"},
    "closed": set[str](),
}
_CURRENCY: Final = "currency IN ({})".format(", ".join(f"'{each}'" for each in CURRENCIES))


class FeeAccrual(TenantOwned, Changing, Model):
    """The operator's fee on one use: basis, rule and result as they were, for ever. 服务费计提"""

    __tablename__ = "fee_accrual"
    __wall__ = Wall(operator="read", append_only=True)
    __table_args__ = (
        Index("fee_accrual_by_change_idx", "tenant_id", "changed_xid"),
        ForeignKeyConstraint(["tenant_id", "usage_event_id"], ["usage_event.tenant_id", "usage_event.id"]),
        UniqueConstraint("tenant_id", "usage_event_id"),
        Index("fee_accrual_by_payment", "tenant_id", "payment_id"),
        Index("fee_accrual_by_time", "tenant_id", "at", "id"),
        CheckConstraint(_CURRENCY, name="currency"),
        CheckConstraint("fee_minor BETWEEN 0 AND basis_minor", name="fee_within_basis"),
        CheckConstraint("cap IN ('percent', 'per_visit', 'net')", name="cap"),
    )

    usage_event_id: Mapped[UUID]
    payment_id: Mapped[UUID | None]
    programme_id: Mapped[UUID | None]
    agreement_version_id: Mapped[UUID | None]
    at: Mapped[datetime]
    payable_from: Mapped[datetime]
    basis_minor: Mapped[int]
    percent_part_minor: Mapped[int]
    per_visit_part_minor: Mapped[int]
    uncapped_minor: Mapped[int]
    fee_minor: Mapped[int]
    cap: Mapped[str | None]
    currency: Mapped[str]
    revenue_journal_id: Mapped[UUID | None]
    fee_journal_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class FeeReversal(TenantOwned, Model):
    """What one refund took back of an accrual, by the recorded split; negative when the refund came back. 冲回"""

    __tablename__ = "fee_reversal"
    __wall__ = Wall(operator="read", append_only=True)
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "fee_accrual_id"], ["fee_accrual.tenant_id", "fee_accrual.id"]),
        UniqueConstraint("tenant_id", "refund_id", "is_return"),
        Index("fee_reversal_by_accrual", "tenant_id", "fee_accrual_id"),
    )

    fee_accrual_id: Mapped[UUID]
    refund_id: Mapped[UUID]
    is_return: Mapped[bool]
    at: Mapped[datetime]
    refund_minor: Mapped[int]
    fee_minor: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class SettlementStatement(TenantOwned, Versioned, Model):
    """Hospital and operator, one period: what the books say at a cut, which both sides can recompute. 结算单

    `due_to_operator_minor` is the fee less what the operator owes for programme visits; negative: the operator pays.
    `document_sha256` is the hash of the whole statement as bytes; re-running its queries gives the same bytes.
    """

    __tablename__ = "settlement_statement"
    __wall__ = Wall(operator="write")
    __table_args__ = (
        states(NEXT),
        UniqueConstraint("tenant_id", "currency", "number"),
        UniqueConstraint("tenant_id", "currency", "period_end"),
        CheckConstraint(_CURRENCY, name="currency"),
        CheckConstraint("period_start < period_end", name="period"),
        CheckConstraint("cut_seq >= previous_cut_seq", name="cut"),
    )

    number: Mapped[int]
    currency: Mapped[str]
    first_day: Mapped[date]
    last_day: Mapped[date]
    period_start: Mapped[datetime]
    period_end: Mapped[datetime]
    cut_seq: Mapped[int]
    previous_cut_seq: Mapped[int]
    status: Mapped[str] = mapped_column(default="proposed")
    visit_count: Mapped[int]
    gross_minor: Mapped[int]
    refunds_minor: Mapped[int]
    provider_fees_minor: Mapped[int]
    operator_fee_minor: Mapped[int]
    payable_minor: Mapped[int]
    due_to_operator_minor: Mapped[int]
    document_sha256: Mapped[str]
    proposed_at: Mapped[datetime] = mapped_column(default=clock.now)
    confirmed_at: Mapped[datetime | None]
    paid_on: Mapped[date | None]
    payment_reference: Mapped[str | None]
    closed_at: Mapped[datetime | None]
    dispute_reason: Mapped[str | None]


class SettlementLine(TenantOwned, Model):
    """One line of a statement: a kind of money, in how many journals, how much. Its entries are a query. 结算行"""

    __tablename__ = "settlement_line"
    __wall__ = Wall(operator="write", append_only=True)
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "statement_id"], ["settlement_statement.tenant_id", "settlement_statement.id"]
        ),
        UniqueConstraint("tenant_id", "statement_id", "kind"),
    )

    statement_id: Mapped[UUID]
    line_no: Mapped[int]
    kind: Mapped[str]
    account_code: Mapped[str]
    journal_count: Mapped[int]
    amount_minor: Mapped[int]
    currency: Mapped[str]
