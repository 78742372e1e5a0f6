"""What a hospital tells: its licence came into force or left it, its page changed."""

from dataclasses import dataclass
from uuid import UUID

from tandem.kernel.outbox import Event


@dataclass(frozen=True)
class LicenceVerified(Event):
    """The operator has checked a licence against the authority's register."""

    licence_id: UUID


@dataclass(frozen=True)
class LicenceLapsed(Event):
    """A licence left validity: expired, suspended or revoked."""

    licence_id: UUID


@dataclass(frozen=True)
class ProfileChanged(Event):
    """What the hospital says about itself to the public has changed."""

    profile_id: UUID
