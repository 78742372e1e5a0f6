"""The one place where payments reach into a programme: a benefit's unit instead of money.

The programme is a tenant of its own. Each step there is keyed by the payment's id, so doing it twice changes nothing.
"""

from datetime import datetime
from uuid import UUID

from tandem.billing import entitlements
from tandem.kernel import clock
from tandem.kernel.tenancy import acting_for, tenant_id, transaction


def reserve_unit(programme_id: UUID, entitlement_id: UUID, *, payment_id: UUID, person_id: UUID) -> None:
    """Keep a unit for this payment. Raises the programme's Problem when there is none to be had."""
    hospital_id = tenant_id()
    with acting_for(programme_id), transaction():
        entitlements.reserve(
            entitlement_id, key=payment_id, hospital_id=hospital_id, person_id=person_id, on=clock.today()
        )


def consume_unit(programme_id: UUID, entitlement_id: UUID, *, payment_id: UUID, at: datetime) -> None:
    """The visit took place."""
    with acting_for(programme_id), transaction():
        entitlements.consume(entitlement_id, key=payment_id, at=at)


def release_unit(programme_id: UUID, entitlement_id: UUID, *, payment_id: UUID) -> None:
    """The booking was cancelled or refunded; without a reservation there is nothing to do."""
    with acting_for(programme_id), transaction():
        entitlements.release(entitlement_id, key=payment_id)
