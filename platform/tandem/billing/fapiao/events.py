"""What fapiao tell the houses above."""

from dataclasses import dataclass
from uuid import UUID

from tandem.kernel.outbox import Event


@dataclass(frozen=True)
class FapiaoRequested(Event):
    """A fapiao or red letter was asked for; its adapter has work."""

    fapiao_id: UUID


@dataclass(frozen=True)
class FapiaoIssued(Event):
    """A fapiao or red letter has its number."""

    fapiao_id: UUID


@dataclass(frozen=True)
class FapiaoRejected(Event):
    """A fapiao was not issued: what it was for may be asked for again."""

    fapiao_id: UUID
