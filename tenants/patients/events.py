"""What the patients' room tells."""

from dataclasses import dataclass
from uuid import UUID

from tandem.kernel.outbox import Event


@dataclass(frozen=True)
class PatientRegistered(Event):
    """A person has a record at this hospital now."""

    patient_id: UUID


@dataclass(frozen=True)
class ConsentWithdrawn(Event):
    """A patient took a consent back: no further processing on its ground."""

    consent_id: UUID
