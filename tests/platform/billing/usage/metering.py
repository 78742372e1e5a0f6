"""Meters and batches for stories about usage."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from tandem.billing import usage
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction

MORNING = datetime(2026, 9, 1, 1, 30, tzinfo=UTC)
"""Half past nine in Hangzhou, on a day that is over in every story."""


def a_meter(aggregation: str = "sum", measures: str = "things") -> str:
    """A fresh meter of everybody's."""
    code = f"m{new_id().hex[-12:]}"
    with acting_for(OPERATOR_ID, operator=True), transaction():
        usage.define_meter(
            code=code, aggregation=aggregation, measures=measures, unit="piece", title={"en": "Pieces", "zh": "件"}
        )
    return code


def an_event(meter: str, event_id: str | None = None, **changes: Any) -> dict[str, Any]:
    """One use as a hospital's system would report it."""
    return {
        "source": "his",
        "event_id": event_id or str(new_id()),
        "meter": meter,
        "at": MORNING.isoformat(),
        "quantity": "1",
    } | changes


def a_void(of: str, event_id: str | None = None, **changes: Any) -> dict[str, Any]:
    """The event that takes another one back."""
    return {
        "source": "his",
        "event_id": event_id or str(new_id()),
        "voids": of,
        "at": (MORNING + timedelta(hours=3)).isoformat(),
    } | changes


def report(tenant: UUID, *events: Any, reporter: str = "hospital") -> list[str]:
    """Report a batch as the tenant; what became of each."""
    with acting_for(tenant), transaction():
        return [each.outcome for each in usage.ingest(list(events), reporter=reporter)]


def codes(tenant: UUID, *events: Any, reporter: str = "hospital") -> list[str | None]:
    """Report a batch as the tenant; why each was not taken."""
    with acting_for(tenant), transaction():
        return [each.fault and each.fault.code for each in usage.ingest(list(events), reporter=reporter)]


def rollups(tenant: UUID) -> list[tuple[Any, ...]]:
    """All roll-ups of a tenant, and the values its distinct meters saw, in a fixed order."""
    with acting_for(tenant):
        kept = session.execute(
            text(
                "SELECT r.meter, r.subject, r.hour, r.event_count, r.fact_count, r.quantity, r.maximum, "
                "r.latest_quantity, r.latest_at, r.latest_seq, r.latest_key, (SELECT array_agg(encode(v.value_sha256, "
                "'hex') || v.event_count ORDER BY v.value_sha256) FROM usage_value v WHERE v.tenant_id = r.tenant_id "
                "AND v.meter = r.meter AND v.subject = r.subject AND v.hour = r.hour) FROM usage_rollup r "
                "WHERE r.tenant_id = :tenant ORDER BY 1, 2, 3"
            ),
            {"tenant": tenant},
        )
        return [tuple(row) for row in kept]


def counted(tenant: UUID, meter: str) -> tuple[int, int, Any]:
    """Events, facts and quantity of a meter."""
    mine = [row for row in rollups(tenant) if row[0] == meter]
    return sum(row[3] for row in mine), sum(row[4] for row in mine), sum(row[5] for row in mine)


def differences(tenant: UUID) -> int:
    """How many roll-ups of the stories' month do not say what their events say."""
    with acting_for(tenant):
        return len(usage.recount(MORNING - timedelta(days=60), clock.now() + timedelta(days=1)))


def shuffled(events: Iterable[dict[str, Any]], draw: Any) -> list[dict[str, Any]]:
    """The events in another order, some of them twice."""
    events = list(events)
    return draw.permutation(events + draw.sample(events))
