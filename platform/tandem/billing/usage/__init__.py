"""What was delivered, metered once: append-only usage events that every bill and statement points back to. 用量"""

from tandem.billing.usage.commands import (
    close_usage,
    define_meter,
    hold_usage_gate,
    ingest,
    rebuild_rollups,
    record_usage,
)
from tandem.billing.usage.errors import MeterExists, UsageConflict, UsageInTheFuture
from tandem.billing.usage.events import UsageRecorded
from tandem.billing.usage.models import WHOLE_TENANT, Meter, UsageEvent, UsageGate, UsageRollup, UsageValue
from tandem.billing.usage.queries import (
    aggregations,
    charged_above_ceiling,
    recount,
    usage_between,
    usage_by_source,
    usage_event,
)

__all__ = [
    "WHOLE_TENANT",
    "Meter",
    "MeterExists",
    "UsageConflict",
    "UsageEvent",
    "UsageGate",
    "UsageInTheFuture",
    "UsageRecorded",
    "UsageRollup",
    "UsageValue",
    "aggregations",
    "charged_above_ceiling",
    "close_usage",
    "define_meter",
    "hold_usage_gate",
    "ingest",
    "rebuild_rollups",
    "record_usage",
    "recount",
    "usage_between",
    "usage_by_source",
    "usage_event",
]
