"""What a delivered visit earned the operator, what refunds took back, and the statements both sides sign."""

from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from tandem.billing.prices import CAPS
from tandem.billing.settlements.models.periods import OfAPeriod, one_after_another
from tandem.kernel import clock
from tandem.kernel.choices import one_of
from tandem.kernel.database import Changing, Model, Reference, TenantOwned, Versioned, Wall
from tandem.kernel.money import CURRENCIES
from tandem.kernel.states import states

NEXT: Final = {
    "draft": {"proposed", "parked"},
    "parked": {"proposed"},
    "proposed": {"confirmed", "disputed"},
    "disputed": {"confirmed"},
    "confirmed": {"paid"},
    "paid": {"closed"},
    "closed": set[str](),
}
TRANSFER_NEXT: Final = {
    "asked": {"sent", "failed", "withdrawn"},
    "sent": {"reversed"},
    "failed": set[str](),
    "withdrawn": set[str](),
    "reversed": set[str](),
}
LAYOUT: Final = 2
"""How statements are written now; each row says how it was written, and is run again in that way for ever."""


class FeeAccrual(TenantOwned, Changing, Model):
    """The operator's fee on one use: basis, rule and result as they were, for ever. 服务费计提

    `disputed_minor` is what the terms gave beyond a cap; `programme_fees_before_minor` what the use's programme had
    borne before it, where a cap over the whole programme was agreed.
    """

    __tablename__ = "fee_accrual"
    __wall__ = Wall(operator="read", append_only=True)
    __table_args__ = (
        Index("fee_accrual_by_change_idx", "tenant_id", "changed_xid"),
        ForeignKeyConstraint(["tenant_id", "usage_event_id"], ["usage_event.tenant_id", "usage_event.id"]),
        UniqueConstraint("tenant_id", "usage_event_id"),
        Index("fee_accrual_by_payment", "tenant_id", "payment_id"),
        Index("fee_accrual_by_time", "tenant_id", "at", "id"),
        Index("fee_accrual_by_payable", "tenant_id", "payable_from"),
        Index(
            "fee_accrual_by_programme", "tenant_id", "programme_id", postgresql_where=text("programme_id IS NOT NULL")
        ),
        Index("fee_accrual_disputed", "tenant_id", "id", postgresql_where=text("disputed_minor > 0")),
        one_of("currency", CURRENCIES),
        CheckConstraint("fee_minor BETWEEN 0 AND basis_minor", name="fee_within_basis"),
        CheckConstraint("disputed_minor >= 0", name="disputed"),
        one_of("cap", CAPS),
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
    disputed_minor: Mapped[int] = mapped_column(default=0)
    programme_fees_before_minor: Mapped[int | None]
    cap: Mapped[str | None]
    currency: Mapped[str]
    revenue_journal_id: Mapped[UUID | None]
    fee_journal_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class FeeReversal(TenantOwned, Model):
    """What one refund (or lost dispute) took back of an accrual, by the recorded split. 冲回

    Negative when the refund came back. `excess_minor` is the part of what stood beyond a cap.
    """

    __tablename__ = "fee_reversal"
    __wall__ = Wall(operator="read", append_only=True)
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "fee_accrual_id"], ["fee_accrual.tenant_id", "fee_accrual.id"]),
        UniqueConstraint("tenant_id", "refund_id", "is_return"),
        Index("fee_reversal_by_accrual", "tenant_id", "fee_accrual_id"),
        CheckConstraint("cause IN ('refund', 'dispute')", name="cause"),
    )

    fee_accrual_id: Mapped[UUID]
    refund_id: Mapped[UUID]
    is_return: Mapped[bool]
    at: Mapped[datetime]
    cause: Mapped[str] = mapped_column(default="refund")
    asked_minor: Mapped[int | None]
    refund_minor: Mapped[int]
    fee_minor: Mapped[int]
    excess_minor: Mapped[int] = mapped_column(default=0)
    traffic_minor: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class FeeDecision(TenantOwned, Model):
    """What became of a fee beyond a cap: granted by the hospital, or waived by the operator. 超限费用裁定

    The operator's database role can write waivers only: a fee beyond a cap is never owed without the hospital.
    """

    __tablename__ = "fee_decision"
    __wall__ = Wall(operator="write")
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "fee_accrual_id"], ["fee_accrual.tenant_id", "fee_accrual.id"]),
        UniqueConstraint("tenant_id", "fee_accrual_id"),
        CheckConstraint("decision IN ('granted', 'waived')", name="decision"),
    )

    fee_accrual_id: Mapped[UUID]
    decision: Mapped[str]
    because: Mapped[str]
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime] = mapped_column(default=clock.now)
    booked_minor: Mapped[int | None]


