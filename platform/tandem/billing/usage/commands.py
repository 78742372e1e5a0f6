"""Metering: a source is counted once, whoever reports it how often."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from tandem.billing.usage import queries
from tandem.billing.usage.errors import UsageConflict, UsageInTheFuture
from tandem.billing.usage.events import UsageRecorded
from tandem.billing.usage.models import UsageEvent
from tandem.kernel import clock, outbox
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import tenant_id

CLOCK_SLACK: Final = timedelta(minutes=5)


def record_usage(
    *,
    meter: str = "visit",
    source_type: str,
    source_id: UUID,
    at: datetime,
    quantity: Decimal | int = 1,
    payment_id: UUID | None = None,
    amount_minor: int,
    currency: str = "CNY",
    service_id: UUID | None = None,
    programme_id: UUID | None = None,
) -> UsageEvent:
    """Meter one use of the scope's hospital. [hospital]

    Reported again, it is the first event that comes back. Raises UsageConflict when the same source comes with other
    facts, UsageInTheFuture more than five minutes ahead of the clock.
    """
    if at > clock.now() + CLOCK_SLACK:
        raise UsageInTheFuture(at=at.isoformat())
    facts = {
        "quantity": Decimal(quantity),
        "amount_minor": amount_minor,
        "currency": currency,
        "payment_id": payment_id,
        "service_id": service_id,
        "programme_id": programme_id,
    }
    source = {"tenant_id": tenant_id(), "meter": meter, "source_type": source_type, "source_id": source_id}
    event_id = new_id()
    event = {"id": event_id, "at": at, "received_at": clock.now()} | source | facts
    wish = insert(UsageEvent.__table__).values(event).on_conflict_do_nothing().returning(UsageEvent.__table__.c.id)
    if session.execute(wish).scalar_one_or_none() is None:
        first = queries.usage_by_source(source_type, source_id, meter)
        if any(getattr(first, name) != value for name, value in facts.items()):
            raise UsageConflict(usage_event_id=first.id)
        return first
    outbox.add(UsageRecorded(event_id))
    return queries.usage_event(event_id)
