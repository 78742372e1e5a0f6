"""Reads of accruals and statements, in the hospital's scope."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, Select, func, select, text
from sqlalchemy.orm import InstrumentedAttribute

from tandem.billing.ledger import Book, Journal
from tandem.billing.payments import Dispute, Refund
from tandem.billing.settlements.lines import Cut
from tandem.billing.settlements.models import (
    EmployerStatement,
    FeeAccrual,
    FeeAdjustment,
    FeeDecision,
    FeeReversal,
    LineDispute,
    SettlementCarry,
    SettlementLine,
    SettlementStatement,
)
from tandem.billing.settlements.queries.employers import employer_statement
from tandem.billing.usage import UsageEvent
from tandem.kernel.database import Page, locked, own_row, page, rows, session
from tandem.kernel.errors import NotFound
from tandem.kernel.tenancy import tenant_id

_ACCRUAL_SHOWN: Final = (
    "at", "payment_id", "programme_id", "agreement_version_id", "basis_minor", "percent_part_minor",
    "per_visit_part_minor", "uncapped_minor", "fee_minor", "disputed_minor", "cap", "payable_from", "currency",
)  # fmt: skip


def accrual_of_usage(usage_event_id: UUID) -> FeeAccrual | None:
    """The accrual of a use, if it has been made."""
    return session.scalar(
        select(FeeAccrual).where(FeeAccrual.tenant_id == tenant_id(), FeeAccrual.usage_event_id == usage_event_id)
    )


def accrual_of_payment(payment_id: UUID) -> FeeAccrual | None:
    """The accrual of what a payment paid for, if it has been delivered and accrued."""
    return session.scalar(
        select(FeeAccrual).where(FeeAccrual.tenant_id == tenant_id(), FeeAccrual.payment_id == payment_id).limit(1)
    )


def accrual(fee_accrual_id: UUID) -> FeeAccrual:
    """One accrual. Raises NotFound."""
    found = session.scalar(
        select(FeeAccrual).where(FeeAccrual.tenant_id == tenant_id(), FeeAccrual.id == fee_accrual_id)
    )
    if found is None:
        raise NotFound
    return found


def programme_fees_minor(programme_id: UUID) -> int:
    """What fees a programme's visits have borne here so far, within their caps."""
    borne = select(func.coalesce(func.sum(FeeAccrual.fee_minor), 0)).where(
        FeeAccrual.tenant_id == tenant_id(), FeeAccrual.programme_id == programme_id
    )
    return int(session.scalar(borne) or 0)


def refunded_minor(fee_accrual_id: UUID) -> int:
    """How much of an accrual's basis has been taken back so far."""
    return _reversed_sum(FeeReversal.refund_minor, fee_accrual_id)


def excess_reversed_minor(fee_accrual_id: UUID) -> int:
    """How much of the part beyond a cap has been taken back so far."""
    return _reversed_sum(FeeReversal.excess_minor, fee_accrual_id)


def decision_for_update(fee_accrual_id: UUID) -> FeeDecision | None:
    """What was decided on the part beyond a cap, locked."""
    wanted = select(FeeDecision).where(
        FeeDecision.tenant_id == tenant_id(), FeeDecision.fee_accrual_id == fee_accrual_id
    )
    return locked(wanted)


def booked_decision(fee_accrual_id: UUID) -> str | None:
    """The decision, once it stands in the book."""
    wanted = select(FeeDecision.decision).where(
        FeeDecision.tenant_id == tenant_id(),
        FeeDecision.fee_accrual_id == fee_accrual_id,
        FeeDecision.booked_minor.is_not(None),
    )
    return session.scalar(wanted)


def dispute(dispute_id: UUID) -> Dispute:
    """One dispute of a payment. Raises NotFound."""
    found = session.scalar(select(Dispute).where(Dispute.tenant_id == tenant_id(), Dispute.id == dispute_id))
    if found is None:
        raise NotFound
    return found


