"""Adjustments that hospital and operator agreed on elsewhere: as differences that reconciliation found."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal
from uuid import UUID

from sqlalchemy import select

from tandem.billing.ledger import JournalDraft, mirror_currency
from tandem.billing.settlements import postings
from tandem.billing.settlements.models import FeeAdjustment, SettlementStatement
from tandem.kernel import clock, jobs
from tandem.kernel.database import session
from tandem.kernel.ids import derived_id
from tandem.kernel.tenancy import tenant_id

_NOT_PUT: Final = ("draft", "parked")
"""States in which a statement has not been put to the hospital: nothing of it can be corrected."""


@dataclass(frozen=True, slots=True)
class Agreed:
    """A fee that was booked wrongly on a day, and what both parties agreed to add to it (minor units) when.

    `agreement` names what they agreed on, `about` which fee: together they name the adjustment, which is made once.
    """

    agreement: UUID
    about: UUID
    day: date
    amount_minor: int
    currency: str
    because: str
    proposed_party: Literal["hospital", "operator"]
    decided_party: Literal["hospital", "operator"]
    decided_at: datetime


def statements_of_days(days: Collection[date], currency: str) -> dict[date, UUID]:
    """The statement that was put to the hospital for each of these business days, where there is one. [hospital]"""
    if not days:
        return {}
    first, last = clock.day_bounds(min(days))[0], clock.day_bounds(max(days))[0]
    found = session.execute(
        select(SettlementStatement.id, SettlementStatement.period_start, SettlementStatement.period_end).where(
            SettlementStatement.tenant_id == tenant_id(),
            SettlementStatement.currency == currency,
            SettlementStatement.period_end > first,
            SettlementStatement.period_start <= last,
            SettlementStatement.status.not_in(_NOT_PUT),
        )
    ).all()
    begun = {day: clock.day_bounds(day)[0] for day in days}
    return {day: row.id for day, since in begun.items() for row in found if row.period_start <= since < row.period_end}


def adjustments_agreed(wanted: Sequence[Agreed]) -> list[FeeAdjustment | None]:
    """Accepted adjustments, not kept yet, each of the statement of its day; None where no statement tells of the day.

    [hospital]
    """
    by_currency = {each.currency: {other.day for other in wanted if other.currency == each.currency} for each in wanted}
    told = {currency: statements_of_days(days, currency) for currency, days in by_currency.items()}
    return [_adjustment(each, told[each.currency].get(each.day)) for each in wanted]


def journal_of_adjustment(adjustment: FeeAdjustment) -> JournalDraft:
    """What books an accepted adjustment."""
    if adjustment.decided_at is None:
        raise ValueError(adjustment.status)
    return postings.adjusted(adjustment, at=adjustment.decided_at)


def keep_adjustments(booked: Sequence[FeeAdjustment]) -> None:
    """Keep adjustments whose journals the book took, in the same transaction; the operator's book follows."""
    session.add_all(booked)
    for currency in sorted({each.currency for each in booked}):
        jobs.enqueue(mirror_currency, currency=currency)


def _adjustment(agreed: Agreed, statement_id: UUID | None) -> FeeAdjustment | None:
    if statement_id is None:
        return None
    return FeeAdjustment(
        tenant_id=tenant_id(),
        id=derived_id("fee_adjustment", f"{agreed.agreement}:{agreed.about}"),
        statement_id=statement_id,
        amount_minor=agreed.amount_minor,
        currency=agreed.currency,
        because=agreed.because,
        status="accepted",
        proposed_party=agreed.proposed_party,
        proposed_at=agreed.decided_at,
        decided_party=agreed.decided_party,
        decided_at=agreed.decided_at,
    )
