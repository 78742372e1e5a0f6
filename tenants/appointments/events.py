"""What happened to appointments, for the rooms above. The tenant is the hospital's; ids only."""

from dataclasses import dataclass
from uuid import UUID

from tandem.kernel.outbox import Event


@dataclass(frozen=True)
class AppointmentBooked(Event):
    """Paid, or free of charge: the doctor will be there."""

    appointment_id: UUID


@dataclass(frozen=True)
class AppointmentCancelled(Event):
    """Called off by patient, hospital or doctor; what was paid is on its way back."""

    appointment_id: UUID