class SettlementStatement(OfAPeriod, TenantOwned, Versioned, Model):
    """Hospital and operator, one period: what the books say at a cut, which both sides can recompute. 结算单

    `due_to_operator_minor` is the fee less what the operator owes for programme visits; negative: the operator pays.
    `fee_waiting_minor` is the fee that is accrued but not payable yet at the period's end, `fee_waiting_before_minor`
    the same at its beginning; `carried_in_minor` is what earlier statements left unpaid. `paid_minor` was paid, which
    is less than what was due while lines are disputed.
    `document_sha256` is the hash of the whole statement as bytes; re-running its queries gives the same bytes.
    """

    __tablename__ = "settlement_statement"
    __wall__ = Wall(operator="write")
    __table_args__ = (
        states(NEXT),
        *one_after_another(),
    )

    layout: Mapped[int] = mapped_column(default=LAYOUT)
    status: Mapped[str] = mapped_column(default="draft")
    visit_count: Mapped[int]
    gross_minor: Mapped[int]
    refunds_minor: Mapped[int]
    provider_fees_minor: Mapped[int]
    operator_fee_minor: Mapped[int]
    fee_waiting_before_minor: Mapped[int] = mapped_column(default=0)
    fee_waiting_minor: Mapped[int] = mapped_column(default=0)
    fees_in_dispute_minor: Mapped[int] = mapped_column(default=0)
    payable_minor: Mapped[int]
    carried_in_minor: Mapped[int] = mapped_column(default=0)
    due_to_operator_minor: Mapped[int]
    paid_minor: Mapped[int | None]
    document_sha256: Mapped[str]
    proposed_at: Mapped[datetime] = mapped_column(default=clock.now)
    confirmed_at: Mapped[datetime | None]
    paid_on: Mapped[date | None]
    payment_reference: Mapped[str | None]
    closed_at: Mapped[datetime | None]
    dispute_reason: Mapped[str | None]
    parked_reason: Mapped[str | None]


class SettlementLine(TenantOwned, Model):
    """One line of a statement: a kind of money, in how many journals, how much. Its entries are a query. 结算行

    `late_minor` is the part that was true in an earlier period; `is_memo`: the line is told, not added up.
    """

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
    late_minor: Mapped[int] = mapped_column(default=0)
    is_memo: Mapped[bool] = mapped_column(default=False)
    currency: Mapped[str]


class SettlementCarry(TenantOwned, Model):
    """What an earlier statement left unpaid and a later one takes up, said in that one's document. 结转"""

    __tablename__ = "settlement_carry"
    __wall__ = Wall(operator="write", append_only=True)
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "from_id"],
            ["settlement_statement.tenant_id", "settlement_statement.id"],
            name="settlement_carry_from_fkey",
        ),
        ForeignKeyConstraint(
            ["tenant_id", "to_id"],
            ["settlement_statement.tenant_id", "settlement_statement.id"],
            name="settlement_carry_to_fkey",
        ),
        ForeignKeyConstraint(["tenant_id", "line_dispute_id"], ["line_dispute.tenant_id", "line_dispute.id"]),
        UniqueConstraint("tenant_id", "from_id", "line_dispute_id", postgresql_nulls_not_distinct=True),
        Index("settlement_carry_by_statement", "tenant_id", "to_id"),
        CheckConstraint("because IN ('disputed', 'carried_forward')", name="because"),
    )

    from_id: Mapped[UUID]
    to_id: Mapped[UUID]
    line_dispute_id: Mapped[UUID | None]
    because: Mapped[str]
    amount_minor: Mapped[int]


class SettlementTransfer(TenantOwned, Versioned, Model):
    """What the operator owes on a statement, sent to the hospital's account at the payment provider. 结算转账

    Its id is the key under which the provider is asked; `asked_at` is when it was asked last and may be sending, and
    nothing while the wish waits its turn. `reversed_minor` is what the provider took back since.
    """

    __tablename__ = "settlement_transfer"
    __wall__ = Wall(operator="write")
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "statement_id"], ["settlement_statement.tenant_id", "settlement_statement.id"]
        ),
        states(TRANSFER_NEXT),
        Index(
            "settlement_transfer_live_key",
            "tenant_id",
            "statement_id",
            unique=True,
            postgresql_where=text("status IN ('asked', 'sent')"),
        ),
        Index("settlement_transfer_waiting", "created_at", "id", postgresql_where=text("status = 'asked'")),
        one_of("currency", CURRENCIES),
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("reversed_minor BETWEEN 0 AND amount_minor", name="reversed"),
        # Whoever wins the row decides: what may be on its way is not withdrawn, also where our own code is broken.
        CheckConstraint("status <> 'withdrawn' OR asked_at IS NULL", name="never_asked_for"),
    )

    statement_id: Mapped[UUID]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    status: Mapped[str] = mapped_column(default="asked")
    provider_transfer_id: Mapped[str | None]
    failure_code: Mapped[str | None]
    withdrawn_because: Mapped[str | None]
    reversed_minor: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    asked_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]


class ProviderLimit(Reference, Model):
    """One limit that a payment provider sets on splits and returns, from a day on. 支付机构限额"""

    __tablename__ = "provider_limit"
    __reason__ = "a provider's published limits bind every hospital alike"
    __grants__: ClassVar[dict[str, str]] = {"tandem_app": "SELECT", "tandem_operator": "SELECT, INSERT"}
    __table_args__ = (
        CheckConstraint("value >= 0", name="value"),
        CheckConstraint("effective_to IS NULL OR effective_to > effective_from", name="dates"),
    )

    provider: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    effective_from: Mapped[date] = mapped_column(primary_key=True)
    effective_to: Mapped[date | None]
    value: Mapped[Decimal]
    unit: Mapped[str]
    source: Mapped[str]
