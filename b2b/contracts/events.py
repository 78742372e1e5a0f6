"""News of contracts."""

from dataclasses import dataclass
from uuid import UUID

from tandem.kernel.outbox import Event


@dataclass(frozen=True)
class ContractTookEffect(Event):
    """Signed by the employer, approved by the operator."""

    contract_id: UUID


@dataclass(frozen=True)
class ProgrammeOpened(Event):
    """The contract's programme stands; members can be granted their units."""

    contract_id: UUID


@dataclass(frozen=True)
class ContractEnded(Event):
    """It was terminated or ran out: no new bookings on it."""

    contract_id: UUID
