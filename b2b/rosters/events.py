"""News of rosters."""

from dataclasses import dataclass
from uuid import UUID

from tandem.kernel.outbox import Event


@dataclass(frozen=True)
class RosterChanged(Event):
    """Members joined, left or were corrected; every change has an id of its own."""

    change_id: UUID


@dataclass(frozen=True)
class MembersGranted(Event):
    """All members present have their units in the contract's programme."""

    contract_id: UUID
