"""Who is billed by which plan, from when to when, and what was paid ahead."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from tandem.billing.rating import queries
from tandem.billing.rating.commands.plans import write_components
from tandem.billing.rating.errors import PeriodRated, PlanVersionUnknown, PoolKeyReused, SubscriptionOverlaps
from tandem.billing.rating.models import PlanVersion, PrepaidPool, Subscription
from tandem.billing.rating.plans import Component, Tier
from tandem.billing.usage import hold_usage_gate
from tandem.kernel import audit, clock
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.money import Money
from tandem.kernel.tenancy import OPERATOR_ID, tenant_id


def subscribe(
    *,
    plan_version_id: UUID,
    subject: str,
    first_day: date,
    until_day: date | None = None,
    contract_id: UUID | None = None,
    follows_id: UUID | None = None,
) -> Subscription:
    """Bill a subject's use by a version of the catalogue, which is copied and pinned. [any tenant, by the operator]

    Raises PlanVersionUnknown, SubscriptionOverlaps when another subscription bills the same use in that time.
    """
    hold_usage_gate()  # alone: of two that overlap, the second one sees the first
    version = _pinned(plan_version_id)
    other = queries.overlapping(version.id, subject, first_day, until_day)
    if other is not None:
        raise SubscriptionOverlaps(subscription_id=other)
    row = Subscription(
        tenant_id=tenant_id(),
        plan_version_id=version.id,
        subject=subject,
        contract_id=contract_id,
        follows_id=follows_id,
        first_day=first_day,
        until_day=until_day,
        rated_until=first_day,
    )
    session.add(row)
    session.flush()
    audit.record(action="subscription.begun", object_type="subscription", object_id=row.id)
    return row


def end_subscription(subscription_id: UUID, *, until_day: date) -> Subscription:
    """Bill nothing from a day on. Raises NotFound, PeriodRated when that day has been rated. [by the operator]"""
    hold_usage_gate()
    row = queries.subscription_for_update(subscription_id)
    if until_day < row.rated_until or (row.until_day is not None and row.until_day < until_day):
        raise PeriodRated(rated_until=str(row.rated_until))
    row.until_day = until_day
    session.flush()
    audit.record(action="subscription.ended", object_type="subscription", object_id=row.id)
    return row


def change_plan(subscription_id: UUID, *, plan_version_id: UUID, first_day: date) -> Subscription:
    """Go over to another version on a day, also within a month: flat terms are cut by days, use by its hour.

    The old subscription ends, a new one follows it; each has a ladder of its own. Raises as `end_subscription` and
    `subscribe` do. [by the operator]
    """
    before = queries.subscription_for_update(subscription_id)
    ends = before.until_day
    end_subscription(subscription_id, until_day=first_day)
    return subscribe(
        plan_version_id=plan_version_id,
        subject=before.subject,
        first_day=first_day,
        until_day=ends,
        contract_id=before.contract_id,
        follows_id=before.id,
    )


def top_up(
    *,
    key: str,
    subject: str,
    amount: Money,
    valid_from: date,
    expires_on: date | None = None,
    priority: int = 0,
) -> PrepaidPool:
    """Record money paid ahead for a subject's use; told again, it is the first pool that comes back.

    Raises PoolKeyReused when the same key comes with other facts. [any tenant, by the operator]
    """
    facts = {
        "subject": subject,
        "currency": amount.currency,
        "granted_minor": amount.amount_minor,
        "priority": priority,
        "valid_from": valid_from,
        "expires_on": expires_on,
    }
    row = {"tenant_id": tenant_id(), "id": new_id(), "key": key, "created_at": clock.now()}
    wish = insert(PrepaidPool.__table__).values(row | facts | {"remaining_minor": amount.amount_minor})
    session.execute(wish.on_conflict_do_nothing(index_elements=["tenant_id", "key"]))
    kept = queries.pool_by_key(key)
    if any(getattr(kept, name) != value for name, value in facts.items()):
        raise PoolKeyReused(pool_id=kept.id)
    return kept


def _pinned(version_id: UUID) -> PlanVersion:
    """The tenant's own copy of a catalogue version, made when it is first subscribed to."""
    here = tenant_id()
    own = queries.plan_version(here, version_id)
    if own is not None:
        return own
    listed = queries.plan_version(OPERATOR_ID, version_id)
    if listed is None:
        raise PlanVersionUnknown(plan_version_id=version_id)
    told = ("id", "code", "number", "title_en", "title_zh", "currency", "minimum_minor", "cap_minor", "terms")
    copy = PlanVersion(
        tenant_id=here, terms_sha256=listed.terms_sha256, **{name: getattr(listed, name) for name in told}
    )
    session.add(copy)
    session.flush()
    components = [_read(each) for each in listed.terms["components"]]
    write_components(copy, components, queries.measures_of({each.meter for each in components if each.meter}))
    return copy


def _read(told: Mapping[str, Any]) -> Component:
    return Component(
        code=told["code"],
        kind=told["kind"],
        title_en=told["title_en"],
        title_zh=told["title_zh"],
        meter=told["meter"],
        flat_minor=told["flat_minor"],
        included=Decimal(told["included"]),
        package_size=Decimal(told["package_size"]),
        tiers=tuple(
            Tier(
                Decimal(tier["above"]),
                None if tier["up_to"] is None else Decimal(tier["up_to"]),
                Decimal(tier["unit_price"]),
                tier["flat_minor"],
            )
            for tier in told["tiers"]
        ),
    )