def lost_disputes(payment_id: UUID) -> Sequence[Dispute]:
    """A payment's disputes that were lost, oldest first."""
    of_payment = select(Dispute).where(
        Dispute.tenant_id == tenant_id(), Dispute.payment_id == payment_id, Dispute.status == "lost"
    )
    return session.scalars(of_payment.order_by(Dispute.closed_at, Dispute.id)).all()


def fees_in_dispute(*, limit: int, after: str | None) -> Page:
    """Fees beyond a cap, newest first, with what became of them."""
    return page(_in_dispute(), by=[FeeAccrual.id], limit=limit, after=after, newest_first=True)


def fee_in_dispute(fee_accrual_id: UUID) -> dict[str, Any]:
    """One fee beyond a cap, with what became of it. Raises NotFound."""
    found = rows(_in_dispute().where(FeeAccrual.id == fee_accrual_id))
    if not found:
        raise NotFound
    return dict(found[0])


def _in_dispute() -> Select[*tuple[Any, ...]]:
    return (
        select(
            *FeeAccrual.__table__.c,
            FeeDecision.decision,
            FeeDecision.because,
            FeeDecision.decided_at,
        )
        .outerjoin(
            FeeDecision, (FeeDecision.tenant_id == FeeAccrual.tenant_id) & (FeeDecision.fee_accrual_id == FeeAccrual.id)
        )
        .where(FeeAccrual.tenant_id == tenant_id(), FeeAccrual.disputed_minor > 0)
    )


def is_reversed(refund_id: UUID, *, is_return: bool) -> bool:
    """Whether a refund (or its return) has been taken into account."""
    found = select(FeeReversal.id).where(
        FeeReversal.tenant_id == tenant_id(), FeeReversal.refund_id == refund_id, FeeReversal.is_return == is_return
    )
    return session.scalar(found) is not None


def succeeded_refunds(payment_id: UUID) -> Sequence[Refund]:
    """A payment's refunds whose money has gone back, oldest first."""
    of_payment = select(Refund).where(
        Refund.tenant_id == tenant_id(), Refund.payment_id == payment_id, Refund.status == "succeeded"
    )
    return session.scalars(of_payment.order_by(Refund.succeeded_at, Refund.id)).all()


def unaccrued_usage(until: datetime) -> Sequence[UUID]:
    """Uses before `until` that have no accrual yet, oldest first."""
    missing = (
        select(UsageEvent.id)
        .outerjoin(
            FeeAccrual, (FeeAccrual.tenant_id == UsageEvent.tenant_id) & (FeeAccrual.usage_event_id == UsageEvent.id)
        )
        .where(UsageEvent.tenant_id == tenant_id(), UsageEvent.is_sold, UsageEvent.at < until, FeeAccrual.id.is_(None))
        .order_by(UsageEvent.at, UsageEvent.id)
    )
    return session.scalars(missing).all()


def statement(statement_id: UUID, *, for_update: bool = False) -> SettlementStatement:
    """One statement. Raises NotFound."""
    return own_row(SettlementStatement, statement_id, for_update=for_update)


def any_statement(statement_id: UUID) -> SettlementStatement | EmployerStatement:
    """One statement, a hospital's or an employer's. Raises NotFound."""
    hospitals = select(SettlementStatement).where(
        SettlementStatement.tenant_id == tenant_id(), SettlementStatement.id == statement_id
    )
    return session.scalar(hospitals) or employer_statement(statement_id)


def last_statement(currency: str) -> SettlementStatement | None:
    """The statement with the latest period."""
    return session.scalar(
        select(SettlementStatement)
        .where(SettlementStatement.tenant_id == tenant_id(), SettlementStatement.currency == currency)
        .order_by(SettlementStatement.number.desc())
        .limit(1)
    )


def statement_before(row: SettlementStatement) -> SettlementStatement | None:
    """The statement that a statement follows."""
    return session.scalar(
        select(SettlementStatement).where(
            SettlementStatement.tenant_id == tenant_id(),
            SettlementStatement.currency == row.currency,
            SettlementStatement.number == row.number - 1,
        )
    )


