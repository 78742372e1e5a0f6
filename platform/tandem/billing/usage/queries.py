"""Reads of usage, in the hospital's scope."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping, select

from tandem.billing.usage.models import UsageEvent
from tandem.kernel.database import Page, page, rows, session
from tandem.kernel.errors import NotFound
from tandem.kernel.tenancy import tenant_id


def usage_event(event_id: UUID) -> UsageEvent:
    """One event. Raises NotFound."""
    found = session.scalar(select(UsageEvent).where(UsageEvent.tenant_id == tenant_id(), UsageEvent.id == event_id))
    if found is None:
        raise NotFound
    return found


def usage_by_source(source_type: str, source_id: UUID, meter: str = "visit") -> UsageEvent:
    """The event of a source. Raises NotFound."""
    found = session.scalar(
        select(UsageEvent).where(
            UsageEvent.tenant_id == tenant_id(),
            UsageEvent.source_type == source_type,
            UsageEvent.source_id == source_id,
            UsageEvent.meter == meter,
        )
    )
    if found is None:
        raise NotFound
    return found


def usage_of_payment(payment_id: UUID) -> UsageEvent | None:
    """What a payment paid for, once it was delivered."""
    of_payment = select(UsageEvent).where(
        UsageEvent.tenant_id == tenant_id(), UsageEvent.payment_id == payment_id, UsageEvent.voids_id.is_(None)
    )
    return session.scalar(of_payment.order_by(UsageEvent.at, UsageEvent.id).limit(1))


def usage_between(since: datetime, until: datetime) -> Sequence[RowMapping]:
    """All events in [since, until), in order of time."""
    wanted = select(*UsageEvent.__table__.c).where(
        UsageEvent.tenant_id == tenant_id(), UsageEvent.at >= since, UsageEvent.at < until
    )
    return rows(wanted.order_by(UsageEvent.at, UsageEvent.id))


def usage_page(*, since: datetime | None, until: datetime | None, limit: int, after: str | None) -> Page:
    """Events, newest first."""
    wanted = select(*UsageEvent.__table__.c).where(UsageEvent.tenant_id == tenant_id())
    if since is not None:
        wanted = wanted.where(UsageEvent.at >= since)
    if until is not None:
        wanted = wanted.where(UsageEvent.at < until)
    return page(wanted, by=[UsageEvent.at, UsageEvent.id], limit=limit, after=after, newest_first=True)
