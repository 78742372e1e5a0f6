"""What the practitioners' room tells."""

from dataclasses import dataclass
from uuid import UUID

from tandem.kernel.outbox import Event


@dataclass(frozen=True)
class PractitionerCleared(Event):
    """Medical affairs have verified a practitioner's credentials, or a pause ended."""

    practitioner_id: UUID


@dataclass(frozen=True)
class PractitionerStopped(Event):
    """A practitioner was paused or suspended, or has left."""

    practitioner_id: UUID
