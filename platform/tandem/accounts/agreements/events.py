"""What other rooms may hear about an agreement."""

from dataclasses import dataclass
from uuid import UUID

from tandem.kernel.outbox import Event


@dataclass(frozen=True)
class AgreementCameInForce(Event):
    """Both parties have said yes; it rules from its effective_from on."""

    agreement_version_id: UUID
