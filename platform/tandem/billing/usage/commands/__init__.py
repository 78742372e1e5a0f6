"""Metering: a source is counted once, whoever reports it how often; roll-ups follow from what was written."""

from tandem.billing.usage.commands.closing import close_usage, hold_usage_gate
from tandem.billing.usage.commands.metering import define_meter, ingest, record_usage
from tandem.billing.usage.commands.rollups import rebuild_rollups

__all__ = ["close_usage", "define_meter", "hold_usage_gate", "ingest", "rebuild_rollups", "record_usage"]
