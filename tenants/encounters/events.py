"""What happened in a consultation, for the rooms above. The tenant is the hospital's; ids only."""

from dataclasses import dataclass
from uuid import UUID

from tandem.kernel.outbox import Event


@dataclass(frozen=True)
class EncounterFinished(Event):
    """The doctor has delivered the visit."""

    encounter_id: UUID


@dataclass(frozen=True)
class EncounterSigned(Event):
    """The note is locked; the patient may read and copy it."""

    encounter_id: UUID
