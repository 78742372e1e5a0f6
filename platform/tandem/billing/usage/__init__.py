"""What was delivered, metered once: append-only usage events that every bill and statement points back to. 用量"""

from tandem.billing.usage.commands import record_usage
from tandem.billing.usage.errors import UsageConflict, UsageInTheFuture
from tandem.billing.usage.events import UsageRecorded
from tandem.billing.usage.models import UsageEvent
from tandem.billing.usage.queries import usage_between, usage_by_source, usage_event, usage_of_payment

__all__ = [
    "UsageConflict",
    "UsageEvent",
    "UsageInTheFuture",
    "UsageRecorded",
    "record_usage",
    "usage_between",
    "usage_by_source",
    "usage_event",
    "usage_of_payment",
]
