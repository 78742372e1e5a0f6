"""What other houses may hear about an organisation. The event's tenant is the organisation itself."""

from dataclasses import dataclass
from uuid import UUID

from tandem.kernel.outbox import Event


@dataclass(frozen=True)
class OrganizationWentLive(Event):
    """It was admitted, or its suspension was lifted: it may be found and booked from now on."""

    organization_id: UUID


@dataclass(frozen=True)
class OrganizationSuspended(Event):
    """No new bookings from now on; care already begun may finish or be referred."""

    organization_id: UUID


@dataclass(frozen=True)
class OrganizationRenamed(Event):
    """Its public name or place has changed."""

    organization_id: UUID
