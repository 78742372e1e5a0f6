"""Reads of plans, subscriptions and lines."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, DateTime, RowMapping, Select, cast, func, or_, select

from tandem.billing.rating import statements
from tandem.billing.rating.models import (
    PlanComponent,
    PlanVersion,
    PrepaidPool,
    RatedLine,
    Subscription,
    UsageClaim,
)
from tandem.billing.usage import Meter
from tandem.kernel import clock
from tandem.kernel.database import Page, page, rows, session
from tandem.kernel.errors import NotFound
from tandem.kernel.tenancy import tenant_id


def newest_number(code: str) -> int:
    """The number of a plan's newest version; 0 when there is none."""
    newest = select(func.max(PlanVersion.number)).where(PlanVersion.tenant_id == tenant_id(), PlanVersion.code == code)
    return session.scalar(newest) or 0


def measures_of(meters: Collection[str]) -> dict[str, str]:
    """What these meters measure; those that do not exist are left out."""
    found = session.execute(select(Meter.code, Meter.measures).where(Meter.code.in_(sorted(meters))))
    return {row.code: row.measures for row in found}


def plan_version(tenant: UUID, version_id: UUID) -> PlanVersion | None:
    """A version in the catalogue (the operator's) or a customer's copy of it."""
    # Columns, not the entity: the scope's own belt would hide the operator's catalogue from the operator's role.
    table = PlanVersion.__table__
    found = (
        session.execute(select(table).where(table.c.tenant_id == tenant, table.c.id == version_id)).mappings().first()
    )
    return None if found is None else PlanVersion(**found)


def plan_versions_page(*, limit: int, after: str | None) -> Page:
    """The catalogue, or what the tenant has subscribed to, in the order in which it was written."""
    wanted = select(*PlanVersion.__table__.c).where(PlanVersion.tenant_id == tenant_id())
    return page(wanted, by=[PlanVersion.id], limit=limit, after=after)


def subscription_for_update(subscription_id: UUID) -> Subscription:
    """One subscription, locked until the transaction ends. Raises NotFound."""
    wanted = select(Subscription).where(Subscription.tenant_id == tenant_id(), Subscription.id == subscription_id)
    found = session.scalar(wanted.with_for_update())
    if found is None:
        raise NotFound
    return found


def subscriptions_page(*, limit: int, after: str | None) -> Page:
    """Every subscription, in the order in which they were made."""
    wanted = select(*Subscription.__table__.c).where(Subscription.tenant_id == tenant_id())
    return page(wanted, by=[Subscription.id], limit=limit, after=after)


def overlapping(version_id: UUID, subject: str, first_day: date, until_day: date | None) -> UUID | None:
    """A subscription that bills a meter of this version for the same subject in that time."""
    mine = select(PlanComponent.meter).where(
        PlanComponent.tenant_id == tenant_id(),
        PlanComponent.plan_version_id == version_id,
        PlanComponent.meter.is_not(None),
    )
    wanted = (
        select(Subscription.id)
        .join(
            PlanComponent,
            (PlanComponent.tenant_id == Subscription.tenant_id)
            & (PlanComponent.plan_version_id == Subscription.plan_version_id),
        )
        .where(
            Subscription.tenant_id == tenant_id(),
            Subscription.subject == subject,
            PlanComponent.meter.in_(mine),
            or_(Subscription.until_day.is_(None), Subscription.until_day > first_day),
        )
    )
    if until_day is not None:
        wanted = wanted.where(Subscription.first_day < until_day)
    return session.scalar(wanted.order_by(Subscription.id).limit(1))


def pool_by_key(key: str) -> PrepaidPool:
    """The pool of a top-up. Raises NotFound."""
    found = session.scalar(select(PrepaidPool).where(PrepaidPool.tenant_id == tenant_id(), PrepaidPool.key == key))
    if found is None:
        raise NotFound
    return found


def pools_page(*, limit: int, after: str | None) -> Page:
    """Every pool and what is left in it."""
    wanted = select(*PrepaidPool.__table__.c).where(PrepaidPool.tenant_id == tenant_id())
    return page(wanted, by=[PrepaidPool.id], limit=limit, after=after)


def rated_lines_page(*, month: date | None, limit: int, after: str | None) -> Page:
    """Lines, all or those on the bill of one month, in the order of their ids."""
    wanted = select(*RatedLine.__table__.c).where(RatedLine.tenant_id == tenant_id())
    if month is not None:
        wanted = wanted.where(RatedLine.raised_for == month.replace(day=1))
    return page(wanted, by=[RatedLine.id], limit=limit, after=after)


def rated_lines(month: date) -> Sequence[RowMapping]:
    """All lines on the bill of a month, adjustments of earlier months among them, by subscription and code."""
    wanted = select(*RatedLine.__table__.c).where(
        RatedLine.tenant_id == tenant_id(), RatedLine.raised_for == month.replace(day=1)
    )
    return rows(wanted.order_by(RatedLine.subscription_id, RatedLine.period_first, RatedLine.code, RatedLine.revision))


def claims_of(rated_line_id: UUID) -> Sequence[RowMapping]:
    """The hours of use behind a line, as they stood when it was rated."""
    return rows(_claims(rated_line_id).order_by(UsageClaim.hour, UsageClaim.meter, UsageClaim.subject))


def claims_page(rated_line_id: UUID, *, limit: int, after: str | None) -> Page:
    """The hours of use behind one line, in order. Raises NotFound for no line of this tenant."""
    mine = select(RatedLine.id).where(RatedLine.tenant_id == tenant_id(), RatedLine.id == rated_line_id)
    if session.scalar(mine) is None:
        raise NotFound
    return page(
        _claims(rated_line_id),
        by=[UsageClaim.hour, UsageClaim.meter, UsageClaim.subject, UsageClaim.fact_count],
        limit=limit,
        after=after,
    )


def _claims(rated_line_id: UUID) -> Select[*tuple[Any, ...]]:
    # Claims are found by what they claim: their meter, their subject and their hours are the line's.
    line, subscription, claim = RatedLine.__table__.c, Subscription.__table__.c, UsageClaim.__table__.c
    return (
        select(*claim)
        .join(RatedLine.__table__, (line.tenant_id == claim.tenant_id) & (line.meter == claim.meter))
        .join(
            Subscription.__table__,
            (subscription.tenant_id == line.tenant_id)
            & (subscription.id == line.subscription_id)
            & (subscription.subject == claim.subject),
        )
        .where(
            claim.tenant_id == tenant_id(),
            line.tenant_id == tenant_id(),
            subscription.tenant_id == tenant_id(),
            line.id == rated_line_id,
            claim.rated_line_id == rated_line_id,
            claim.hour >= _midnight(line.covered_first),
            claim.hour < _midnight(line.covered_until),
        )
    )


def _midnight(day: ColumnElement[date]) -> ColumnElement[datetime]:
    return func.timezone(clock.BUSINESS_ZONE, cast(day, DateTime))


def has_lines(month: date) -> bool:
    """Whether anything stands on the bill of a month."""
    wanted = select(RatedLine.id).where(RatedLine.tenant_id == tenant_id(), RatedLine.raised_for == month)
    return session.scalar(wanted.limit(1)) is not None


def rerate(subscription_ids: Sequence[UUID], month: date) -> Sequence[RowMapping]:
    """What a month comes to by its claims, computed anew: code by code, with quantity, amount and input hash."""
    first = month.replace(day=1)
    chunk = statements.chunk_of([(each, first) for each in subscription_ids], [0] * len(subscription_ids))
    return session.execute(statements.RERATE, chunk).mappings().all()
