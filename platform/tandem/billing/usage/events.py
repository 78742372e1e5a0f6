"""What usage tells the rooms above."""

from dataclasses import dataclass
from uuid import UUID

from tandem.kernel.outbox import Event


@dataclass(frozen=True)
class UsageRecorded(Event):
    """Something was delivered and metered."""

    usage_event_id: UUID