def statements_before(row: SettlementStatement, *, limit: int) -> Sequence[SettlementStatement]:
    """The statements before a statement that went to the hospital, the latest first."""
    wanted = select(SettlementStatement).where(
        SettlementStatement.tenant_id == tenant_id(),
        SettlementStatement.currency == row.currency,
        SettlementStatement.number < row.number,
        SettlementStatement.status.not_in(("draft", "parked")),
    )
    return session.scalars(wanted.order_by(SettlementStatement.number.desc()).limit(limit)).all()


def open_line_disputes(statement_id: UUID) -> Sequence[LineDispute]:
    """The disputes of a hospital's or an employer's statement that nobody has resolved yet, locked."""
    return _disputes_of(statement_id, LineDispute.status == "open")


def withheld_line_disputes(statement_id: UUID) -> Sequence[LineDispute]:
    """The disputes whose sums were withheld when the statement was paid, locked."""
    return _disputes_of(statement_id, LineDispute.is_withheld.is_(True))


def _disputes_of(statement_id: UUID, which: ColumnElement[bool]) -> Sequence[LineDispute]:
    # Locked, because whoever resolves one at the same moment changes what is withheld.
    wanted = select(LineDispute).where(LineDispute.tenant_id == tenant_id(), _of(LineDispute) == statement_id, which)
    locked = wanted.order_by(LineDispute.raised_at, LineDispute.id).with_for_update()
    return session.scalars(locked.execution_options(populate_existing=True)).all()


def line_dispute(dispute_id: UUID, *, for_update: bool = False) -> LineDispute:
    """One dispute of a line. Raises NotFound."""
    return own_row(LineDispute, dispute_id, for_update=for_update)


def line_disputes(statement_id: UUID, *, limit: int, after: str | None) -> Page:
    """The disputes of a hospital's or an employer's statement, in order. Raises NotFound."""
    any_statement(statement_id)
    of_it = _of(LineDispute)
    wanted = select(*LineDispute.__table__.c, of_it.label("of_id")).where(
        LineDispute.tenant_id == tenant_id(), of_it == statement_id
    )
    return page(wanted, by=[LineDispute.id], limit=limit, after=after)


def adjustment(adjustment_id: UUID, *, for_update: bool = False) -> FeeAdjustment:
    """One adjustment. Raises NotFound."""
    return own_row(FeeAdjustment, adjustment_id, for_update=for_update)


def adjustments(statement_id: UUID, *, limit: int, after: str | None) -> Page:
    """The adjustments of a hospital's or an employer's statement, in order. Raises NotFound."""
    any_statement(statement_id)
    of_it = _of(FeeAdjustment)
    wanted = select(*FeeAdjustment.__table__.c, of_it.label("of_id")).where(
        FeeAdjustment.tenant_id == tenant_id(), of_it == statement_id
    )
    return page(wanted, by=[FeeAdjustment.id], limit=limit, after=after)


def left_over(currency: str, but: UUID) -> list[dict[str, Any]]:
    """What earlier statements left unpaid and no statement has taken up yet."""
    found = session.execute(_LEFT_OVER, {"tenant": tenant_id(), "currency": currency, "but": but})
    return [dict(row) for row in found.mappings()]


def carries_into(statement_id: UUID) -> list[dict[str, Any]]:
    """What a statement took up of earlier ones, as its document says it."""
    earlier = SettlementStatement
    wanted = (
        select(earlier.number.label("from_number"), SettlementCarry.because, SettlementCarry.amount_minor)
        .join(earlier, (earlier.tenant_id == SettlementCarry.tenant_id) & (earlier.id == SettlementCarry.from_id))
        .where(SettlementCarry.tenant_id == tenant_id(), SettlementCarry.to_id == statement_id)
        .order_by(earlier.number, SettlementCarry.because, SettlementCarry.amount_minor)
    )
    return [dict(row) for row in rows(wanted)]


