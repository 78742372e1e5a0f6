"""Reads of accruals and statements, in the hospital's scope."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import RowMapping, func, select

from tandem.billing.ledger import Book, Journal
from tandem.billing.payments import Refund
from tandem.billing.settlements.lines import Cut
from tandem.billing.settlements.models import FeeAccrual, FeeReversal, SettlementLine, SettlementStatement
from tandem.billing.usage import UsageEvent
from tandem.kernel.database import Page, page, rows, session
from tandem.kernel.errors import NotFound
from tandem.kernel.tenancy import tenant_id

_ACCRUAL_SHOWN: Final = (
    "at", "payment_id", "programme_id", "agreement_version_id", "basis_minor", "percent_part_minor",
    "per_visit_part_minor", "uncapped_minor", "fee_minor", "cap", "payable_from", "currency",
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
    wanted = select(SettlementStatement).where(
        SettlementStatement.tenant_id == tenant_id(), SettlementStatement.id == statement_id
    )
    found = session.scalar(wanted.with_for_update() if for_update else wanted)
    if found is None:
        raise NotFound
    return found


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


def statements(*, limit: int, after: str | None, tenant: UUID | None = None) -> Page:
    """Statements, newest first; of one hospital, or (operator, across tenants) of all."""
    wanted = select(*SettlementStatement.__table__.c)
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


def accruals_between(since: datetime, until: datetime) -> Sequence[RowMapping]:
    """Accruals of uses in [since, until)."""
    return rows(
        select(*FeeAccrual.__table__.c).where(
            FeeAccrual.tenant_id == tenant_id(), FeeAccrual.at >= since, FeeAccrual.at < until
        )
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
