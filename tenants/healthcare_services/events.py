"""What the services' room tells."""

from dataclasses import dataclass
from uuid import UUID

from tandem.kernel.outbox import Event


@dataclass(frozen=True)
class ServicePublished(Event):
    """Patients may find and book it."""

    service_id: UUID


@dataclass(frozen=True)
class ServiceRetired(Event):
    """It is no longer offered; what is booked is delivered."""

    service_id: UUID


@dataclass(frozen=True)
class ServiceRevised(Event):
    """Price or wording of a published service changed; what is booked keeps its price."""

    service_id: UUID
