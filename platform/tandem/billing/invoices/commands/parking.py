"""Parking a customer's bills when something is out of line, loudly; and the way out."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from tandem.billing.invoices import queries
from tandem.billing.invoices.errors import BillingParked
from tandem.billing.invoices.events import CustomerParked, CustomerReleased
from tandem.billing.invoices.models import PARK_NEXT, BillingPark
from tandem.kernel import audit, clock, outbox, telemetry
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.states import move
from tandem.kernel.tenancy import tenant_id


def park_customer(reasons: Mapping[str, int], *, evidence: dict[str, Any], invoice_id: UUID | None) -> BillingPark:
    """Let no run issue to the scope's customer until somebody has looked. [customer]

    One that is parked already stays parked for its first reason; the new ones are in the audit trail.
    """
    told = evidence | {"limits": dict(reasons)}
    standing = queries.open_park()
    if standing is None:
        standing = BillingPark(
            tenant_id=tenant_id(), id=new_id(), reasons=sorted(reasons), evidence=told, invoice_id=invoice_id
        )
        session.add(standing)
        session.flush()
        outbox.add(CustomerParked(standing.id))
    for reason in reasons:
        telemetry.count("billing_parked", reason=reason)
    telemetry.log.warning("billing parked", reasons=sorted(reasons), billing_park_id=str(standing.id))
    audit.record(action="billing.parked", object_type="billing_park", object_id=standing.id, details=told)
    return standing


def release_customer(park_id: UUID, *, because: str) -> BillingPark:
    """Somebody has looked: what waits is issued as it stands. [customer] Raises TransitionRefused, NotFound."""
    park = queries.park(park_id, for_update=True)
    move(park, "released", PARK_NEXT, because=because)
    park.released_at, park.release_reason = clock.now(), because
    outbox.add(CustomerReleased(park.id))
    return park


def require_not_parked() -> None:
    """Raises BillingParked with the park's reasons. [customer]"""
    standing = queries.open_park()
    if standing is not None:
        raise BillingParked(billing_park_id=str(standing.id), reasons=list(standing.reasons))
