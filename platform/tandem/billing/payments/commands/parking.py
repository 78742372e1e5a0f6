"""Facts that cannot be booked: written down once each, tried again, released when they can."""

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from tandem.billing.payments.models import ParkedFact
from tandem.kernel import clock, telemetry
from tandem.kernel.database import refusing_constraint, session
from tandem.kernel.errors import Problem
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import tenant_id


def park_fact(
    object_kind: str, object_id: str, why: Problem | IntegrityError, *, amount_minor: int | None, currency: str | None
) -> None:
    """Write down that a fact cannot be booked, and why; told again it is counted, not doubled. [hospital]"""
    reason = why.slug if isinstance(why, Problem) else refusing_constraint(why) or type(why.orig).__name__
    now = clock.now()
    row = insert(ParkedFact).values(
        tenant_id=tenant_id(),
        id=new_id(),
        object_kind=object_kind,
        object_id=object_id,
        reason=reason,
        amount_minor=amount_minor,
        currency=currency,
        attempts=1,
        first_seen_at=now,
        last_tried_at=now,
    )
    again = {"reason": reason, "attempts": ParkedFact.attempts + 1, "last_tried_at": now, "released_at": None}
    session.execute(
        row.on_conflict_do_update(index_elements=["tenant_id", "object_kind", "object_id"], set_=again),
    )
    telemetry.count("provider_facts_parked", reason=reason)
    telemetry.log.error("provider_fact_parked", object_kind=object_kind, object_id=object_id, reason=reason)


def release_fact(object_kind: str, object_id: str) -> None:
    """The fact could be booked after all, or the provider has withdrawn it. [hospital]"""
    session.execute(
        update(ParkedFact)
        .where(
            ParkedFact.tenant_id == tenant_id(),
            ParkedFact.object_kind == object_kind,
            ParkedFact.object_id == object_id,
            ParkedFact.released_at.is_(None),
        )
        .values(released_at=clock.now())
        .execution_options(synchronize_session=False)
    )
