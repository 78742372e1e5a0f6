"""What happened to a doctor's time, for the rooms above. The tenant is the hospital's."""

from dataclasses import dataclass
from uuid import UUID

from tandem.kernel.outbox import Event


@dataclass(frozen=True)
class LeaveTaken(Event):
    """A doctor will be away: whoever is booked in that time must be told and refunded."""

    leave_id: UUID
