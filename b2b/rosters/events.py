"""News of rosters."""

from dataclasses import dataclass
from uuid import UUID

from tandem.kernel.outbox import Event


@dataclass(frozen=True)
class RosterChanged(Event):
    """Members joined or left."""

    import_id: UUID


@dataclass(frozen=True)
class MembersGranted(Event):
    """All members present have their units in the contract's programme."""

    contract_id: UUID