def statements(*, limit: int, after: str | None, tenant: UUID | None = None, put_forward: bool = False) -> Page:
    """Statements, newest first; of one hospital, or (operator, across tenants) of all.

    With `put_forward` without drafts, and without those that are parked for somebody to look at.
    """
    wanted = select(*SettlementStatement.__table__.c)
    if put_forward:
        wanted = wanted.where(SettlementStatement.status.not_in(("draft", "parked")))
    if tenant is not None:
        wanted = wanted.where(SettlementStatement.tenant_id == tenant)
    by = [SettlementStatement.period_end, SettlementStatement.id]
    return page(wanted, by=by, limit=limit, after=after, newest_first=True)


def lines_of(statement_id: UUID) -> Sequence[RowMapping]:
    """A statement's lines, in order."""
    return rows(
        select(*SettlementLine.__table__.c)
        .where(SettlementLine.tenant_id == tenant_id(), SettlementLine.statement_id == statement_id)
        .order_by(SettlementLine.line_no)
    )


def usage_in(cut: Cut, *, limit: int, after: str | None) -> Page:
    """The accruals whose revenue (or, for a free visit's fee, whose fee) a statement takes, in order of the book."""
    wanted = (
        select(
            Journal.seq,
            FeeAccrual.id,
            FeeAccrual.usage_event_id,
            UsageEvent.source_type,
            UsageEvent.source_id,
            *(getattr(FeeAccrual, name) for name in _ACCRUAL_SHOWN),
        )
        .join(
            Journal,
            (Journal.tenant_id == FeeAccrual.tenant_id)
            & (Journal.id == func.coalesce(FeeAccrual.revenue_journal_id, FeeAccrual.fee_journal_id)),
        )
        .join(Book, (Book.tenant_id == Journal.tenant_id) & (Book.id == Journal.book_id))
        .join(UsageEvent, (UsageEvent.tenant_id == FeeAccrual.tenant_id) & (UsageEvent.id == FeeAccrual.usage_event_id))
        .where(FeeAccrual.tenant_id == tenant_id(), Book.currency == cut.currency, cut.takes())
    )
    return page(wanted, by=[Journal.seq, FeeAccrual.id], limit=limit, after=after)


# Disputed sums that were withheld and are resolved; results that were carried forward instead of being paid.
_LEFT_OVER: Final = text(
    "SELECT s.id AS from_id, d.id AS line_dispute_id, 'disputed' AS because, d.withheld_minor AS amount_minor "
    "FROM line_dispute d JOIN settlement_statement s ON s.tenant_id = :tenant AND s.id = d.statement_id "
    "LEFT JOIN settlement_carry c ON c.tenant_id = :tenant AND c.line_dispute_id = d.id "
    "WHERE d.tenant_id = :tenant AND s.currency = :currency AND d.is_withheld AND d.status <> 'open' "
    "AND s.status IN ('paid', 'closed') AND d.withheld_minor > 0 AND c.id IS NULL UNION ALL "
    "SELECT s.id, NULL, 'carried_forward', s.due_to_operator_minor FROM settlement_statement s "
    "LEFT JOIN settlement_carry c ON c.tenant_id = :tenant AND c.from_id = s.id AND c.line_dispute_id IS NULL "
    "WHERE s.tenant_id = :tenant AND s.currency = :currency AND s.id <> :but AND s.status IN ('paid', 'closed') "
    "AND s.payment_reference IS NULL AND s.due_to_operator_minor < 0 AND s.paid_minor = 0 AND c.id IS NULL "
    "ORDER BY from_id, line_dispute_id"
)


def _of(model: type[LineDispute] | type[FeeAdjustment]) -> ColumnElement[UUID]:
    return func.coalesce(model.statement_id, model.employer_statement_id)


def _reversed_sum(column: InstrumentedAttribute[int], fee_accrual_id: UUID) -> int:
    summed = select(func.coalesce(func.sum(column), 0)).where(
        FeeReversal.tenant_id == tenant_id(), FeeReversal.fee_accrual_id == fee_accrual_id
    )
    return int(session.scalar(summed) or 0)
